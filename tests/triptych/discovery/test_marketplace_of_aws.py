"""What another vendor sells on AWS's marketplace has its name, however it is coded."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from ingest.sources.tables.bill_formats import format_of_header
from ingest.storage.files import column_names
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.discovery.charges import classify
from triptych.discovery.ledger_sample import Reading, bench, sample_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BILLS = {bill.name: bill for bill in held_out_bills()}
CODE = "8z7ncgs8cw4fzeaz3z8q9y6po"
SONNET = "Claude Sonnet 4.5 (Amazon Bedrock Edition)"
#: As an export writes them: code, product, seller, usage type → kind and model.
PRODUCTS = (
    ((CODE, SONNET, "Anthropic, PBC"), ("model_api", "claude-sonnet-4-5")),
    (("", SONNET, "Amazon Web Services, Inc."), ("model_api", "claude-sonnet-4-5")),
    (("", "Weights & Biases", "Weights and Biases Inc."), ("model_operations", None)),
    (("", "Backup for offices", "Vendor Inc."), (None, None)),
)


def cur2(code: str, product: str, seller: str) -> dict[str, str]:
    row = BILLS["aws_cur2"].write_row(BILLS["aws_cur2"].lines[0])
    return row | {
        "bill_billing_entity": "AWS Marketplace",
        "line_item_product_code": CODE,
        "product_servicecode": code,
        "product": f'{{"product_name": "{product}"}}',
        "line_item_legal_entity": seller,
        "line_item_usage_type": "USE1-MP:USE1_InputTokenCount-Units",
        "line_item_line_item_description": f"AWS Marketplace software usage|{CODE}",
        "line_item_resource_id": "",
    }


def legacy(code: str, product: str, seller: str) -> dict[str, str]:
    row = BILLS["aws_cur_legacy"].write_row(BILLS["aws_cur_legacy"].lines[0])
    return row | {
        "bill/BillingEntity": "AWS Marketplace",
        "lineItem/ProductCode": CODE,
        "product/servicecode": code,
        "product/ProductName": product,
        "lineItem/LegalEntity": seller,
        "lineItem/UsageType": "USE1-MP:USE1_InputTokenCount-Units",
        "lineItem/LineItemDescription": f"AWS Marketplace software usage|{CODE}",
        "lineItem/ResourceId": "",
    }


@pytest.mark.parametrize("write_row", [cur2, legacy])
def test_seller_and_name_of_a_product_decide_and_its_code_does_not(
    tmp_path: Path, write_row: Callable[[str, str, str], dict[str, str]]
) -> None:
    rows = [write_row(*product) for product, _ in PRODUCTS]
    path = tmp_path / "bill.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    kind = format_of_header(column_names(path))
    assert kind is not None
    with bench() as connection:
        sample_file(
            connection, path, kind, table="charges", label="bill", reading=Reading()
        )
        classify(connection, "(SELECT *, row_number() OVER () AS line FROM charges)")
        found = connection.execute(
            "SELECT service_name, service_provider_name, kind, named_model"
            " FROM classified ORDER BY line"
        ).fetchall()
    assert found == [
        (name, seller, *expected) for (_, name, seller), expected in PRODUCTS
    ]
