"""Allocated cost in FOCUS 1.2 shape, judged by the FinOps Foundation's validator."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import exports
from tests.acceptance.focus_conformance import ENVIRONMENT, allowed_rules, failed_rules
from tests.e2e.cases.closing_case import (
    APRIL,
    CLOSED,
    MARCH,
    charge,
    copy_of_reconciled_company,
)
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not ENVIRONMENT.exists(),
        reason="focus-validator is not installed: make focus-validator",
    ),
]


@pytest.fixture(scope="module")
def export(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """March with a credit, tax, a remainder of rounding, a pool and two currencies."""
    folder = tmp_path_factory.mktemp("focus")
    case = copy_of_reconciled_company(built_workspaces, folder / "workspace")
    more = (
        charge("-4.00", "API", kind="Credit"),
        charge("9.50", "API", kind="Tax"),
        charge("0.00000000006", "API"),
        charge("0.00000000006", "API", day="2026-03-06"),
    )
    case.bill("2026-03", *MARCH, *more)
    case.bill("2026-04", *APRIL)
    case.run()
    snapshot = PublishedReader(case.root).snapshot()
    file = exports.focus_file(case.workspace, snapshot, CLOSED, "1.2", "parquet")
    path = folder / file.name
    path.write_bytes(file.content)
    return path


def test_the_case_has_every_kind_of_charge(export: Path) -> None:
    rows = pq.read_table(export).to_pylist()
    kinds = {row["ChargeCategory"] for row in rows}
    assert kinds == {"Usage", "Credit", "Tax", "Adjustment"}
    assert sum(row["BilledCost"] for row in rows) == Decimal("183.5000000001")


def test_the_export_breaks_no_rule_but_the_known_false_alarms(export: Path) -> None:
    allowed = allowed_rules()
    failed = failed_rules(export)
    assert failed - set(allowed) == set()
    assert set(allowed) - failed == set(), "no longer fails: take it off the list"
    assert all(allowed.values()), "every entry says why"


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("ChargeCategory", "Nonsense", "ChargeCategory-C-"),
        ("BillingCurrency", "Euro", "BillingCurrency-C-"),
        ("ServiceCategory", None, "ServiceCategory-C-"),
    ],
)
def test_a_broken_export_is_caught(
    export: Path, tmp_path: Path, column: str, value: str | None, rule: str
) -> None:
    table = pq.read_table(export)
    broken = pa.array([value] * table.num_rows, pa.string())
    position = table.column_names.index(column)
    path = tmp_path / "broken.parquet"
    pq.write_table(table.set_column(position, column, broken), path)
    unexpected = failed_rules(path) - set(allowed_rules())
    assert any(name.startswith(rule) for name in unexpected)
