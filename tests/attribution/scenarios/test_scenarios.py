"""Scenarios against what is worked out by hand, and what holds for all of them."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.roi.reading import payback
from attribution.scenarios.base_run import CostLine, MonthOfBills
from attribution.scenarios.changes import KINDS
from attribution.scenarios.results import id_of
from attribution.scenarios.rules import RULE_TEXTS, RULES
from attribution.scenarios.run_rate import PublishedRunRate, read_run_rate
from attribution.scenarios.scenario_file import Scenario
from tests.attribution.roi.roi_cases import assumed, claim, inputs, refused
from tests.attribution.scenarios.scenario_cases import (
    BILLS,
    IDLE,
    MINUTE,
    NO_INTEREST,
    OWN,
    SHARED,
    driver,
    monthly,
    result,
    run_of,
    scenario,
)
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Row = dict[str, Any]
PRICE = {"kind": "price", "match": {"feature": "care"}, "factor": 0.9}
MOVE = {
    "kind": "platform_move",
    "platform": "cloud",
    "to": "elsewhere",
    "cost_factor": 0.5,
    "migration_cost": 600.0,
    "double_running_months": 2,
}


def test_a_run_goes_on_as_it_is() -> None:
    """1,000 of benefit less 600 of cost, twelve times; January is the first month.

    The 100 of idle capacity are a cost, and no part of what care returns.
    """
    found = result()
    assert (found["first_month"], found["last_month"]) == ("2026-01", "2026-12")
    assert monthly(found, "benefit") == pytest.approx([1000.0] * 12)
    assert monthly(found, "cost") == pytest.approx([700.0] * 12)
    assert found["summary"]["npv"] == pytest.approx(12 * 400.0)


def line(found: Row, name: str, feature: str | None = "care") -> Row:
    """Return a line of the way from the net value to the base."""
    rows: list[Row] = found["reconciliation"]
    [row] = [row for row in rows if (row["line"], row["feature_id"]) == (name, feature)]
    return row


def test_the_base_is_reconciled_with_the_net_value_line_by_line() -> None:
    """Two measured months of 1,000 less 600 each are 800; a year forward fades.

    Of 1,000 are left in month n after February 1 − n ÷ 24 on average: over a year from
    January 12 − 55 ÷ 24, or 9,708. Less 7,200 of cost that is 2,508.
    """
    base = run_of(
        inputs=inputs(
            [claim(effects=(1000.0, 1000.0))],
            [MINUTE, NO_INTEREST],
            {"care": {"2026-01": 600.0, "2026-02": 600.0}},
        )
    )
    found = result(base=base)
    benefit, cost = line(found, "benefit"), line(found, "cost")
    faded = 1000 * (12 - 55 / 24)
    assert benefit["actual"] == 2000.0
    assert benefit["base"] == pytest.approx(faded, rel=0.01)
    assert benefit["reason"] == (
        "12 months from 2026-01 in place of the measured 2 months to 2026-02,"
        " with gains that fade"
    )
    assert (cost["actual"], cost["base"]) == (-1200.0, -7200.0)
    *rows, total = found["reconciliation"]
    assert {row["feature_id"] for row in rows} == {"care"}
    assert sum(row["actual"] for row in rows) == pytest.approx(800.0)
    assert (total["line"], total["actual"]) == ("total", pytest.approx(800.0))
    assert total["base"] == pytest.approx(found["summary"]["base_npv"])
    assert total["base"] == pytest.approx(faded - 7200.0, rel=0.03)


def test_an_effect_of_grade_d_is_in_no_value_of_a_scenario() -> None:
    """A fall of care's price by a tenth saves 12 × 60, whatever care brings in."""
    base = run_of([claim(effects=(1000.0, 1000.0), grade="D")])
    found = result(PRICE, base=base)
    summary = found["summary"]
    assert summary["npv_reason"] == "not computable: no return of a feature counts"
    assert (summary["npv"], summary["benefit"]) == (None, None)
    assert found["reconciliation"] == []
    assert summary["npv_difference"] == pytest.approx(12 * 60.0)


def test_a_change_of_an_effect_that_does_not_count_is_said() -> None:
    base = run_of([claim(effects=(1000.0, 1000.0), grade="D")])
    swap = {"kind": "model_swap", "model": "assistant", "cost_factor": 0.5}
    found = result(swap | {"effect_factor": 0.9}, base=base)
    assert found["summary"]["npv_difference"] == pytest.approx(12 * 300.0)
    assert found["notes"] == ["care: its effect changes, and is not counted (grade D)."]


def test_what_was_measured_more_than_a_year_ago_is_in_no_scenario() -> None:
    """December 2025 is a year and a month after November 2024."""
    old = claim(effects=(1000.0,), months=("2024-11",))
    found = result(base=run_of([old], is_measured_to_the_end=False))
    assert "last measured more than a year before" in found["summary"]["npv_reason"]


def test_a_gain_fades_over_a_horizon_as_it_does_in_a_run_rate() -> None:
    """Last measured in December: a month on 1 − 1 ÷ 24 is left, a year on a half.

    A harm lasts in full.
    """
    for effect, last in ((1000.0, 500.0), (-1000.0, -1000.0)):
        said = claim(effects=(effect,), months=("2025-12",))
        costs = {"care": dict.fromkeys(("2025-10", "2025-11", "2025-12"), 1.0)}
        given = inputs([said], [MINUTE, NO_INTEREST], costs)
        found = result(base=run_of(inputs=given), horizon_months=24)
        benefit = monthly(found, "benefit")
        first = 1000 * (1 - 1 / 24) if effect > 0 else effect
        assert benefit[0] == pytest.approx(first, rel=0.01)
        assert benefit[11] == pytest.approx(last, rel=0.03)
        # What is not measured again in a year is between all and nothing for good.
        assert benefit[23] == benefit[11]


def test_what_a_feature_replaced_is_taken_off_its_cost_in_a_base() -> None:
    """Of 600 a month 450 would have been spent without it: 1,000 − 150."""
    before = assumed("replaced_cost", 450.0, unit="EUR/month", feature_id="care")
    base = run_of(register=(MINUTE, NO_INTEREST, before))
    found = result(PRICE, base=base)
    assert found["summary"]["base_npv"] == pytest.approx(12 * 850.0)
    assert found["summary"]["npv_difference"] == pytest.approx(12 * 60.0)


