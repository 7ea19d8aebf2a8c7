"""Explore over the whole sample company: one AI cost, and plans that stay short."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.pages.explore import dimensions, queries
from dashboard.pages.summary import queries as summary_queries
from dashboard.shared import selection_queries
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
    sql, parameters = asked[-1]
    engine = published._lineage.connection()
    plan = engine.execute(f"EXPLAIN (FORMAT json) {sql}", parameters).fetchall()
    read_count = str(plan).count("map_extract")
    assert 0 < read_count < MOST_TAGS_READ
