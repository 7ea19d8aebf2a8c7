"""dbt owns every figure: what pages, services and commands still add up only falls."""

from __future__ import annotations

import json

from tests.architecture.aggregates import LEFT, aggregates_in, counted


def test_no_file_adds_up_more_than_it_did() -> None:
    """A new figure is a measure; see CONTRIBUTING.md, Add a measure."""
    allowed = json.loads(LEFT.read_text("utf-8"))
    more = {
        name: (count, allowed.get(name, 0))
        for name, count in counted().items()
        if count > allowed.get(name, 0)
    }
    assert not more


def test_sums_and_arithmetic_on_money_are_counted_and_words_are_not() -> None:
    query = "'select team_id, sum(cost), actual_cost - budget from t group by team_id'"
    assert aggregates_in(f"QUERY = {query}") == 3
    named = "'--cost-center; cost.mart_x/cost?m=1', 'cost-by-month'"
    assert aggregates_in(f"A = {named}") == 0
    assert aggregates_in("A = 'bills.actual_cost/requests', 'cost-budget'") == 2
    assert aggregates_in('"""The sum(cost) of a month."""\nCOLUMN = "actual_cost"') == 0
    assert aggregates_in('FORMULA = "=SUM(A1:A9)"') == 0