def test_what_time_takes_off_is_a_line_of_its_own() -> None:
    """At 21 % a year."""
    found = result(discount_rate=0.21)
    by_hand = sum(400.0 / 1.21 ** (month / 12) for month in range(1, 13))
    assert line(found, "discount", None)["base"] == pytest.approx(by_hand - 4800.0)
    total = line(found, "total", None)["base"]
    assert total == pytest.approx(found["summary"]["base_npv"])


def test_a_scenario_of_one_feature_leaves_the_others_net_value_behind() -> None:
    """Eta brings in 5 and costs 6 in its month; the scenario is about care alone."""
    both = [claim(effects=(1000.0, 1000.0)), claim("eta", effects=(5.0,), outcome="x")]
    other = assumed("conversion", 1.0, id="x", better="more", metric="x")
    costs = {"care": {"2026-01": 600.0, "2026-02": 600.0}, "eta": {"2026-01": 6.0}}
    base = run_of(inputs=inputs(both, [MINUTE, NO_INTEREST, other], costs))
    found = result(base=base, features=["care"])
    row = line(found, "net_value", "eta")
    assert (row["actual"], row["base"], row["reason_code"]) == (
        -1.0,
        0.0,
        "out_of_scope",
    )
    assert line(found, "total", None)["actual"] == 799.0


def test_no_change_is_the_base_exactly() -> None:
    found = result()
    summary = found["summary"]
    assert summary["npv"] == summary["base_npv"]
    assert summary["npv_difference"] == 0.0
    assert (summary["npv_difference_low_90"], summary["npv_difference_high_90"]) == (
        0.0,
        0.0,
    )
    assert set(monthly(found, "difference")) == {0.0}


def test_money_of_a_month_is_discounted_to_the_first_day() -> None:
    """At 21 % a year a year of 400 at the end of each month, by the sum itself."""
    found = result(discount_rate=0.21)
    by_hand = sum(400.0 / 1.21 ** (month / 12) for month in range(1, 13))
    assert found["summary"]["npv"] == pytest.approx(by_hand)
    assert found["discount_rate"]["value"] == 0.21


def test_a_price_acts_on_what_it_matches_from_its_month_on() -> None:
    found = result({**PRICE, "from_month": 4})
    assert monthly(found, "cost") == pytest.approx([700.0] * 3 + [640.0] * 9)
    assert found["summary"]["npv_difference"] == pytest.approx(9 * 60.0)


def test_a_discount_takes_its_part_off() -> None:
    change = {"kind": "discount", "match": {"pool": "gpus"}, "ratio": 0.25}
    assert monthly(result(change), "cost")[0] == pytest.approx(400 + 0.75 * 300)


@pytest.mark.parametrize(
    ("to", "cost"),
    [
        # The pool costs 300 at a half: at 60 % 250 do the work, and idle pays it.
        (0.6, 400 + 250),
        # At 100 % 150 do: all 100 of idle go, and 50 of what was held.
        (1.0, 400 + 150),
        # At 40 % 375 are needed.
        (0.4, 400 + 375),
    ],
)
def test_the_same_work_needs_less_of_a_fuller_pool(to: float, cost: float) -> None:
    found = result({"kind": "utilisation", "pool": "gpus", "to": to})
    assert monthly(found, "cost")[0] == pytest.approx(cost)
    assert monthly(found, "benefit")[0] == pytest.approx(1000.0)


def test_idle_cost_of_a_pool_goes_before_what_features_held() -> None:
    found = result({"kind": "utilisation", "pool": "gpus", "to": 0.6})
    cost = {row["feature_id"]: row["cost"] / 12 for row in found["features"]}
    assert cost == pytest.approx({"care": 600.0, None: 50.0})


def test_a_limited_scope_has_the_same_factors_of_a_pool() -> None:
    """At 100 % the pool saves 150, of which 100 was idle and 50 was held by care."""
    change = {"kind": "utilisation", "pool": "gpus", "to": 1.0}
    found = result(change, features=["care"])
    assert monthly(found, "cost")[0] == pytest.approx(400 + 150)


def test_volume_moves_effect_alike_and_cost_by_its_elasticity() -> None:
    """Four times as much at an elasticity of a half costs twice as much."""
    change = {"kind": "volume", "factor": 4.0, "cost_elasticity": 0.5}
    found = result(change)
    assert monthly(found, "benefit")[0] == pytest.approx(4000.0)
    assert monthly(found, "cost")[0] == pytest.approx(1400.0)


def test_a_factor_is_reached_in_even_steps() -> None:
    change = {"kind": "adoption", "feature": "care", "factor": 2.0}
    change |= {"over_months": 4, "cost_elasticity": 0.0}
    found = monthly(result(change), "benefit")
    assert found[:5] == pytest.approx([1250.0, 1500.0, 1750.0, 2000.0, 2000.0])


def test_growth_of_a_year_is_there_after_a_year() -> None:
    change = {"kind": "volume", "growth_factor_per_year": 1.5, "cost_elasticity": 1.0}
    found = monthly(result(change), "benefit")
    assert found[-1] == pytest.approx(1500.0)
    assert found[5] == pytest.approx(1000.0 * 1.5**0.5)


def test_the_measured_elasticity_is_taken_where_none_is_given() -> None:
    """The bills go as 100 + 10 n over 10 + n: an elasticity of 1, to the digit."""
    found = result({"kind": "volume", "factor": 2.0})
    assert found["elasticity"]["elasticity"] == pytest.approx(1.0)
    assert monthly(found, "cost")[0] == pytest.approx(1400.0)
    # Twice the last month's 22 requests on a line of 10 each.
    assert found["elasticity"]["doubled_cost"] == pytest.approx(440.0)


