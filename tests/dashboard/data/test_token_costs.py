"""Cost of tokens by kind: numerators and denominators of the same kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from dashboard.pages.cost_by_model import token_queries
from dashboard.shared import selection_queries
from tests.dashboard.data.test_unit_costs import EVERYTHING, SEPTEMBER
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.warehouse.reader import Snapshot


def test_each_kind_of_token_has_the_cost_of_its_own_lines(snapshot: Snapshot) -> None:
    """90 for 36 million of input, 30 for 54 million cached, 120 for 30 million.

    All 240 are for 120 million: no more than the dearest kind.
    """
    (chat,) = token_queries.token_costs(snapshot, EVERYTHING).to_pylist()
    assert chat["model_id"] == "chat-v1"
    assert chat["per_input"] == pytest.approx(90 / 36)
    assert chat["per_cached"] == pytest.approx(30 / 54)
    assert chat["per_output"] == pytest.approx(120 / 30)
    assert chat["cache_hit_ratio"] == pytest.approx(0.6)
    assert chat["per_all"] == pytest.approx(240 / 120)


def test_a_month_whose_meter_tells_no_cached_tokens_is_no_month_without_hits(
    tmp_path: Path,
) -> None:
    """September had 54 of 90 million from the cache; August is not known."""
    with duckdb.connect(str(publish(tmp_path))) as connection:
        for mart, columns in (
            (
                "cost.mart_model_unit_costs",
                "* replace ('2026-08' as billing_month,"
                " cast(null as decimal(28, 10)) as cached_input_tokens)",
            ),
            (
                "cost.fct_daily_model_costs",
                "* exclude (is_ai_cost, is_assigned)"
                " replace ('2026-08' as billing_month)",
            ),
        ):
            connection.execute(
                f"insert into {mart} by name select {columns} from {mart}"
                " where model_id = 'chat-v1' and billing_month = '2026-09'"
            )
    period = selection_queries.Period("2026-Q3", ("2026-08", "2026-09"))
    quarter = selection_queries.Selection(period, "Amortised", "EUR")
    snapshot = PublishedReader(tmp_path).snapshot()
    (chat,) = token_queries.token_costs(snapshot, quarter).to_pylist()
    assert chat["cache_hit_ratio"] == pytest.approx(0.6)


def test_tokens_count_for_the_team_that_has_the_model_in_that_month(
    tmp_path: Path,
) -> None:
    """chat-v1 is ml's in September, and was vision's before, with a cost of 1."""
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "insert into cost.fct_daily_model_costs by name select '2026-08' as"
            " billing_month, 'chat-v1' as model_id, 'vision' as team_id,"
            " 'EUR' as currency, 'direct' as component, 1 as effective_cost"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    rows = {
        team: token_queries.token_costs(
            snapshot,
            selection_queries.Selection(SEPTEMBER, "Amortised", "EUR", "team", team),
        ).num_rows
        for team in ("ml", "vision")
    }
    assert rows == {"ml": 1, "vision": 0}
