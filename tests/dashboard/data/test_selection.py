"""What can be chosen, and how far the choice can be relied on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.shared import selection_queries
from dashboard.shared.published import per_run
from tests.dashboard.conftest import snapshot_of
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot

SEPTEMBER = selection_queries.Period("2026-09", ("2026-09",), "2026-08", ("2026-08",))
EVERYTHING = selection_queries.Selection(SEPTEMBER, "Amortised", "EUR")


def test_months_come_newest_first_and_quarters_after_them(snapshot: Snapshot) -> None:
    periods = selection_queries.periods(snapshot)
    assert [period.label for period in periods] == [
        "2026-09",
        "2026-08",
        "2026-07",
        "2026-Q3",
    ]
    assert periods[0] == SEPTEMBER
    assert periods[-1].months == ("2026-07", "2026-08", "2026-09")
    assert periods[-1].prior_months == ()


def test_a_quarter_is_compared_only_with_one_as_long() -> None:
    months = ("2026-01", "2026-02", "2026-03")
    quarters = {
        "2026-Q1": list(months),
        "2025-Q4": ["2025-10", "2025-11", "2025-12"],
        "2025-Q3": ["2025-09"],
    }
    from dashboard.shared.selection_queries import _quarter_period

    assert _quarter_period("2026-Q1", quarters).prior_label == "2025-Q4"
    assert _quarter_period("2025-Q4", quarters).prior_label is None


def test_scopes_are_those_that_carry_cost(snapshot: Snapshot) -> None:
    scopes = selection_queries.scopes(snapshot)
    assert scopes[:4] == (
        ("cost centre", "cc-100"),
        ("cost centre", "cc-200"),
        ("team", "ml"),
        ("team", "vision"),
    )
    assert ("model", "eta-v2") in scopes


def test_the_organisations_currency_comes_first(tmp_path: Path) -> None:
    assert selection_queries.currencies(snapshot_of(tmp_path, "partial")) == (
        "EUR",
        "USD",
    )


def test_a_period_with_charges_that_are_not_final_is_estimated(
    snapshot: Snapshot,
) -> None:
    standing = selection_queries.standing(snapshot, EVERYTHING)
    assert standing.label == "Open · estimated"
    assert not standing.is_partial
    assert standing.stale_sources == ()
    # 2599 placed of 2769.0000000001; 70 of a commitment were used by nobody
    assert standing.coverage_ratio == pytest.approx(2599 / 2769)


def test_a_period_with_final_charges_is_complete(tmp_path: Path) -> None:
    complete = snapshot_of(tmp_path, "complete")
    assert selection_queries.standing(complete, EVERYTHING).label == "Open · complete"


@pytest.mark.parametrize(
    ("months", "label"),
    [
        (("2026-07",), "Locked"),
        (("2026-08",), "Restated · 2 adjustments"),
        (("2026-07", "2026-08"), "Restated · 2 adjustments"),
        (("2026-07", "2026-08", "2026-09"), "Open · estimated"),
    ],
)
def test_a_period_is_as_final_as_the_least_final_of_its_months(
    snapshot: Snapshot, months: tuple[str, ...], label: str
) -> None:
    period = selection_queries.Period("a period", months)
    chosen = replace(EVERYTHING, period=period)
    assert selection_queries.standing(snapshot, chosen).label == label


def test_a_missing_rate_is_named_with_what_it_leaves_out(tmp_path: Path) -> None:
    standing = selection_queries.standing(snapshot_of(tmp_path, "partial"), EVERYTHING)
    assert standing.label == "Open · not complete"
    assert standing.missing == (
        ("aws", "2026-09", "exchange rate USD to EUR for 2026-09"),
    )
    assert standing.gap.unconverted == (("USD", Decimal("999.99")),)


def test_stale_sources_are_named_with_their_newest_data(tmp_path: Path) -> None:
    standing = selection_queries.standing(snapshot_of(tmp_path, "stale"), EVERYTHING)
    newest = datetime(2026, 9, 16, tzinfo=UTC).replace(tzinfo=None)
    assert standing.stale_sources == (("aws", newest),)


def test_an_answer_is_remembered_for_its_run_only(tmp_path: Path) -> None:
    publish(tmp_path, run_id="run-0001")
    reader = PublishedReader(tmp_path)
    before = cost_by_model_queries.headline(
        reader.snapshot(), EVERYTHING, "Direct"
    ).model_cost
    publish(tmp_path, run_id="run-0002", factor="2")
    after = cost_by_model_queries.headline(
        reader.snapshot(), EVERYTHING, "Direct"
    ).model_cost
    assert after == 2 * before


def test_an_answer_is_not_remembered_for_what_may_not_write_itself_whole(
    tmp_path: Path,
) -> None:
    snapshot = snapshot_of(tmp_path, "normal")

    @per_run
    def counted(snapshot: Snapshot, of: object) -> str:
        return f"{snapshot.path.name} {type(of).__name__}"

    assert counted(snapshot, (1, "two")).endswith(" tuple")
    for of in (pa.table({"cost": range(1000)}), [1], {"a": 1}):
        with pytest.raises(TypeError, match="unhashable"):
            counted(snapshot, of)


def test_two_workspaces_with_the_same_run_id_are_not_mixed_up(tmp_path: Path) -> None:
    for name, factor in (("a", "1"), ("b", "3")):
        publish(tmp_path / name, factor=factor)
    costs = [
        cost_by_model_queries.headline(
            PublishedReader(tmp_path / name).snapshot(), EVERYTHING, "Direct"
        ).model_cost
        for name in ("a", "b")
    ]
    assert costs[1] == 3 * costs[0]