def test_another_model_costs_less_and_does_less() -> None:
    change = {"kind": "model_swap", "model": "assistant", "cost_factor": 0.5}
    change |= {"effect_factor": 0.9, "one_off_cost": 120.0, "from_month": 2}
    found = result(change)
    assert monthly(found, "cost")[:2] == pytest.approx([700.0, 400.0])
    assert monthly(found, "benefit")[:2] == pytest.approx([1000.0, 900.0])
    assert monthly(found, "other_cost")[:3] == pytest.approx([0.0, 120.0, 0.0])
    # 300 less of cost, 100 less of effect, eleven times, less 120.
    assert found["summary"]["npv_difference"] == pytest.approx(11 * 200.0 - 120.0)


def test_a_model_that_moved_does_less_for_the_feature_that_has_it_now() -> None:
    """Once 50 of the model were charged to alpha; care has it, and loses half of it."""
    once = replace(OWN, feature_id="alpha", cost=50.0, last_day=date(2025, 11, 14))
    own, shared = (replace(each, last_day=date(2025, 12, 31)) for each in (OWN, SHARED))
    change = {"kind": "model_swap", "model": "assistant", "cost_factor": 1.0}
    change |= {"effect_factor": 0.5, "one_off_cost": 100.0}
    found = result(change, base=run_of(lines=(once, own, shared, IDLE)))
    assert monthly(found, "benefit")[0] == pytest.approx(500.0)
    assert found["summary"]["npv_difference"] == pytest.approx(-12 * 500.0 - 100.0)
    other = {row["feature_id"]: row["other_cost"] for row in found["features"]}
    assert other == pytest.approx({"alpha": 0.0, "care": 100.0, None: 0.0})


def test_a_move_is_paid_twice_while_both_run() -> None:
    """700 + 350 for two months, then 350; 600 of migration in two halves."""
    found = result(MOVE)
    assert monthly(found, "cost")[:3] == pytest.approx([1050.0, 1050.0, 350.0])
    assert monthly(found, "other_cost")[:3] == pytest.approx([300.0, 300.0, 0.0])
    summary = found["summary"]
    assert summary["npv_difference"] == pytest.approx(-2 * 350 - 600 + 10 * 350.0)
    # −650, −1300, then 350 a month: above zero with the sixth month of it.
    assert monthly(found, "cumulative_difference")[5] == pytest.approx(100.0)
    assert summary["difference_payback_months_p50"] == 6.0
    assert summary["difference_probability_never_paid_back"] == 0.0


def test_a_move_that_saves_too_little_is_never_paid_back() -> None:
    summary = result({**MOVE, "migration_cost": 1e6})["summary"]
    assert summary["difference_payback_months_p50"] is None
    assert summary["difference_probability_never_paid_back"] == 1.0


def test_only_named_models_move() -> None:
    other = CostLine("care", "other", "cloud", None, "direct", 50.0)
    base = run_of(lines=(OWN, SHARED, IDLE, other))
    found = result({**MOVE, "models": ["other"], "double_running_months": 0}, base=base)
    assert monthly(found, "cost")[0] == pytest.approx(725.0)


def test_hours_of_people_cost_their_approved_rate() -> None:
    rate = assumed("labour", 50.0, id="rate", unit="EUR/hour")
    base = run_of(register=(MINUTE, NO_INTEREST, rate), hours=3.0)
    change = {"kind": "team_hours", "feature": "care", "hours_per_month": 2.0}
    assert monthly(result(change, base=base), "other_cost")[0] == pytest.approx(250.0)
    less = {**change, "direction": "less", "hours_per_month": 10.0}
    assert monthly(result(less, base=base), "other_cost")[0] == pytest.approx(0.0)


def test_a_stopped_feature_leaves_what_it_shares() -> None:
    """Of 200 that it shares a quarter can be avoided; 400 of its own end."""
    change = {"kind": "stop_feature", "feature": "care", "exit_cost": 80.0}
    change |= {"avoidable_shared_ratio": 0.25, "from_month": 3}
    found = result(change)
    assert monthly(found, "benefit")[:3] == pytest.approx([1000.0, 1000.0, 0.0])
    assert monthly(found, "cost")[:3] == pytest.approx([700.0, 700.0, 250.0])
    assert monthly(found, "other_cost")[:4] == pytest.approx([0.0, 0.0, 80.0, 0.0])


def test_tokens_are_bought_at_their_price() -> None:
    """50 million a month at 7 are 350, and 50 are fixed, in place of 600."""
    change = {"kind": "sourcing", "model": "assistant", "price_per_million_tokens": 7.0}
    change |= {"fixed_cost_per_month": 50.0}
    found = result(change)
    assert monthly(found, "cost")[0] == pytest.approx(400.0 + 100.0)
    # 600 − 50 over 50 million.
    row = driver(found, "sourcing assistant: price per million tokens")
    assert row["break_even_difference"] == pytest.approx(11.0, rel=1e-4)
    # A cost that nobody asked for is no assumption.
    assert not any("one off" in one["driver"] for one in found["tornado"])


def test_tokens_grow_with_use_and_what_is_fixed_does_not() -> None:
    """Twice the tokens from May on: 700 and 50 fixed, whatever the elasticity.

    Until then, and of the 100 that nobody held, four times the use costs twice as much.
    """
    buy = {"kind": "sourcing", "model": "assistant", "price_per_million_tokens": 7.0}
    buy |= {"fixed_cost_per_month": 50.0, "from_month": 5}
    more = {"kind": "volume", "factor": 4.0, "cost_elasticity": 0.5}
    less = {"kind": "adoption", "feature": "care", "factor": 0.5}
    found = result(buy, more, less | {"cost_elasticity": 0.0})
    until, since = 2 * 600.0, 7.0 * 50 * 2 + 50
    expected = [until + 200.0] * 4 + [since + 200.0] * 8
    assert monthly(found, "cost") == pytest.approx(expected)


def test_a_commitment_is_paid_whether_it_is_used_or_not() -> None:
    """560 are promised at 25 % off: 420, and 140 more in full. Half needs 350 only."""
    change = {"kind": "commitment", "match": {"platform": "cloud"}, "level": 0.8}
    change |= {"discount": 0.25, "months": 6}
    assert monthly(result(change), "cost")[4:8] == pytest.approx([560, 560, 700, 700])
    half = {"kind": "volume", "factor": 0.5, "cost_elasticity": 1.0}
    assert monthly(result(change, half), "cost")[:7] == pytest.approx(
        [420.0] * 6 + [350]
    )


