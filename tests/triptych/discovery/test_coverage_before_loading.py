"""What discovery says of money, by hand and as the ledger has it after loading."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.chosen_marts import ingest_and_build
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.cli import app
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace, initialise
from triptych.discovery.discover import discover
from triptych.run.pipeline import bound_connectors

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.discovery.discover import Coverage, Discovery

BILLS = {bill.name: bill for bill in held_out_bills()}


def typical(bill: str, **fields: str) -> dict[str, str]:
    """Return a line as the provider writes it, with other content."""
    row = BILLS[bill].write_row(BILLS[bill].lines[0])
    return {**row, **{name: fields.get(name, text) for name, text in row.items()}}


def focus(category: str, service: str, cost: str) -> dict[str, str]:
    is_storage = service.endswith("Storage Service")
    return typical(
        "aws_focus",
        ChargeCategory=category,
        ServiceName=service,
        ChargeDescription="GetObject" if is_storage else "Claude Sonnet 4 input tokens",
        BilledCost=cost,
        EffectiveCost=cost,
        Tags="",
        ResourceId="",
    )


def cur2(line_type: str, service: str, cost: str, **fields: str) -> dict[str, str]:
    row = typical(
        "aws_cur2",
        line_item_line_item_type=line_type,
        line_item_product_code=service,
        product_servicecode=service,
        line_item_usage_type=fields.pop("meter", "BoxUsage:p5.48xlarge"),
        line_item_unblended_cost=cost,
        line_item_line_item_description=f"{service} {line_type}",
        line_item_usage_start_date="2026-06-02 00:00:00",
        line_item_usage_end_date="2026-06-03 00:00:00",
        line_item_resource_id="",
        resource_tags="{}",
    )
    names = (
        "savings_plan_savings_plan_a_r_n",
        "savings_plan_savings_plan_effective_cost",
        "reservation_reservation_a_r_n",
        "reservation_effective_cost",
        "line_item_operation",
    )
    return row | {name: fields.get(name, "") for name in names}


def google(cost_type: str, cost: str, promotion: str = "") -> dict[str, str]:
    credit = {"type": "PROMOTION", "name": "free trial", "amount": promotion}
    return typical(
        "gcp_export",
        **{"service.description": "Vertex AI", "cost_type": cost_type, "cost": cost},
        **{"sku.description": "Gemini 2.5 Pro Input Tokens", "labels": "[]"},
        credits=json.dumps([credit] if promotion else []),
    )


PLAN = {"savings_plan_savings_plan_a_r_n": "plan"}
RESERVATION = {"reservation_reservation_a_r_n": "reservation"}
WRITTEN = {
    "focus": [
        focus("Usage", "Amazon Bedrock", "100"),
        focus("Tax", "Amazon Bedrock", "19"),
        focus("credit", "Amazon Bedrock", "-30"),
        focus("Usage", "Amazon Simple Storage Service", "50"),
    ],
    "cur2": [
        cur2(
            *("SavingsPlanCoveredUsage", "AmazonEC2", "12"),
            savings_plan_savings_plan_effective_cost="9",
            **PLAN,
        ),
        cur2("SavingsPlanNegation", "AmazonEC2", "-12", **PLAN),
        cur2("SavingsPlanRecurringFee", "ComputeSavingsPlans", "10", meter="", **PLAN),
        cur2(
            *("DiscountedUsage", "AmazonEC2", "0"),
            reservation_effective_cost="5",
            **RESERVATION,
        ),
        cur2("RIFee", "AmazonEC2", "7", **RESERVATION),
        cur2("Fee", "AmazonEC2", "300", **RESERVATION),
        cur2("Tax", "AmazonEC2", "2"),
        cur2("EdpDiscount", "AmazonEC2", "-1"),
        cur2("Usage", "AmazonEC2", "12", line_item_operation="EKSPod-EC2"),
        cur2("SavingsPlanUpfrontFee", "MachineLearningSavingsPlans", "800"),
        cur2("Refund", "MachineLearningSavingsPlans", "-800"),
    ],
    "google": [google("regular", "40", "-10"), google("tax", "4")],
}


def written(root: Path, *names: str) -> Path:
    """Make a workspace with some of the bills."""
    initialise(root)
    for name in names:
        with (root / "bills" / f"{name}.csv").open("w", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(WRITTEN[name][0]))
            writer.writeheader()
            writer.writerows(WRITTEN[name])
    return root


def discovered(root: Path) -> Discovery:
    settings = load_settings(root)
    return discover(bound_connectors(Workspace(root), settings), settings)


def amounts(coverage: Coverage) -> tuple[Decimal, ...]:
    return (coverage.bill, coverage.ai, coverage.on_models, coverage.unowned)


@pytest.mark.parametrize(
    ("name", "bill", "ai", "on_models", "unowned"),
    [
        # 100 + 19 - 30 + 50; of Bedrock its usage alone is AI cost.
        ("focus", "139", "100", "100", "0"),
        # Covered 9, unused 10 - 9; reserved 5, unused 7 - 5; tax 2; discount -1.
        # An upfront fee and its refund are no amortised cost.
        ("cur2", "18", "16", "0", "16"),
        # 40 - 10 + 4: a promotion is a credit.
        ("google", "34", "40", "40", "0"),
    ],
)
def test_ai_cost_is_amortised_and_before_tax_and_credits(
    tmp_path: Path, name: str, bill: str, ai: str, on_models: str, unowned: str
) -> None:
    coverage = discovered(written(tmp_path / "w", name)).coverage
    assert amounts(coverage) == tuple(map(Decimal, (bill, ai, on_models, unowned)))


def test_evidence_for_a_rule_is_cost_before_tax_and_credits(tmp_path: Path) -> None:
    found = discovered(written(tmp_path / "w", "focus"))
    [rule] = [each for each in found.proposals if each.name == "Amazon Bedrock"]
    assert (rule.evidence.cost, rule.evidence.share_of_ai) == (Decimal(100), 1.0)


def test_a_bill_costs_before_loading_what_it_costs_in_the_ledger(
    tmp_path: Path,
) -> None:
    """USD 139 + 18 of which 100 + 16 are AI; EUR 34 of which 40 are."""
    root = written(tmp_path / "w", "focus", "cur2", "google")
    answer = CliRunner().invoke(app, ["discover", "-w", str(root), "--yes"])
    assert answer.exit_code == 0, answer.stderr
    assert "USD 157.00 amortised; AI among them: USD 116.00" in answer.stdout

    rows = (
        ingest_and_build(root, "cost.mart_cost_waterfall")
        .query(
            "SELECT currency, sum(effective_cost) FILTER (step = 'ledger') AS bill,"
            " sum(effective_cost) FILTER (step NOT IN"
            " ('ledger', 'out_of_scope', 'tax', 'credit')) AS ai"
            " FROM cost.mart_cost_waterfall GROUP BY currency"
        )
        .to_pylist()
    )

    ledger = {row["currency"]: (row["bill"], row["ai"]) for row in rows}
    assert ledger == {
        "USD": (Decimal(157), Decimal(116)),
        "EUR": (Decimal(34), Decimal(40)),
    }
