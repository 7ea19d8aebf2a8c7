"""The tab of *Cost by model* on seats of coding assistants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.dashboard.conftest import OpenApp, text_of
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

#: September: search has 60 seats and 18 idle, ranking 40 and none, and seats of small
#: teams are not said to be used. Each costs 19; 100 × 19 + 6 × 19 are 2,014, and
#: 18 × 19 are 342. Credits of two models are 5 and 7.
_SEATS = """
create table cost.mart_assistant_seats (billing_month varchar, source varchar,
  assistant varchar, group_kind varchar, team_id varchar, cost_center varchar,
  plans varchar, read_day_count bigint, last_read_on date, seats double,
  active_seats double, idle_seats double, ending_seats bigint, use_reason varchar,
  currency varchar, seat_billed_cost decimal(28,10), seat_effective_cost decimal(28,10),
  idle_billed_cost decimal(28,10), idle_effective_cost decimal(28,10),
  cost_reason varchar, idle_reason varchar);
insert into cost.mart_assistant_seats values
  ('2026-09', 'copilot', 'GitHub Copilot', 'team', 'search', 'cc-100', 'business', 30,
   '2026-09-30', 60, 42, 18, 0, null, 'EUR', 1140, 1140, 342, 342, null, null),
  ('2026-09', 'copilot', 'GitHub Copilot', 'team', 'ranking', 'cc-200', 'business', 30,
   '2026-09-30', 40, 40, 0, 0, null, 'EUR', 760, 760, 0, 0, null, null);
insert into cost.fct_daily_model_costs by name select '2026-09' as billing_month,
  date '2026-09-01' as charge_date, 'copilot' as source, 'direct' as component,
  'EUR' as currency, 2026 as billed_cost, 2026 as effective_cost, false as is_estimated;
insert into lineage.line_items by name select 'copilot' as source,
  '2026-09' as billing_month, 'GitHub Copilot' as service_name, 'direct' as component,
  'Copilot AI Credits, ' || model as charge_description, 'EUR' as billing_currency,
  cost as billed_cost, cost as effective_cost
  from (values ('GPT-5', 5), ('Claude', 7), ('Claude', 0)) as credits (model, cost);
"""
#: Search has 36 of 100 suggestions accepted in the week of 7 September.
_WEEKS = """
create table delivery.mart_assistant_weeks (week_begin date, month varchar,
  source varchar, assistant varchar, team_id varchar, cost_center varchar,
  read_day_count bigint, active_people bigint, prompts bigint, suggestions bigint,
  acceptances bigint, accepted_lines bigint, reason varchar);
insert into delivery.mart_assistant_weeks values
  ('2026-09-07', '2026-09', 'copilot', 'GitHub Copilot', 'search', 'cc-100', 7, 42, 900,
   100, 36, 1200, null),
  ('2026-09-07', '2026-09', 'copilot', 'GitHub Copilot', 'ranking', 'cc-200', 7, null,
   null, null, null, null, 'fewer than 5 people used it');
"""
_SMALL = """
insert into cost.mart_assistant_seats values
  ('2026-09', 'copilot', 'GitHub Copilot', 'small_teams', null, null, 'business', 30,
   '2026-09-30', 4, null, null, 0, 'fewer than 5 seats together', 'EUR', 76, 76, null,
   null, null, 'fewer than 5 seats together');
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    publish(tmp_path)
    return _with(tmp_path, _SEATS)


def _with(root: Path, sql: str) -> Path:
    with duckdb.connect(str(PublishedReader(root).current_path())) as connection:
        connection.execute(sql)
    return root


def test_idle_seats_are_money_with_their_teams(root: Path, open_app: OpenApp) -> None:
    text = text_of(open_app(root))
    assert "**EUR 342.00** was paid for idle seats: 18.0 of 100.0 (18.0 %)" in text
    assert "the average of 30 days read" in text
    assert "Use by team and week" not in text
    # 1,900 ÷ 82.
    assert "Seats cost EUR 1,900.00, EUR 23.17 for each active seat" in text
    assert "GitHub Copilot cost EUR 2,026.00 in all" in text
    assert text.index("EUR 342.00</td>") < text.index("ranking")
    assert text.index("AI Credits, Claude") < text.index("AI Credits, GPT-5")


def test_a_team_has_its_seats_and_not_the_spend_of_all(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(open_app(root, scope="cost centre cc-200"))
    assert "**EUR 0.00** was paid for idle seats: 0.00 of 40.0" in text
    assert "(source copilot)" not in text
    assert "Beyond seats" not in text


def test_seats_of_too_few_people_leave_the_sum_unknown_and_say_why(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(open_app(_with(root, _SMALL)))
    assert "it is not known which seats were used" in text
    assert "Seats cost EUR 1,976.00." in text
    assert "fewer than 5 seats together" in text


def test_use_of_a_week_is_of_groups_that_may_be_shown(
    root: Path, open_app: OpenApp
) -> None:
    text = text_of(open_app(_with(root, _WEEKS)))
    assert text.index("42</td>") < text.index("fewer than 5 people used it")
    assert "36.0 %</td>" in text


def test_without_seats_there_is_no_such_tab(tmp_path: Path, open_app: OpenApp) -> None:
    publish(tmp_path)
    assert "Coding assistants" not in text_of(open_app(tmp_path))