def test_a_commitment_without_any_use_is_paid_all_the_same() -> None:
    stop = {"kind": "stop_feature", "feature": "care", "avoidable_shared_ratio": 1.0}
    change = {"kind": "commitment", "match": {"feature": "care"}, "level": 0.5}
    found = result(stop, change | {"discount": 0.1})
    # 300 are promised at 10 % off; 100 of idle are nobody's.
    assert monthly(found, "cost")[0] == pytest.approx(270.0 + 100.0)


def test_another_value_of_an_assumption_holds_from_its_month_on() -> None:
    found = result({"kind": "assumption", "id": "minute", "to": 0.8, "from_month": 7})
    assert monthly(found, "benefit") == pytest.approx([1000.0] * 6 + [800.0] * 6)
    assert found["replaced"] == [
        {"assumption_id": "minute", "value": 1.0, "low": None, "high": None}
    ]


def test_a_value_in_force_is_replaced_and_not_a_proposal_for_later() -> None:
    """In the half year before the proposal holds, 0.8 is approved as 1.0 was."""
    until = replace(MINUTE, valid_to=date(2026, 7, 1))
    later = replace(MINUTE, version="2", value=3.0, valid_from=date(2026, 7, 1))
    proposed = replace(later, is_approved=False)
    base = run_of(register=(until, proposed, NO_INTEREST))
    change = {"kind": "assumption", "id": "minute", "to": 0.8}
    found = result(change, base=base, horizon_months=6)
    assert monthly(found, "benefit") == pytest.approx([800.0] * 6)
    assert found["summary"]["counted_features"] == ["care"]
    assert [row["value"] for row in found["replaced"]] == [1.0]
    assert found["notes"] == []


def test_a_month_whose_value_nobody_approved_is_not_approved_by_a_scenario() -> None:
    until = replace(MINUTE, valid_to=date(2026, 7, 1))
    later = replace(MINUTE, version="2", value=3.0, valid_from=date(2026, 7, 1))
    base = run_of(register=(until, replace(later, is_approved=False), NO_INTEREST))
    found = result({"kind": "assumption", "id": "minute", "to": 0.8}, base=base)
    assert set(monthly(found, "benefit")) == {None}
    assert found["summary"]["npv_reason"].endswith("no return of a feature counts")
    assert found["summary"]["counted_features"] == []
    assert "nobody approved minute" in found["notes"][0]


def test_a_break_even_is_where_the_mean_is_nothing() -> None:
    """What a minute is worth may fall to 0.6, the effect to 600, for 600 of cost."""
    found = result(PRICE | {"factor": 1.0})
    row = driver(found, "minute")
    assert row["break_even_npv"] == pytest.approx(0.6, rel=1e-4)
    assert row["break_even_difference_status"] == "not_moved"
    study = driver(found, "care-study")
    assert study["break_even_npv"] == pytest.approx(600.0)


def test_the_bar_of_an_effect_has_what_moves_benefit_and_cost_alike() -> None:
    """Twice of both: 12 × (2,000 − 1,200), and 600 minutes still pay for it."""
    twice = assumed("driver", 2.0, id="twice", unit="ratio")
    found = result(base=run_of(register=(MINUTE, NO_INTEREST, twice)))
    assert found["summary"]["npv"] == pytest.approx(12 * 800.0)
    assert driver(found, "care-study")["break_even_npv"] == pytest.approx(600.0)


def test_an_effect_is_worth_what_the_scenario_says_and_not_what_the_base_does() -> None:
    """At EUR 0.5 a minute 1,200 minutes pay for 600; at 1 more, 500 are lost."""
    found = result({"kind": "assumption", "id": "minute", "to": 0.5})
    study = driver(found, "care-study")
    assert study["break_even_npv"] == pytest.approx(1200.0)
    assert study["break_even_difference_status"] == "not_plausible"
    assert found["summary"]["npv_difference"] == pytest.approx(-12 * 500.0)


@pytest.mark.parametrize("from_month", [1, 7])
def test_a_value_that_a_scenario_sets_breaks_even_with_that_of_the_base(
    from_month: int,
) -> None:
    """A minute that is worth 1 again gains nothing, whatever the base has."""
    change = {"kind": "assumption", "id": "minute", "from_month": from_month}
    found = result(change | {"to": {"value": 0.5, "low": 0.4, "high": 0.6}})
    row = driver(found, "minute")
    assert row["break_even_difference"] == pytest.approx(1.0, rel=1e-4)
    months = 13 - from_month
    assert row["difference_at_low"] == pytest.approx(months * 1000 * (0.4 - 1.0))
    # 600 a month are spent: the first months bring 400 each.
    needed = (12 * 600 - (12 - months) * 1000) / months / 1000
    assert row["break_even_npv"] == pytest.approx(needed, rel=1e-4)


def test_a_break_even_far_away_is_said_to_be_none() -> None:
    lines = (CostLine("care", "assistant", "cloud", None, "direct", 1.0),)
    found = result(base=run_of(lines=lines))
    assert driver(found, "minute")["break_even_npv_status"] == "not_plausible"
    assert driver(found, "minute")["break_even_npv"] is None


