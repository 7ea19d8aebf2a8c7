"""The example of the page on allocation, run as it stands there."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.chosen_marts import ChosenMarts, ingest_and_build

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "allocation.md"
_FILE = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_COLUMNS = ("eta", "vision", None)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    """Return the marts that are made of the files of the page."""
    root = tmp_path_factory.mktemp("worked_example")
    for name, text in _FILE.findall(PAGE.read_text("utf-8")):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return ingest_and_build(
        root,
        *("cost.fct_daily_model_costs", "cost.mart_cost_waterfall"),
        "cost.fct_daily_pool_costs",
    )


def printed_costs() -> Iterator[tuple[str, str | None, Decimal]]:
    """Yield component, model and amount of each cell of the page's table."""
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"[a-z]+", cells[0]):
            for model_id, amount in zip(_COLUMNS, cells[1:4], strict=True):
                if re.fullmatch(r"[\d.,]+", amount):
                    yield cells[0], model_id, Decimal(amount.replace(",", ""))


def test_every_amount_of_the_table_is_what_a_run_gives(snapshot: ChosenMarts) -> None:
    rows = snapshot.query(
        "SELECT component, model_id, sum(billed_cost) AS billed_cost,"
        " sum(effective_cost) AS effective_cost"
        " FROM cost.fct_daily_model_costs GROUP BY ALL"
    ).to_pylist()
    printed = {(component, model): cost for component, model, cost in printed_costs()}
    assert len(printed) == 9
    for basis in ("billed_cost", "effective_cost"):
        assert {(r["component"], r["model_id"]): r[basis] for r in rows} == printed


def test_the_parts_of_the_example_sum_to_its_bill(snapshot: ChosenMarts) -> None:
    [ledger] = snapshot.query(
        "SELECT billed_cost FROM cost.mart_cost_waterfall WHERE step = 'ledger'"
    ).to_pylist()
    assert ledger["billed_cost"] == Decimal("1299.00")
    assert sum(amount for *_, amount in printed_costs()) == Decimal("1299.00")


def test_what_was_requested_and_not_used_stands_beside_the_pool(
    snapshot: ChosenMarts,
) -> None:
    [pool] = snapshot.query(
        "SELECT allocated_effective_cost, requested_idle_effective_cost,"
        " infrastructure_idle_effective_cost FROM cost.fct_daily_pool_costs"
        " WHERE pool_id = 'gpu-cluster'"
    ).to_pylist()
    assert list(pool.values()) == [Decimal(750), Decimal(100), Decimal(250)]
