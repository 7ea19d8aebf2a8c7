"""Explore over the whole sample company: one AI cost, and plans that stay short."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.pages.explore import dimensions, queries
from dashboard.pages.summary import queries as summary_queries
from dashboard.shared import selection_queries
from triptych.core.warehouse.figures import parse_figure
from triptych.core.warehouse.line_item_sums import line_items_of
from triptych.core.warehouse.reader import Snapshot

if TYPE_CHECKING:
    from dashboard.shared.selection_queries import Selection

#: Pools are divided to ten decimals, line items have all of theirs.
ROUNDING = Decimal("1e-8")
#: Tags that a plan reads for the 34 rules of the company: ten or so. Where a condition
#: on line items makes the engine write all rules out again, it was 221,348.
MOST_TAGS_READ = 500


@pytest.fixture
def newest(published: Snapshot) -> Selection:
    period = selection_queries.periods(published)[0]
    return selection_queries.Selection(period, "Amortised", "EUR")


def test_ai_cost_is_one_figure_wherever_it_is_read(
    published: Snapshot, newest: Selection
) -> None:
    on_summary = summary_queries.ai_spend(published, newest).amount
    offered = dimensions.offered(published, newest)
    read = {}
    for by in ("Model", "Service", "Account"):
        found = queries.answer(published, newest, queries.Question(offered[by]))
        assert found is not None
        read[found.place] = found.total["amount"]
    assert read.keys() == {"models", "services", "items"}
    assert all(abs(amount - on_summary) < ROUNDING for amount in read.values()), read


@pytest.mark.parametrize("kept", [{}, {"Part of the bill": ("direct",)}])
def test_no_choice_makes_the_engine_write_all_rules_out_again(
    published: Snapshot,
    newest: Selection,
    kept: dict[str, tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, Any]] = []
    answer = Snapshot.query_line_items

    def noted(snapshot: Snapshot, sql: str, parameters: Any = None) -> Any:
        asked.append((sql, parameters))
        return answer(snapshot, sql, parameters)

    monkeypatch.setattr(Snapshot, "query_line_items", noted)
    offered = dimensions.offered(published, newest)
    filters = tuple((offered[label], values) for label, values in kept.items())
    question = queries.Question(offered["Account"], filters=filters)
    assert queries.answer(published, newest, question) is not None
    assert 0 < tags_read(published, *asked[-1]) < MOST_TAGS_READ


@pytest.mark.parametrize(
    "condition", ["lifecycle_stage=serving", "assignment_method=tag"]
)
def test_line_items_behind_a_figure_are_planned_as_shortly(
    published: Snapshot, newest: Selection, condition: str
) -> None:
    [month] = newest.period.months
    figure = parse_figure(
        "cost.fct_daily_model_costs/effective_cost?component=direct"
        f"&billing_month={month}&{condition}"
    )
    items = line_items_of(figure)
    assert items is not None
    on_view, _, given = items.where()
    sql = f"SELECT sum(effective_cost), model_id FROM line_items WHERE {on_view}"
    parameters = {name: values for name, values in given.items() if name in on_view}
    assert tags_read(published, f"{sql} GROUP BY ALL", parameters) < MOST_TAGS_READ


def tags_read(published: Snapshot, sql: str, parameters: Any) -> int:
    """Return how often the plan of a query over line items reads a tag."""
    engine = published._lineage.connection()
    plan = engine.execute(f"EXPLAIN (FORMAT json) {sql}", parameters).fetchall()
    return str(plan).count("map_extract")