def test_the_tornado_has_both_ends_of_each_interval() -> None:
    """A minute is worth 0.8 to 1.2, so 12 × (800 − 700) to 12 × (1200 − 700)."""
    minute = assumed(
        "conversion",
        1.0,
        id="minute",
        better="more",
        metric="minutes",
        low=0.8,
        high=1.2,
    )
    factor = {"value": 0.9, "low": 0.8, "high": 1.0}
    found = result(
        PRICE | {"factor": factor}, base=run_of(register=(minute, NO_INTEREST))
    )
    row = driver(found, "minute")
    by_price = found["summary"]["npv"] - 12 * (1.0 * 1000 - 700)
    assert row["npv_at_low"] == pytest.approx(12 * 100 + by_price, abs=30)
    assert row["npv_at_high"] == pytest.approx(12 * 500 + by_price, abs=30)
    price = driver(found, "price care: factor")
    # 600 × 12 × 0.2 and nothing at all.
    assert price["difference_at_low"] == pytest.approx(1440.0, rel=1e-6)
    assert price["difference_at_high"] == pytest.approx(0.0, abs=1e-6)
    assert price["difference_variance_share"] == pytest.approx(1.0, abs=0.02)
    shares = row["npv_variance_share"] + price["npv_variance_share"]
    assert shares == pytest.approx(1.0, abs=0.05)
    assert found["tornado"][0]["driver"] == "minute"


def test_returns_that_nothing_held_moves_are_those_that_are_worked_out_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    minute = replace(MINUTE, low=0.8, high=1.2)
    hour = assumed("labour", 50.0, id="rate", unit="EUR/hour")
    hour = replace(hour, low=40.0, high=70.0)
    lines = [OWN, SHARED, IDLE, replace(OWN, feature_id="search")]
    said = [
        claim(effects=(1000.0, 1000.0)),
        claim("search", effects=(500.0, 500.0)),
    ]
    factor = {"value": 0.9, "low": 0.8, "high": 1.0}
    changes = [PRICE | {"factor": factor}, MOVE]
    base = run_of(said, lines=lines, register=(minute, NO_INTEREST, hour), hours=2.0)
    reused = result(*changes, base=base)
    monkeypatch.setattr("attribution.scenarios.outcome._are_same", lambda *_: False)
    assert json.dumps(result(*changes, base=base)) == json.dumps(reused)


def test_what_a_change_adds_is_what_is_lost_without_it() -> None:
    found = result(PRICE, MOVE)
    gains = {row["change"]: row["npv_gain"] for row in found["changes"]}
    alone = result(MOVE)["summary"]["npv_difference"]
    both = found["summary"]["npv_difference"]
    assert gains["price care"] == pytest.approx(both - alone)


@functools.cache
def four_changes(order: tuple[int, ...] = (0, 1, 2, 3)) -> dict[str, Any]:
    """Return the result of four changes, one after another."""
    spread = {"value": 0.9, "low": 0.7, "high": 1.2}
    changes = [
        PRICE | {"factor": spread},
        MOVE | {"cost_factor": spread},
        {"kind": "commitment", "match": {"platform": "cloud"}, "level": 0.8}
        | {"discount": 0.2},
        {"kind": "volume", "factor": spread, "cost_elasticity": 0.7},
    ]
    return result(*(changes[number] for number in order))


@given(order=st.permutations(range(4)))
@settings(max_examples=5, deadline=None)
def test_the_order_of_changes_does_not_matter(order: Sequence[int]) -> None:
    one, other = four_changes(), four_changes(tuple(order))
    assert other["summary"] == one["summary"]
    assert other["months"] == one["months"]
    assert other["tornado"] == one["tornado"]


@given(scale=st.floats(1e-3, 1e4))
@settings(max_examples=6, deadline=None)
def test_another_unit_of_money_scales_every_amount(scale: float) -> None:
    lines = [replace(line, cost=line.cost * scale) for line in (OWN, SHARED, IDLE)]
    minute = assumed("conversion", scale, id="minute", better="more", metric="minutes")
    bills = tuple(MonthOfBills(b.month, b.cost * scale, b.requests) for b in BILLS)
    base = run_of(lines=lines, register=(minute, NO_INTEREST), bills=bills)
    move = MOVE | {"migration_cost": 600.0 * scale}
    one, other = result(MOVE)["summary"], result(move, base=base)["summary"]
    for name in ("npv", "npv_difference", "cost_difference", "base_npv"):
        assert other[name] == pytest.approx(one[name] * scale, rel=1e-9)
    assert (
        other["difference_payback_months_p50"] == one["difference_payback_months_p50"]
    )


@given(seed=st.integers(0, 1000))
@settings(max_examples=3, deadline=None)
def test_the_same_id_has_the_same_numbers(seed: int) -> None:
    spread = {"value": 0.9, "low": 0.7, "high": 1.2}
    changes = PRICE | {"factor": spread}, MOVE | {"cost_factor": spread}
    first = result(*changes, seed=seed)
    assert json.dumps(result(*changes, seed=seed)) == json.dumps(first)
    other = result(*changes, seed=seed + 1)
    assert other["scenario_id"] != first["scenario_id"]
    assert other["summary"] != first["summary"]


def test_an_id_depends_on_file_run_inputs_and_seed_and_on_no_person() -> None:
    base = run_of()
    known = id_of(scenario(PRICE), base)
    assert id_of(scenario(PRICE, author="Somebody"), base) == known
    others = {
        id_of(scenario(PRICE | {"factor": 0.91}), base),
        id_of(scenario(PRICE, seed=1), base),
        id_of(scenario(PRICE, horizon_months=13), base),
        id_of(scenario(PRICE), run_of(run_id="run-2")),
        id_of(scenario(PRICE), run_of(version="v2")),
    }
    assert len(others | {known}) == 6


