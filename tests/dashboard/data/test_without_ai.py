"""A bill of which nothing is AI cost yet: what rounding leaves of it is no headline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.conftest import OpenApp, text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

#: Of 6,158.10 all is outside AI scope, with a row of what rounding left of it.
_ONE_BILL = """
delete from cost.fct_daily_model_costs where component <> 'remainder';
update cost.fct_daily_model_costs set billed_cost = -0.0000000002,
  effective_cost = -0.0000000002 where billing_month = '2026-09';
delete from cost.fct_daily_service_costs;
insert into cost.fct_daily_service_costs by name select charge_date, billing_month,
  source, 'AWS' as provider, component, currency, billed_cost, effective_cost
  from cost.fct_daily_model_costs;
delete from cost.mart_cost_waterfall;
insert into cost.mart_cost_waterfall by name
  select '2026-09' as billing_month, 'aws' as source, 'EUR' as currency, step,
  step_order, amount as billed_cost, amount as effective_cost,
  0 as charged_billed_cost, 0 as charged_effective_cost, 0 as charged_row_count,
  amount as left_out_billed_cost, amount as left_out_effective_cost
  from (values ('ledger', 0, 6158.10), ('out_of_scope', 1, 6158.1000000002),
  ('remainder', 10, -0.0000000002)) as steps (step, step_order, amount);
"""


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (
            "summary",
            "**No charge of Sep 2026 is AI cost yet.** EUR 6,158.10 is not AI; *Set-up*"
            " says what counts.",
        ),
        (
            "explore",
            "**No charge of Sep 2026 is AI cost yet.** Choose *Cost of*: Whole bill, or"
            " say in *Set-up* what counts.",
        ),
        (
            "statements",
            "**No charge of Sep 2026 is AI cost yet**, so no statement has an amount.",
        ),
    ],
)
def test_a_bill_without_ai_says_so_where_its_cost_would_be(
    tmp_path: Path, open_app: OpenApp, page: str, says: str
) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(_ONE_BILL)
    app = open_app(tmp_path, page=page)
    assert not app.exception
    text = text_of(app)
    assert says in text
    assert "add up to above" not in text
    assert "AI cost is **above" not in text
    if page == "summary":
        assert tiles(app)["AI cost, amortised"] == "—"
