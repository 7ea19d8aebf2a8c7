"""The canonical text of a closed month, and that no column of a mart is left out."""

from __future__ import annotations

import subprocess
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import yaml

from triptych.core.project_folder import dbt_project_dir
from triptych.core.warehouse.frozen_marts import (
    FROZEN_MARTS,
    FrozenMart,
    canonical_csv,
    content_hash,
)

if TYPE_CHECKING:
    from pathlib import Path

MART = FrozenMart(
    "mart_example",
    {
        "billing_month": "VARCHAR",
        "day": "DATE",
        "cost": "DECIMAL(28, 10)",
        "ratio": "DOUBLE",
        "row_count": "BIGINT",
        "is_estimated": "BOOLEAN",
    },
)
ROWS = pa.table(
    {
        "billing_month": ["2026-03", "2026-03", None],
        "day": [date(2026, 3, 31), date(2026, 3, 1), None],
        "cost": pa.array([Decimal("-0.5"), Decimal(12), None], pa.decimal128(28, 10)),
        "ratio": [0.1, 1e22, None],
        "row_count": [3, 1, None],
        "is_estimated": [True, False, None],
    }
)


def test_canonical_text_is_what_its_definition_says() -> None:
    assert canonical_csv(MART, ROWS).decode() == (
        "billing_month,day,cost,ratio,row_count,is_estimated\n"
        '"2026-03",2026-03-01,12.0000000000,1e+22,1,false\n'
        '"2026-03",2026-03-31,-0.5000000000,0.1,3,true\n'
        ",,,,,\n"
    )


def test_the_order_of_rows_does_not_matter_and_empty_is_not_nothing() -> None:
    assert canonical_csv(MART, ROWS.take([2, 0, 1])) == canonical_csv(MART, ROWS)
    text = FrozenMart("mart_text", {"note": "VARCHAR"})
    rows = pa.table({"note": ["", None, 'a "b", c']})
    assert canonical_csv(text, rows) == b'note\n\n""\n"a ""b"", c"\n'


def test_an_auditor_can_work_out_the_hash_without_triptych(tmp_path: Path) -> None:
    files = [("b.csv", b"two\n"), ("a.csv", b"one\n")]
    for name, content in files:
        (tmp_path / name).write_bytes(content)
    command = "export LC_ALL=C; sha256sum *.csv | sha256sum"
    printed = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, check=True
    )
    assert printed.stdout.decode().split()[0] == content_hash(files)


def test_a_frozen_mart_has_the_columns_and_types_of_its_contract() -> None:
    marts = dbt_project_dir() / "models" / "marts" / "cost"
    contracts = {
        model["name"]: {c["name"]: c["data_type"] for c in model["columns"]}
        for path in marts.glob("_*__models.yml")
        for model in yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)[
            "models"
        ]
    }
    for mart in FROZEN_MARTS:
        kept = {
            name: "string" if type_ == "VARCHAR" else type_.lower()
            for name, type_ in mart.columns.items()
        }
        contract = contracts[mart.name]
        # What follows from a column that is kept is not kept.
        reasons = [f"{unit}_cost_reason" for unit in ("request", "token", "gpu")]
        stated = ("stated_billed_cost", "stated_effective_cost")
        of_models = (
            *("charged_billed_cost", "charged_effective_cost", "charged_row_count"),
            *("left_out_billed_cost", "left_out_effective_cost"),
        )
        derived = ("is_ai_cost", "is_assigned", *reasons, *stated, *of_models)
        for name in derived:
            contract.pop(name, None)
        # What the locks in force say is no figure that a month is closed with.
        of_locks = [contract.pop(name, None) for name in ("lock_id", "is_booked")]
        assert any(of_locks) == (mart.name == "mart_period_adjustments")
        assert list(kept.items()) == list(contract.items()), mart.name