def test_what_belongs_to_both_is_drawn_once_and_leaves_the_difference() -> None:
    """What a minute is worth moves the scenario and its base alike, to the digit."""
    minute = assumed(
        "conversion",
        1.0,
        id="minute",
        better="more",
        metric="minutes",
        low=0.5,
        high=2.0,
    )
    found = result(PRICE, base=run_of(register=(minute, NO_INTEREST)))
    summary = found["summary"]
    assert summary["npv_high_90"] - summary["npv_low_90"] > 1000.0
    assert summary["npv_difference_low_90"] == pytest.approx(720.0)
    assert summary["npv_difference_high_90"] == pytest.approx(720.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (PRICE | {"match": {"platform": "clod"}}, "platform 'clod'.*'cloud'"),
        ({"kind": "utilisation", "pool": "unmeasured", "to": 0.9}, "pool 'unmeasured'"),
        ({"kind": "assumption", "id": "minutes", "to": 1.0}, "'minutes'.*'minute'"),
        (
            {"kind": "team_hours", "feature": "care", "hours_per_month": 1},
            "approved labour rate for 'care'",
        ),
        (MOVE | {"models": ["gone"]}, "model 'gone', which is not on 'cloud'"),
        (PRICE | {"match": {"feature": "care", "pool": "other"}}, "pool 'other'"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused_by_name(
    change: Row, told: str
) -> None:
    with pytest.raises(UsageError, match=f"(?s){told}"):
        result(change | {"name": "the change"})


def test_tokens_that_nobody_counts_are_refused() -> None:
    change = {"kind": "sourcing", "model": "assistant", "price_per_million_tokens": 1}
    with pytest.raises(UsageError, match="tokens of 'assistant', which nobody counts"):
        result(change, base=run_of(tokens={}))


def test_an_elasticity_that_says_nothing_is_not_taken() -> None:
    few = run_of(bills=BILLS[:5])
    with pytest.raises(UsageError, match=r"5 months have .*; 12 are needed"):
        result({"kind": "volume", "factor": 2.0}, base=few)
    jumping = tuple(
        MonthOfBills(b.month, 1000.0 if n % 2 else 10.0, b.requests)
        for n, b in enumerate(BILLS)
    )
    with pytest.raises(UsageError, match="cannot tell a bill that stays"):
        result({"kind": "volume", "factor": 2.0}, base=run_of(bills=jumping))


def test_two_changes_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(UsageError, match="2 changes are a platform move of cloud"):
        result(MOVE | {"name": "a"}, MOVE | {"name": "b"})


def test_the_same_spend_cannot_be_promised_twice() -> None:
    """What care costs on the cloud is a part of what the cloud costs."""
    cloud = {"kind": "commitment", "match": {"platform": "cloud"}, "level": 0.8}
    care = cloud | {"match": {"feature": "care"}}
    told = "'commitment cloud' and 'commitment care' commit some of the same cost"
    with pytest.raises(UsageError, match=told):
        result(cloud | {"discount": 0.2}, care | {"discount": 0.2})


def test_hours_need_a_rate_in_every_month_that_they_are_worked_in() -> None:
    rate = assumed(
        "labour", 50.0, id="rate", unit="EUR/hour", valid_to=date(2026, 9, 1)
    )
    base = run_of(register=(MINUTE, NO_INTEREST, rate))
    change = {"kind": "team_hours", "feature": "care", "hours_per_month": 2.0}
    with pytest.raises(UsageError, match="none holds in 2026-09"):
        result(change | {"from_month": 3}, base=base)


def test_a_refused_effect_has_cost_and_no_net_present_value() -> None:
    base = run_of([refused()])
    found = result(PRICE, base=base)
    assert found["summary"]["npv"] is None
    assert "not computable" in found["summary"]["npv_reason"]
    assert "too_few_units" in found["summary"]["npv_reason"]
    # The price is paid all the same, and what it saves is known.
    assert found["summary"]["npv_difference"] == pytest.approx(720.0)
    [care, _] = found["features"]
    assert care["npv"] is None
    assert care["reason"].startswith("not computable")


def test_a_change_of_an_unknown_benefit_has_no_difference() -> None:
    change = {"kind": "adoption", "feature": "care", "factor": 2.0}
    found = result(change | {"cost_elasticity": 1.0}, base=run_of([refused()]))
    assert found["summary"]["npv_difference"] is None
    assert "acts on an unknown benefit" in found["summary"]["difference_reason"]
    assert found["summary"]["cost_difference"] == pytest.approx(12 * 600.0)


def test_what_is_not_computable_has_no_figure_in_any_row() -> None:
    """Twice the use at twice the cost is no loss of 7,200: nobody knows the gain."""
    change = {"kind": "adoption", "feature": "care", "factor": 2.0}
    found = result(change | {"cost_elasticity": 1.0}, base=run_of([refused()]))
    for measure in ("difference", "cumulative_difference", "benefit", "net_value"):
        assert set(monthly(found, measure)) == {None}
    assert monthly(found, "cost") == pytest.approx([1300.0] * 12)
    [row] = found["changes"]
    assert row["npv_gain"] is None
    assert found["tornado"] == []


def test_an_unknown_npv_leaves_the_gain_in_the_tornado_and_itself_out() -> None:
    spread = PRICE | {"factor": {"value": 0.9, "low": 0.8, "high": 1.0}}
    row = driver(result(spread, base=run_of([refused()])), "price care: factor")
    assert row["difference_at_low"] == pytest.approx(1440.0)
    assert row["npv_at_low"] is None
    assert row["break_even_npv_status"] == "not_computable"


def test_a_value_that_holds_longer_in_a_scenario_tells_no_gain() -> None:
    """The base knows no value of a minute from July on, so no gain either."""
    until = replace(MINUTE, valid_to=date(2026, 7, 1))
    base = run_of(register=(until, NO_INTEREST))
    found = result({"kind": "assumption", "id": "minute", "to": 1.0}, base=base)
    assert found["summary"]["npv"] == pytest.approx(12 * 400.0)
    assert found["summary"]["npv_difference"] is None
    assert "no conversion of minutes" in found["summary"]["difference_reason"]


def test_features_and_what_belongs_to_none_make_up_the_whole() -> None:
    """Care nets 12,000 − 4,800; of no feature are 800 of cost and 600 of moving.

    Of these 800 the base has 1,200, so that 400 of them are saved.
    """
    found = result(MOVE)
    [care, rest] = found["features"]
    told = [(row["benefit"], row["cost"], row["other_cost"]) for row in (care, rest)]
    assert told[0] == pytest.approx((12_000.0, 4_800.0, 0.0))
    assert told[1][1:] == pytest.approx((800.0, 600.0))
    assert care["npv"] == pytest.approx(7_200.0)
    assert found["summary"]["npv"] == pytest.approx(7_200.0 + 400.0 - 600.0)


def test_a_feature_shows_the_people_and_one_offs_between_benefit_and_npv() -> None:
    """12,000 − 600 − 11 × 300 of cost − 120 once."""
    change = {"kind": "model_swap", "model": "assistant", "cost_factor": 0.5}
    found = result(change | {"one_off_cost": 120.0, "from_month": 2})
    [care, rest] = found["features"]
    assert care["cost"] == pytest.approx(3_900.0)
    assert (care["other_cost"], rest["other_cost"]) == pytest.approx((120.0, 0.0))
    assert care["npv"] == pytest.approx(12_000.0 - 3_900.0 - 120.0)


def test_a_feature_whose_cost_is_not_known_shows_none() -> None:
    found = result(base=run_of(lines=(IDLE,)))
    [care, rest] = found["features"]
    assert (care["feature_id"], care["cost"]) == ("care", None)
    assert rest["cost"] == pytest.approx(1200.0)


def test_what_is_stopped_at_once_is_worth_what_it_still_costs() -> None:
    change = {"kind": "stop_feature", "feature": "care", "exit_cost": 80.0}
    change |= {"avoidable_shared_ratio": 1.0}
    summary = result(change, features=["care"])["summary"]
    assert summary["npv"] == pytest.approx(-80.0)
    assert summary["npv_difference"] == pytest.approx(-80.0 - 12 * 400.0)


def test_an_unknown_cost_has_no_return() -> None:
    found = result(base=run_of(unconverted=frozenset({"care"})), features=["care"])
    assert "no amount in the reporting currency" in found["summary"]["npv_reason"]


def test_without_a_discount_rate_nothing_is_computed() -> None:
    found = result(PRICE, base=run_of(register=(MINUTE,)))
    assert "no approved discount rate" in found["summary"]["npv_reason"]
    assert found["tornado"] == []
    # Months are what they are; their present values are not.
    assert monthly(found, "cost") == pytest.approx([640.0] * 12)
    assert set(monthly(found, "cumulative_difference")) == {None}
    assert found["summary"]["cost"] is None
    assert found["summary"]["cost_difference"] is None
    assert [row["cost"] for row in found["features"]] == [None, None]


def test_a_proposal_behind_an_approved_value_changes_nothing() -> None:
    proposal = assumed(
        "conversion",
        9.0,
        id="proposal",
        better="more",
        metric="minutes",
        is_approved=False,
    )
    base = run_of(register=(MINUTE, NO_INTEREST, proposal))
    found = result({"kind": "assumption", "id": "proposal", "to": 90.0}, base=base)
    assert found["summary"]["npv_difference"] == 0.0
    assert "nobody approved proposal" in found["notes"][0]


def test_an_effect_goes_on_as_in_the_last_month_that_was_seen_whole() -> None:
    """February has 10 of 28 days, so January's 900 go on, and not February's 200."""
    days = {"first_day": date(2026, 1, 1), "end": date(2026, 2, 11)}
    said = [claim(effects=(900.0, 200.0), **days)]
    found = result(base=run_of(said, is_measured_to_the_end=False))
    assert monthly(found, "benefit")[:2] == pytest.approx([900.0] * 2)


def test_a_month_that_was_seen_in_part_only_is_scaled_up() -> None:
    days = {"first_day": date(2026, 1, 22), "end": date(2026, 2, 1)}
    said = [claim(effects=(100.0,), **days)]
    found = result(base=run_of(said, is_measured_to_the_end=False))
    assert monthly(found, "benefit")[0] == pytest.approx(100.0 * 31 / 10)


def test_what_was_bought_before_is_spent_in_every_scenario() -> None:
    cameras = assumed("integration", 3600.0, id="cameras", unit="EUR", months=600)
    found = result(base=run_of(register=(MINUTE, NO_INTEREST, cameras)))
    assert set(monthly(found, "other_cost")) == {0.0}


def test_payback_for_good_waits_until_money_has_stopped_going_out() -> None:
    net = np.array([[10.0, -100.0, 50.0, 50.0]])
    assert payback(net)["payback_months_p50"] == 1.0
    assert payback(net, for_good=True)["payback_months_p50"] == 4.0


def test_the_scenario_that_the_documentation_shows_is_one(repository: Path) -> None:
    page = (repository / "docs/how_to/run_a_scenario.md").read_text("utf-8")
    [block] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shown = Scenario.model_validate(yaml.safe_load(block))
    assert [one.kind for one in shown.changes] == ["platform_move", "utilisation"]
    rules = (repository / "docs/concepts/scenarios.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", rules, re.MULTILINE)) == set(KINDS)


def test_every_kind_has_a_rule_and_says_it() -> None:
    assert set(RULES) == set(RULE_TEXTS) == set(KINDS)
    # A commitment looks at what the others left.
    assert list(RULES)[-1] == "commitment"


def test_a_stopped_effect_is_nothing_even_where_it_knew_no_bound() -> None:
    """A tenth of the worlds know no bound; none of them is left after the stop.

    What care shares of the pool, 200 a month, goes on.
    """
    effects = np.full((1000, 2), 1000.0)
    effects[::10] = -np.inf
    base = run_of([replace(claim(effects=(1.0, 1.0)), effects=effects)])
    assert result(base=base)["summary"]["npv_low_90"] is None
    change = {"kind": "stop_feature", "feature": "care"}
    summary = result(change, base=base)["summary"]
    assert summary["npv_low_90"] == pytest.approx(-12 * 200.0)
    assert summary["npv_high_90"] == pytest.approx(-12 * 200.0)
    # Where the loss had no bound the stop gains without one.
    assert summary["npv_difference_low_90"] == pytest.approx(-12 * 600.0)
    assert summary["npv_difference_high_90"] is None


def test_cost_of_no_feature_that_has_no_amount_is_said_to_be_missing() -> None:
    base = run_of(unconverted=frozenset({None}))
    assert result(base=base)["notes"] == [
        "what belongs to no feature: a part of its cost has no amount in EUR."
    ]
    [_, rest] = result(base=base)["features"]
    assert rest["cost"] is None
    # It is no part of what care alone costs.
    assert result(base=base, features=["care"])["notes"] == []


def test_a_move_says_that_a_promise_to_the_old_platform_may_go_on() -> None:
    promised = CostLine(None, None, "cloud", None, "unused_commitment", 30.0)
    found = result(MOVE, base=run_of(lines=(OWN, SHARED, IDLE, promised)))
    assert "what was promised to cloud and is not used" in found["notes"][0]
    assert result(MOVE)["notes"] == []


def rate_of(*features: tuple[str, float | None, str | None]) -> PublishedRunRate:
    """Return a run rate of November: 400 in all, of which 10 are claimed twice."""
    return PublishedRunRate("2025-11", 400.0, 350.0, 450.0, 1, 1, features=features)


def test_the_run_rate_is_reconciled_with_a_month_of_the_base_line_by_line() -> None:
    """Care netted 410 in November, faded; the base has 1,000 less 600 in January."""
    rate = rate_of(("care", 410.0, "last_measured"), ("gone", None, "unknown"))
    found = result(base=run_of(run_rate=rate))
    told = found["run_rate"]
    assert (told["run_rate_month"], told["base_month"]) == ("2025-11", "2026-01")
    assert (told["run_rate_net"], told["run_rate_net_low_90"]) == (400.0, 350.0)
    assert told["run_rate_unknown_feature_count"] == 1
    *lines, total = told["lines"]
    by_name = {(row["line"], row["feature_id"]): row for row in lines}
    care = by_name["net_value", "care"]
    assert (care["run_rate"], care["base"]) == (410.0, pytest.approx(400.0))
    assert care["reason"] == (
        "2026-01 at the mean cost of months, in place of 2025-11"
        " (faded since it was last measured)"
    )
    assert by_name["overlap", None]["run_rate"] == pytest.approx(-10.0)
    assert sum(row["run_rate"] for row in lines) == pytest.approx(400.0)
    assert sum(row["base"] for row in lines) == pytest.approx(400.0)
    assert (total["run_rate"], total["base"]) == (400.0, pytest.approx(400.0))
    assert monthly(found, "base_net_value")[0] == pytest.approx(total["base"])


def test_what_counts_of_a_scenario_is_after_what_is_claimed_twice() -> None:
    """1,000 and 600 of the same minutes are 600: 606 less are −6 in each month."""
    both = [
        claim(effects=(1000.0, 1000.0)),
        claim("eta", effects=(600.0, 600.0)),
    ]
    lines = (OWN, SHARED, IDLE, replace(OWN, feature_id="eta", cost=6.0))
    found = result(base=run_of(both, lines=lines))["summary"]
    assert found["counted_features"] == ["care", "eta"]
    assert found["npv"] == pytest.approx(12 * -6.0)
    assert found["benefit"] == pytest.approx(12 * 600.0)


def test_a_run_without_a_run_rate_has_none_in_its_scenarios() -> None:
    assert result()["run_rate"] is None


def test_a_run_rate_of_what_a_scenario_leaves_out_is_a_line_of_its_own() -> None:
    both = [claim(effects=(1000.0, 1000.0)), claim("eta", effects=(5.0,), outcome="x")]
    other = assumed("conversion", 1.0, id="x", better="more", metric="x")
    lines = (OWN, SHARED, IDLE, replace(OWN, feature_id="eta", cost=6.0))
    rate = rate_of(("care", 400.0, "measured"), ("eta", 10.0, "measured"))
    base = run_of(
        both, lines=lines, register=(MINUTE, NO_INTEREST, other), run_rate=rate
    )
    found = result(base=base, features=["care"])
    [eta] = [row for row in found["run_rate"]["lines"] if row["feature_id"] == "eta"]
    assert (eta["run_rate"], eta["base"]) == (10.0, 0.0)
    assert eta["reason_code"] == "out_of_scope"


def test_a_feature_that_stopped_has_no_line_and_is_no_double_claim() -> None:
    """Its own last month was measured; in the month of the run rate it was over."""
    rate = rate_of(("care", 400.0, "measured"), ("old", None, "stopped"))
    lines = (OWN, SHARED, IDLE, replace(OWN, feature_id="old", cost=6.0))
    found = result(base=run_of(lines=lines, run_rate=rate))["run_rate"]["lines"]
    assert {row["feature_id"] for row in found} == {"care", None}
    assert not [row for row in found if row["line"] == "overlap"]


def test_what_the_features_leave_of_a_run_rate_is_a_double_claim_only_below() -> None:
    """No double claim makes 400 of 390."""
    rate = rate_of(("care", 390.0, "measured"))
    *lines, _ = result(base=run_of(run_rate=rate))["run_rate"]["lines"]
    assert not [row for row in lines if row["line"] == "overlap"]
    [rest] = [row for row in lines if row["line"] == "rest"]
    assert (rest["run_rate"], rest["base"]) == (10.0, 0.0)
    assert rest["reason"] == "not in the run rate of any feature"


def published_run_rate(portfolio: str) -> PublishedRunRate | None:
    """Return what is read of a feature that goes on and of one that has stopped."""
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA roi")
        connection.execute(
            "CREATE TABLE roi.mart_portfolio_roi AS SELECT 'to_date' AS \"window\","
            f" '2026-06' AS run_rate_month, 12.5::DOUBLE AS {portfolio},"
            " 10.0::DOUBLE AS run_rate_net_low_90, 15.0::DOUBLE AS"
            " run_rate_net_high_90, 1 AS run_rate_feature_count,"
            " 0 AS run_rate_unknown_feature_count"
        )
        connection.execute(
            "CREATE TABLE roi.mart_feature_roi AS SELECT *, 'to_date' AS \"window\","
            " 'measured' AS effect_status, true AS counted FROM (VALUES"
            " ('care', '2026-06', 12.5::DOUBLE), ('old', '2026-02', 7.0))"
            " AS feature (feature_id, run_rate_month, run_rate_net)"
        )
        return read_run_rate(connection)


def test_a_run_rate_is_read_as_it_is_published_and_old_runs_have_none() -> None:
    found = published_run_rate("run_rate_net")
    assert found is not None
    assert (found.month, found.net, found.high) == ("2026-06", 12.5, 15.0)
    assert found.features == (("care", 12.5, "measured"), ("old", None, "stopped"))
    assert published_run_rate("net_of_an_old_run") is None
