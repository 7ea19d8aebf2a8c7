"""Returns: worked out by hand, and never what peers make of them.

Tests of peers' defects name the defect: null to zero, infinity, circular value,
self-validation, refusal of negative value, selection of winners.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from attribution.roi.claims import effects_by_world
from attribution.roi.reading import experiment_value_ceiling, payback
from attribution.roi.register import Assumed, Register, months_between
from attribution.roi.sensitivity import variance_share
from attribution.roi.shrinkage import shrink
from attribution.roi.worlds import WORLD_COUNT, Worlds
from tests.attribution.roi.roi_cases import (
    MONTHS,
    assumed,
    claim,
    headline,
    inputs,
    refused,
    rows,
    to_date,
)

HALF_A_EURO = assumed("conversion", 0.5, better="less", metric="minutes")
COST = {"care": {"2026-01": 20.0, "2026-02": 30.0}}


def test_a_fall_of_a_time_is_worth_its_minutes_less_what_the_feature_costs() -> None:
    """200 minutes less at 0.5 are 100; less 20 + 30 leave 50, which is once 50."""
    row = to_date(rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO], COST)))
    assert (row["benefit"], row["net_value"], row["roi"]) == (100.0, 50.0, 1.0)
    assert row["probability_net_positive"] == 1.0
    assert row["counted"] is True
    assert row["released_hours"] == pytest.approx(200 / 60)
    assert row["break_even_effect"] == -100.0
    assert row["break_even_ratio"] == 0.5
    assert (row["first_month"], row["last_month"]) == MONTHS


def test_each_month_has_a_row_and_they_add_up() -> None:
    found = rows(inputs([claim(effects=(-100, -60))], [HALF_A_EURO], COST))
    by_month = [r for r in found["roi_features"] if r["roi_window"] in MONTHS]
    assert [r["benefit"] for r in by_month] == [50.0, 30.0]
    assert [r["net_value"] for r in by_month] == [30.0, 0.0]
    total = sum(r["net_value"] for r in by_month)
    assert total == to_date(found)["net_value"] == 30.0


def test_revenue_counts_by_its_margin_and_is_not_computable_without_one() -> None:
    """1,000 of revenue at a margin of 12 % are 120."""
    revenue = assumed(
        "conversion",
        1.0,
        better="more",
        takes_margin=True,
        metric="minutes",
        unit="EUR/EUR",
    )
    of_revenue = claim(effects=(500, 500), outcome_unit="EUR")
    margin = assumed("margin", 0.12, unit="ratio")
    row = to_date(rows(inputs([of_revenue], [revenue, margin], COST)))
    assert row["benefit"] == pytest.approx(120.0)
    assert row["released_hours"] is None
    without = to_date(rows(inputs([of_revenue], [revenue], COST)))
    assert (without["benefit"], without["reason_code"]) == (None, "margin_missing")


def test_an_interval_of_a_conversion_is_that_of_the_benefit() -> None:
    """A certain effect of 200 at 0.4 to 0.7: the ends are those of the conversion."""
    conversion = replace(HALF_A_EURO, low=0.4, high=0.7)
    row = to_date(rows(inputs([claim(effects=(-100, -100))], [conversion], COST)))
    # The 1,000 levels are the middles of equal steps.
    assert row["benefit_low_90"] == pytest.approx(80, rel=2e-3)
    assert row["benefit_high_90"] == pytest.approx(140, rel=2e-3)
    assert row["net_value_low_90"] == pytest.approx(30, rel=1e-2)


@pytest.mark.parametrize("low", [0.0, 0.4])
def test_the_ends_of_a_90_percent_interval_are_met_exactly(low: float) -> None:
    one = replace(HALF_A_EURO, low=low, high=0.7)
    at = one.at(np.array([0.05, 0.5, 0.95, 1e-9]))
    assert at[:3] == pytest.approx([low, 0.5, 0.7])
    assert 0 <= at[3] < low + 1e-12


@pytest.mark.peer_defect("only winners are admitted")
def test_a_null_counts_with_its_cost_as_a_win_does() -> None:
    """Peers' defect: only winners admitted. An effect around nothing costs 50."""
    null = claim(effects=(0.0, 0.0), spread=10.0, grade="B")
    found = rows(inputs([null], [HALF_A_EURO], COST))
    row = to_date(found)
    assert row["counted"] is True
    assert row["net_value"] == pytest.approx(-50, abs=1.0)
    assert headline(found)["net_value"] == row["net_value"]


@pytest.mark.peer_defect("negative value is refused")
def test_a_harm_is_a_negative_benefit_and_may_cost_more_than_all_that_was_spent() -> (
    None
):
    """Peers' defect: refusal of negative value. 200 minutes more at 0.5 cost 100."""
    found = rows(inputs([claim(effects=(100, 100))], [HALF_A_EURO], COST))
    row = to_date(found)
    assert (row["benefit"], row["net_value"], row["roi"]) == (-100.0, -150.0, -3.0)
    assert row["probability_net_positive"] == 0.0
    assert row["break_even_ratio"] is None
    assert headline(found)["net_value"] == -150.0


@pytest.mark.peer_defect("return without cost is infinite")
def test_no_cost_gives_no_roi_and_never_infinity() -> None:
    """Peers' defect: an outcome without cost prints infinity."""
    row = to_date(
        rows(inputs([claim()], [HALF_A_EURO], {"care": dict.fromkeys(MONTHS, 0.0)}))
    )
    assert (row["roi"], row["roi_low_90"], row["roi_high_90"]) == (None, None, None)
    assert row["reason_code"] == "cost_not_positive"
    assert row["net_value"] == -100.0


@pytest.mark.parametrize(
    "costs", [{}, {"care": {"2026-01": 20.0, "2026-02": None}}], ids=["none", "part"]
)
@pytest.mark.peer_defect("unknown becomes zero")
def test_an_unknown_cost_gives_no_figure_and_never_zero(
    costs: dict[str, dict[str, float | None]],
) -> None:
    """Peers' defect: null to zero; an unpriced cost prints 0.00 and ROI 0.00."""
    found = rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO], costs))
    row = to_date(found)
    assert row["reason_code"] == "cost_unknown"
    assert row["reason"].startswith("not computable: ")
    assert (row["benefit"], row["net_value"], row["roi"]) == (None, None, None)
    assert row["counted"] is False
    assert headline(found)["net_value"] is None


def test_a_refused_effect_gives_no_figure_its_reason_and_the_break_even() -> None:
    """50 of cost at half a euro a minute are paid for by 100 minutes less."""
    row = to_date(rows(inputs([refused()], [HALF_A_EURO], COST)))
    assert (row["benefit"], row["net_value"], row["roi"]) == (None, None, None)
    assert (row["grade"], row["reason_code"]) == ("X", "effect_refused")
    assert "too_few_units" in row["reason"]
    assert row["break_even_effect"] == -100.0


def test_what_would_pay_for_a_feature_pays_for_people_and_integration_too() -> None:
    """50 of the bill, 2 hours at 10 and 2 of 10 parts of 100: 90 at half a euro."""
    entries = [
        HALF_A_EURO,
        assumed("labour", 10.0, unit="EUR/hour", low=5.0, high=30.0),
        assumed(
            "integration",
            100.0,
            unit="EUR",
            feature_id="care",
            months=10,
            valid_from=date(2026, 1, 1),
        ),
    ]
    hours = {"care": {"2026-02": 2.0}}
    row = to_date(rows(inputs([refused()], entries, COST, hours=hours)))
    assert row["break_even_effect"] == pytest.approx(-180.0)


def test_a_month_without_a_conversion_makes_the_return_not_computable() -> None:
    ended = replace(HALF_A_EURO, valid_to=date(2026, 2, 1))
    row = to_date(rows(inputs([claim()], [ended], COST)))
    assert (row["benefit"], row["reason_code"]) == (None, "conversion_missing")
    assert "2026-02" in row["reason"]


@pytest.mark.peer_defect("hours become money by themselves")
def test_hours_without_a_conversion_stay_hours() -> None:
    """Peers' defect: time saved becomes money by itself."""
    found = rows(inputs([claim(effects=(-60, -60))], [], COST))
    row = to_date(found)
    assert row["benefit"] is None
    assert row["reason_code"] == "conversion_missing"
    assert headline(found)["benefit"] is None


def test_a_conversion_of_another_unit_or_direction_values_nothing() -> None:
    """Minutes are no hours, and what the plan calls a harm is no benefit."""
    an_hour = replace(HALF_A_EURO, unit="EUR/hour")
    given = claim(effects=(-100, -100))
    row = to_date(rows(inputs([given], [an_hour], COST)))
    assert (row["benefit"], row["reason_code"]) == (None, "unit_mismatch")
    lower_is_better = replace(given, better="less")
    assert to_date(rows(inputs([lower_is_better], [HALF_A_EURO], COST)))["counted"]
    wrong = replace(HALF_A_EURO, better="more")
    row = to_date(rows(inputs([lower_is_better], [wrong], COST)))
    assert (row["benefit"], row["reason_code"]) == (None, "direction_contradicted")


def test_minutes_per_case_are_valued_and_are_no_hours() -> None:
    per_case = replace(HALF_A_EURO, unit="EUR/minute per case and month")
    row = to_date(rows(inputs([claim(effects=(-100, -100))], [per_case], COST)))
    assert (row["benefit"], row["released_hours"]) == (100.0, None)


@pytest.mark.peer_defect("circular value")
def test_value_never_derives_from_cost() -> None:
    """Peers' defect: circular value, so that more spend is more return."""
    given = [claim(effects=(-100, -100))]
    once = to_date(rows(inputs(given, [HALF_A_EURO], COST)))
    twice = {"care": {month: 2 * cost for month, cost in COST["care"].items()}}
    doubled = to_date(rows(inputs(given, [HALF_A_EURO], twice)))
    assert doubled["benefit"] == once["benefit"] == 100.0
    assert (once["roi"], doubled["roi"]) == (1.0, 0.0)


OTHER_COST = {**COST, "eta": {"2026-01": 5.0, "2026-02": 5.0}}
SOLID = claim(effects=(-100, -100), spread=20.0)


@pytest.mark.parametrize("value", [0.5, 500.0])
@pytest.mark.peer_defect("an unapproved value counts")
def test_an_unapproved_assumption_cannot_move_the_headline(value: float) -> None:
    """Peers' defect: whoever enters a value has it counted."""
    of_eta = claim("eta", effects=(-1000, -1000), outcome="eta_minutes")
    guess = replace(
        HALF_A_EURO, id="guess", metric="eta_minutes", value=value, is_approved=False
    )
    without = rows(inputs([SOLID], [HALF_A_EURO], OTHER_COST))
    found = rows(inputs([SOLID, of_eta], [HALF_A_EURO, guess], OTHER_COST))
    assert headline(found) == headline(without)
    row = to_date(found, "eta")
    assert (row["counted"], row["not_counted_code"]) == (
        False,
        "assumption_not_approved",
    )
    assert row["benefit"] == 2000 * value


def test_a_proposal_never_takes_the_place_of_an_approved_value() -> None:
    proposal = replace(
        HALF_A_EURO, id="proposal", feature_id="care", value=9.0, is_approved=False
    )
    found = rows(inputs([SOLID], [HALF_A_EURO, proposal], COST))
    assert headline(found) == headline(rows(inputs([SOLID], [HALF_A_EURO], COST)))


@pytest.mark.parametrize(("hours", "kind"), [(3.0, "driver"), (300.0, "integration")])
def test_an_hour_of_delivery_cannot_move_the_headline_without_an_approved_rate(
    hours: float, kind: str
) -> None:
    rate = assumed("labour", 95.0, unit="EUR/hour", is_approved=False)
    unapproved = assumed(
        kind, 1.0, low=0.1, high=9.0, months=1, feature_id="care", is_approved=False
    )
    found = rows(
        inputs(
            [SOLID],
            [HALF_A_EURO, rate, unapproved],
            COST,
            hours={"care": {"2026-01": hours}},
        )
    )
    assert headline(found) == headline(rows(inputs([SOLID], [HALF_A_EURO], COST)))
    assert f"{hours:,.0f} h without an approved rate" in to_date(found)["left_out"]


def test_hours_at_an_approved_rate_are_a_cost() -> None:
    """2 hours at 10 beside 50 of the mart: 100 − 50 − 20 = 30, by 70."""
    rate = assumed("labour", 10.0, unit="EUR/hour")
    row = to_date(
        rows(
            inputs(
                [claim(effects=(-100, -100))],
                [HALF_A_EURO, rate],
                COST,
                hours={"care": {"2026-02": 2.0}},
            )
        )
    )
    assert (row["other_cost"], row["net_value"]) == (20.0, 30.0)
    assert row["roi"] == pytest.approx(30 / 70)


@pytest.mark.parametrize("grade", ["C", "D"])
@pytest.mark.parametrize("effect", [-1.0, -1e6])
def test_a_weaker_claim_cannot_move_the_headline(grade: str, effect: float) -> None:
    """Neither of another feature, nor of another outcome of the same one."""
    alone = headline(rows(inputs([SOLID], [HALF_A_EURO], OTHER_COST)))
    everywhere = replace(HALF_A_EURO, metric=None)
    weak = [
        claim("eta", effects=(effect, effect), grade=grade),
        claim(effects=(effect, effect), grade=grade, study_id="b", outcome="calls"),
        claim(effects=(effect, effect), grade=grade, study_id="c"),
    ]
    found = rows(inputs([SOLID, *weak], [everywhere], OTHER_COST))
    assert headline(found) == alone
    assert "b: grade" in to_date(found)["left_out"]
    row = to_date(found, "eta")
    assert (row["counted"], row["not_counted_code"]) == (False, "grade_not_counted")
    assert row["benefit"] == -2 * effect * 0.5


def test_two_studies_of_one_outcome_count_once() -> None:
    again = claim(effects=(-100, -100), study_id="later", grade="B")
    row = to_date(rows(inputs([claim(effects=(-90, -90)), again], [HALF_A_EURO], COST)))
    assert row["benefit"] == 90.0
    told = "later: 100% of its units and days are counted from care-study"
    assert told in row["left_out"]


def test_what_two_features_claim_of_one_outcome_is_subtracted_once() -> None:
    """100 and 60 of the same minutes in the same months: the smaller, not 160."""
    both = [claim(effects=(-100, -100)), claim("eta", effects=(-60, -60))]
    found = rows(inputs(both, [HALF_A_EURO], OTHER_COST))
    total = headline(found)
    assert total["overlap_benefit"] == pytest.approx(100.0)
    assert total["benefit"] == pytest.approx(60.0)
    [overlap] = found["roi_overlaps"]
    assert overlap["feature_ids"] == "care, eta"
    apart = [
        claim(effects=(-100, -100), units=frozenset({"north"})),
        claim("eta", effects=(-60, -60), units=frozenset({"south"})),
    ]
    assert headline(rows(inputs(apart, [HALF_A_EURO], OTHER_COST)))["benefit"] == 160


def test_cash_that_two_features_claim_is_subtracted_once_too() -> None:
    """Of 100 and 60 minutes at half a euro the smaller is left, as cash or not."""
    cash, capacity = (replace(HALF_A_EURO, is_cash=one) for one in (True, False))
    both = [claim(effects=(-100, -100)), claim("eta", effects=(-60, -60))]
    total = headline(rows(inputs(both, [cash], OTHER_COST)))
    assert (total["benefit"], total["cash_benefit"]) == pytest.approx((60.0, 60.0))
    of_eta = replace(capacity, id="of-eta", feature_id="eta")
    found = rows(inputs(both, [cash, of_eta], OTHER_COST))
    assert headline(found)["cash_benefit"] == pytest.approx(0.0)
    [january] = [r for r in found["roi_portfolio"] if r["roi_window"] == "2026-01"]
    assert january["cash_benefit"] == pytest.approx(0.0)


def test_what_is_claimed_twice_moves_with_the_drivers_of_the_benefit() -> None:
    """At twice the volume 200 and 120 come to 120: 200 are claimed twice."""
    both = [claim(effects=(-100, -100)), claim("eta", effects=(-60, -60))]
    volume = assumed("driver", 2.0, unit="ratio")
    total = headline(rows(inputs(both, [HALF_A_EURO, volume], OTHER_COST)))
    assert total["overlap_benefit"] == pytest.approx(200.0)
    assert total["benefit"] == pytest.approx(120.0)


@pytest.mark.parametrize("rate", [None, 0.21])
def test_the_headline_breaks_even_after_what_is_claimed_twice(
    rate: float | None,
) -> None:
    """60 together, not 160, pay for 60: at 0.5 for a minute, and not at 0.1875.

    In money of the first day 25 and 35 are to be paid by 30 and 30.
    """
    both = [claim(effects=(-100, -100)), claim("eta", effects=(-60, -60))]
    uncertain = replace(HALF_A_EURO, low=0.4, high=0.7)
    rates = [] if rate is None else [assumed("discount_rate", rate, unit="ratio/year")]
    found = rows(inputs(both, [uncertain, *rates], OTHER_COST))
    [row] = [
        row
        for row in found["roi_sensitivity"]
        if row["scope_type"] == "portfolio" and row["kind"] == "conversion"
    ]
    first, second = (1.0, 1.0) if rate is None else (1.21 ** (-n / 12) for n in (1, 2))
    spent, brought = 25 * first + 35 * second, 30 * first + 30 * second
    assert row["break_even"] == pytest.approx(0.5 * spent / brought)
    assert row["measure_at_low"] == pytest.approx(0.8 * brought - spent)
    assert row["measure_at_high"] == pytest.approx(1.4 * brought - spent)


def test_counted_grades_add_up_to_the_headline() -> None:
    """The better grade counts its 100, and the other gives its 60 up."""
    both = [claim(effects=(-100, -100)), claim("eta", effects=(-60, -60), grade="B")]
    found = rows(inputs(both, [HALF_A_EURO], OTHER_COST))
    mix = {row["grade"]: row for row in found["roi_evidence"]}
    assert [mix[grade]["benefit"] for grade in "AB"] == pytest.approx([100.0, 0.0])
    assert [mix[grade]["net_value"] for grade in "AB"] == pytest.approx([50.0, -10.0])
    assert headline(found)["net_value"] == pytest.approx(40.0)


def test_money_is_discounted_from_the_end_of_its_month() -> None:
    """30 after one and 20 after two months, at 21 % a year."""
    rate = assumed("discount_rate", 0.21, unit="ratio/year")
    row = to_date(
        rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO, rate], COST))
    )
    assert row["npv"] == pytest.approx(30 / 1.21 ** (1 / 12) + 20 / 1.21 ** (2 / 12))
    assert row["probability_npv_positive"] == 1.0


def test_net_value_is_held_against_the_hurdle() -> None:
    """Net value of 50 is as much as was spent: above a hurdle of 99 %, not of 1."""
    for hurdle, probability in ((0.99, 1.0), (1.0, 0.0)):
        entry = assumed("hurdle_rate", hurdle, unit="ratio")
        given = inputs([claim(effects=(-100, -100))], [HALF_A_EURO, entry], COST)
        found = rows(given)
        assert to_date(found)["probability_above_hurdle"] == probability
        assert "hurdle_rate" not in {r["kind"] for r in found["roi_sensitivity"]}


def test_as_of_a_month_the_hurdle_is_that_of_the_month() -> None:
    """By January 30 on 20 are above 1 of cost; by February 50 on 50 are not above 1.5.

    At 1.5 those 30 would be on the hurdle, and not above it.
    """
    until, since = (
        assumed(
            "hurdle_rate", 1.0, unit="ratio", version="1", valid_to=date(2026, 2, 1)
        ),
        assumed(
            "hurdle_rate", 1.5, unit="ratio", version="2", valid_from=date(2026, 2, 1)
        ),
    )
    given = inputs([claim(effects=(-100, -100))], [HALF_A_EURO, until, since], COST)
    by_window = {row["roi_window"]: row for row in rows(given)["roi_features"]}
    assert by_window["until_2026-01"]["probability_above_hurdle"] == 1.0
    assert by_window["to_date"]["probability_above_hurdle"] == 0.0


def test_an_integration_is_written_off_in_equal_parts() -> None:
    """1,200 over 12 months from February: 100 in February, nothing in January."""
    built = assumed(
        "integration",
        1200.0,
        unit="EUR",
        months=12,
        valid_from=date(2026, 2, 1),
        feature_id="care",
    )
    found = rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO, built], COST))
    by_month = [r for r in found["roi_features"] if r["roi_window"] in MONTHS]
    assert [r["other_cost"] for r in by_month] == [0.0, 100.0]


def test_an_integration_that_is_written_off_costs_nothing_more() -> None:
    """1,200 in one month, January: February has none of it left."""
    built = assumed(
        "integration",
        1200.0,
        unit="EUR",
        months=1,
        valid_from=date(2026, 1, 1),
        feature_id="care",
    )
    found = rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO, built], COST))
    by_month = [r for r in found["roi_features"] if r["roi_window"] in MONTHS]
    assert [r["other_cost"] for r in by_month] == [1200.0, 0.0]


def test_an_integration_is_written_off_by_one_version_at_a_time() -> None:
    """100 a month until the end of January, 200 since: not 300 in February."""
    first = assumed(
        "integration",
        1200.0,
        unit="EUR",
        months=12,
        version="1",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 2, 1),
        feature_id="care",
    )
    second = replace(
        first, value=2400.0, version="2", valid_from=date(2026, 2, 1), valid_to=None
    )
    given = [HALF_A_EURO, first, second]
    found = rows(inputs([claim(effects=(-100, -100))], given, COST))
    by_month = [r for r in found["roi_features"] if r["roi_window"] in MONTHS]
    assert [r["other_cost"] for r in by_month] == [100.0, 200.0]


def test_a_driver_moves_a_month_by_one_version_of_itself() -> None:
    """0.8 to 1.25 of 100 less 20 of January, 0.5 to 2 of 100 less 30 of February.

    Both at once would move each month by 0.4 to 2.5.
    """
    first = assumed(
        "driver",
        1.0,
        unit="ratio",
        low=0.8,
        high=1.25,
        version="1",
        valid_to=date(2026, 2, 1),
    )
    second = replace(
        first,
        low=0.5,
        high=2.0,
        version="2",
        valid_from=date(2026, 2, 1),
        valid_to=None,
    )
    given = [assumed("conversion", 1.0, better="less", metric=None), first, second]
    found = rows(inputs([claim(effects=(-100, -100))], given, COST))
    january, february = (
        next(r for r in found["roi_features"] if r["roi_window"] == month)
        for month in MONTHS
    )
    assert january["benefit_low_90"] == pytest.approx(80, rel=0.01)
    assert january["benefit_high_90"] == pytest.approx(125, rel=0.01)
    assert january["net_value_low_90"] == pytest.approx(64, rel=0.01)
    assert february["benefit_low_90"] == pytest.approx(50, rel=0.02)
    assert february["benefit_high_90"] == pytest.approx(200, rel=0.02)


def test_versions_of_an_assumption_have_one_level_in_a_world() -> None:
    """From 1 to 3 at first, twice that later: in each world exactly twice."""
    first = assumed("conversion", 2.0, low=1.0, high=3.0, better="less")
    later = replace(
        first,
        version="second",
        value=4.0,
        low=2.0,
        high=6.0,
        valid_from=date(2026, 2, 1),
    )
    assert first.id == later.id
    assert first.versioned != later.versioned
    assert Worlds().of(later) == pytest.approx(2 * Worlds().of(first))


def test_what_moves_benefit_and_cost_is_drawn_once_for_both() -> None:
    """100 less 50 times a volume of 0.8 to 1.3: net value is 40 to 65, ROI always 1."""
    volume = assumed("driver", 1.0, low=0.8, high=1.3, unit="ratio")
    row = to_date(
        rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO, volume], COST))
    )
    assert row["net_value_low_90"] == pytest.approx(40, rel=2e-3)
    assert row["net_value_high_90"] == pytest.approx(65, rel=2e-3)
    assert row["roi_low_90"] == pytest.approx(1.0)
    assert row["roi_high_90"] == pytest.approx(1.0)


def test_cash_and_released_capacity_are_told_apart() -> None:
    cash = replace(HALF_A_EURO, is_cash=True)
    capacity = replace(HALF_A_EURO, is_cash=False)
    given = [claim(effects=(-100, -100))]
    assert to_date(rows(inputs(given, [cash], COST)))["cash_benefit"] == 100.0
    released = to_date(rows(inputs(given, [capacity], COST)))
    assert (released["benefit"], released["cash_benefit"]) == (100.0, 0.0)


#: A feature that costs 7 before its launch and 11 + 13 after its study's last month.
LONG_COST = {"care": {"2025-12": 7.0, **COST["care"], "2026-03": 11.0, "2026-04": 13.0}}


def test_benefit_and_every_cost_are_those_of_the_same_months() -> None:
    """100 of benefit in two months less their 50; 7 before and 24 since are apart."""
    found = rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO], LONG_COST))
    row = to_date(found)
    assert (row["first_month"], row["last_month"]) == MONTHS
    assert (row["benefit"], row["net_value"], row["roi"]) == (100.0, 50.0, 1.0)
    assert row["net_after_investment"] == 43.0
    assert (row["until_month"], row["since_month_count"]) == ("2026-04", 2)
    total = headline(found)
    assert (total["first_month"], total["last_month"]) == MONTHS
    assert (total["net_value"], total["net_after_investment"]) == (50.0, 43.0)
    assert (total["until_month"], total["since_month_count"]) == ("2026-04", 2)


def test_hours_and_integrations_from_before_the_launch_are_investment() -> None:
    """3 hours at 10 before the first bill and 2 since; 120 written off in 4 months.

    The write-off begins in December: 30 before the window, 60 in it, 30 since.
    """
    rate = assumed("labour", 10.0, unit="EUR/hour")
    built = assumed(
        "integration",
        120.0,
        unit="EUR",
        months=4,
        valid_from=date(2025, 12, 1),
        feature_id="care",
    )
    hours = {"care": {"2025-11": 3.0, "2026-03": 2.0}}
    given = inputs(
        [claim(effects=(-100, -100))],
        [HALF_A_EURO, rate, built],
        LONG_COST,
        hours=hours,
    )
    row = to_date(rows(given))
    assert row["other_cost"] == 60.0
    assert row["other_investment"] == 60.0
    assert row["other_cost_since"] == 50.0
    assert row["net_value"] == 100.0 - 50.0 - 60.0
    assert row["net_after_investment"] == 100.0 - 50.0 - 60.0 - (7.0 + 60.0)


def test_as_of_a_month_nothing_is_counted_that_came_later() -> None:
    """By January 50 less 20; by March both months; before the launch no row at all."""
    found = rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO], LONG_COST))
    for table in ("roi_features", "roi_portfolio"):
        by_window = {row["roi_window"]: row for row in found[table]}
        assert "until_2025-12" not in by_window
        january, march = by_window["until_2026-01"], by_window["until_2026-03"]
        assert (january["last_month"], january["net_value"]) == ("2026-01", 30.0)
        assert (january["net_after_investment"], january["since_month_count"]) == (
            23.0,
            0,
        )
        assert (march["last_month"], march["net_value"]) == ("2026-02", 50.0)
        assert (march["until_month"], march["since_month_count"]) == ("2026-03", 1)
        until_end, so_far = by_window["until_2026-04"], by_window["to_date"]
        assert {**until_end, "roi_window": ""} == {**so_far, "roi_window": ""}


def test_as_of_a_month_an_effect_breaks_even_at_what_it_was_worth_until_then() -> None:
    """Of January 20 at half a euro are 40 minutes; February is at one euro."""
    until, since = (
        replace(HALF_A_EURO, version="1", valid_to=date(2026, 2, 1)),
        replace(HALF_A_EURO, version="2", value=1.0, valid_from=date(2026, 2, 1)),
    )
    found = rows(inputs([claim(effects=(-100, -100))], [until, since], LONG_COST))
    of_january = next(
        row for row in found["roi_features"] if row["roi_window"] == "until_2026-01"
    )
    assert of_january["break_even_effect"] == -40.0


def test_a_feature_that_launched_later_is_in_no_earlier_portfolio() -> None:
    """Care is measured from January, eta in February only: 60 × 0.5 less 5."""
    both = [
        claim(effects=(-100, -100)),
        claim("eta", effects=(-60,), months=("2026-02",), outcome="calls"),
    ]
    everywhere = replace(HALF_A_EURO, metric=None)
    found = rows(inputs(both, [everywhere], OTHER_COST))
    by_window = {row["roi_window"]: row for row in found["roi_portfolio"]}
    january, february = by_window["until_2026-01"], by_window["until_2026-02"]
    assert (january["counted_feature_count"], january["net_value"]) == (1, 30.0)
    assert january["not_computable_feature_count"] == 0
    assert (february["counted_feature_count"], february["net_value"]) == (2, 75.0)
    assert (february["first_month"], february["last_month"]) == MONTHS


def test_a_study_that_launched_later_is_in_no_earlier_count_of_studies() -> None:
    """Care launched in January, ETA in February: by January one study was tested."""
    given = [
        claim(effects=(-100, -100)),
        claim("eta", effects=(-60,), months=MONTHS[1:], outcome="eta"),
    ]
    everywhere = replace(HALF_A_EURO, metric=None)
    found = rows(inputs(given, [everywhere], OTHER_COST))["roi_portfolio"]
    counts = {
        row["roi_window"]: (row["tested_study_count"], row["found_study_count"])
        for row in found
    }
    assert counts["until_2026-01"] == (1, 1)
    assert counts["until_2026-02"] == counts["to_date"] == (2, 2)


def test_an_unknown_cost_before_the_launch_leaves_the_window_known() -> None:
    costs = {"care": {"2025-12": None, **COST["care"]}}
    row = to_date(rows(inputs([claim(effects=(-100, -100))], [HALF_A_EURO], costs)))
    assert row["net_value"] == 50.0
    assert row["net_after_investment"] is None
    assert row["payback_months_p50"] is None


def test_a_model_of_several_has_the_months_of_its_features_return() -> None:
    models = {
        ("care", "first"): {"2025-06": 20.0, "2026-02": 1.0},
        ("care", "second"): {"2026-02": 30.0},
    }
    given = inputs([claim(effects=(-100, -100))], [HALF_A_EURO], COST, models=models)
    found = [r for r in rows(given)["roi_models"] if r["roi_window"] == "to_date"]
    assert {(r["first_month"], r["last_month"]) for r in found} == {MONTHS}


def test_what_was_invested_before_the_launch_is_paid_back_too() -> None:
    """With 40 invested, 30 and 20 take until month 2; without, nothing is owed."""
    net = np.array([[30.0, 20.0]])
    assert payback(net)["payback_months_p50"] is None
    assert payback(net)["probability_never_paid_back"] == 0
    assert payback(net, invested=40.0)["payback_months_p50"] == 2
    assert payback(net, invested=50.0)["payback_months_p50"] is None


def test_payback_is_a_month_that_occurs_or_never() -> None:
    """Three of ten worlds pay back in month 2, three in month 3, four never."""
    second, third, never = [-1, 2, 0], [-1, 0, 2], [-1, 0, 0]
    found = payback(np.array([second] * 3 + [third] * 3 + [never] * 4, dtype=float))
    assert found["payback_months_p50"] == 3
    assert found["payback_months_p90"] is None
    assert found["probability_never_paid_back"] == 0.4
    assert found["payback_horizon_months"] == 3


def test_an_experiment_is_worth_no_more_than_the_losses_it_would_avoid() -> None:
    """Half of the worlds gain 3, half lose 1: knowing avoids 1 in every other."""
    assert experiment_value_ceiling(np.array([3.0, -1.0])) == 0.5
    assert experiment_value_ceiling(np.array([3.0, 1.0])) == 0.0


def test_draws_without_bound_give_ends_that_are_not_known() -> None:
    """A tenth of the draws is not stored: a twentieth at either end is unbounded."""
    stored = [("2026-01", draw, -100.0) for draw in range(900)]
    months, effects = effects_by_world(stored, Worlds(), "care-study")
    assert int(np.isposinf(effects).sum()) == int(np.isneginf(effects).sum()) == 50
    given = claim(months=months, effects=(0.0,))
    row = to_date(rows(inputs([replace(given, effects=effects)], [HALF_A_EURO], COST)))
    assert row["benefit"] == 50.0
    assert (row["benefit_low_90"], row["benefit_high_90"]) == (None, None)
    assert (row["benefit_low_50"], row["benefit_high_50"]) == (50.0, 50.0)
    assert row["probability_net_positive"] == pytest.approx(0.95)


def test_a_study_has_the_same_world_in_all_of_its_months() -> None:
    stored = [
        (month, draw, float(draw)) for month in MONTHS for draw in range(WORLD_COUNT)
    ]
    _, effects = effects_by_world(stored, Worlds(), "a")
    assert (effects[:, 0] == effects[:, 1]).all()
    _, other = effects_by_world(stored, Worlds(), "b")
    assert abs(np.corrcoef(effects[:, 0], other[:, 0])[0, 1]) < 0.1


def test_the_same_seed_gives_the_same_figures_whatever_else_is_assumed() -> None:
    uncertain = replace(HALF_A_EURO, low=0.4, high=0.7)
    unused = assumed("conversion", 3.0, id="unused", low=1.0, high=9.0, metric="x")
    given = inputs([SOLID], [uncertain], COST)
    assert rows(given) == rows(given)
    assert headline(rows(inputs([SOLID], [unused, uncertain], COST))) == headline(
        rows(given)
    )
    assert headline(rows(given, seed=1)) != headline(rows(given))


def test_the_effect_of_several_models_is_not_divided_among_them() -> None:
    models = {
        ("care", "first"): {"2026-01": 20.0},
        ("care", "second"): {"2026-02": 30.0},
    }
    found = rows(
        inputs([claim(effects=(-100, -100))], [HALF_A_EURO], COST, models=models)
    )
    assert {row["reason_code"] for row in found["roi_models"]} == {
        "effect_of_several_models"
    }
    assert {row["benefit"] for row in found["roi_models"]} == {None}
    alone = {("care", "only"): COST["care"]}
    found = rows(
        inputs([claim(effects=(-100, -100))], [HALF_A_EURO], COST, models=alone)
    )
    assert found["roi_models"][0]["net_value"] == 50.0


def test_the_only_model_of_a_feature_bears_its_hours_as_the_feature_does() -> None:
    """100 less 50 of the bill and 2 hours at 10: 30, in both."""
    found = rows(
        inputs(
            [claim(effects=(-100, -100))],
            [HALF_A_EURO, assumed("labour", 10.0, unit="EUR/hour")],
            COST,
            hours={"care": {"2026-02": 2.0}},
            models={("care", "only"): COST["care"]},
        )
    )
    of_model = found["roi_models"][0]
    assert (of_model["roi_window"], of_model["other_cost"]) == ("to_date", 20.0)
    assert of_model["net_value"] == to_date(found)["net_value"] == 30.0


def test_the_tornado_says_which_part_of_the_spread_each_thing_is() -> None:
    """A sum of two normal things, one with twice the spread: 4 and 1 of 5 parts."""
    rng = np.random.default_rng(3)
    wide, narrow = 2 * rng.standard_normal(20_000), rng.standard_normal(20_000)
    assert variance_share(wide, wide + narrow) == pytest.approx(0.8, abs=0.02)
    assert variance_share(narrow, wide + narrow) == pytest.approx(0.2, abs=0.02)
    unrelated = rng.standard_normal(20_000)
    assert variance_share(unrelated, wide + narrow) == pytest.approx(0, abs=0.005)


def test_an_assumption_breaks_even_where_benefit_is_cost() -> None:
    """200 minutes pay 50 at 0.25; the effect breaks even at 100 minutes less."""
    uncertain = replace(HALF_A_EURO, low=0.4, high=0.7)
    found = rows(inputs([claim(effects=(-100, -100))], [uncertain], COST))
    of_feature = {
        row["driver"]: row
        for row in found["roi_sensitivity"]
        if row["scope_type"] == "feature"
    }
    assert of_feature["conversion"]["break_even"] == pytest.approx(0.25)
    assert of_feature["conversion"]["measure_at_low"] == pytest.approx(30.0)
    assert of_feature["conversion"]["measure_at_high"] == pytest.approx(90.0)
    assert of_feature["conversion"]["driver_order"] == 1
    assert of_feature["care-study"]["variance_share"] == 0.0
    # In the mean the conversion is a little above its median of 0.5.
    mean = to_date(found)["benefit"] / 200
    expected = -50 / mean
    assert of_feature["care-study"]["break_even"] == pytest.approx(expected)


def test_a_discount_rate_breaks_even_where_npv_is_nothing() -> None:
    """−10 after one and 11 after two months: 10 % a month, 1.1^12 − 1 a year."""
    rate = assumed("discount_rate", 0.08, unit="ratio/year")
    costs = {"care": {"2026-01": 10.0, "2026-02": 0.0}}
    found = rows(inputs([claim(effects=(0, -22))], [HALF_A_EURO, rate], costs))
    [row] = [
        row
        for row in found["roi_sensitivity"]
        if row["scope_type"] == "feature" and row["kind"] == "discount_rate"
    ]
    assert row["break_even"] == pytest.approx(1.1**12 - 1, rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_shrinkage_is_the_posterior_mean_whatever_the_number_of_estimates(
    count: int,
) -> None:
    """A second way: the joint normal of all estimates, solved as matrices by spread."""
    estimates, errors = np.linspace(4.0, -1.0, count), np.linspace(1.0, 2.0, count)
    found = shrink(estimates, errors, rng=np.random.default_rng(0), draws=10)
    assert found is not None
    scale = 2.0 * np.sqrt(np.mean(estimates**2))
    weights, means = [], []
    for tau in np.linspace(0.0, 3.0 * scale, 401)[1:]:
        prior = tau**2 * (np.eye(count) + np.ones((count, count)))
        whole = prior + np.diag(errors**2)
        fit = estimates @ np.linalg.solve(whole, estimates)
        _, log_size = np.linalg.slogdet(whole)
        weights.append(-0.5 * (fit + log_size + (tau / scale) ** 2))
        means.append(prior @ np.linalg.solve(whole, estimates))
    weight = np.exp(np.array(weights) - max(weights))
    expected = weight @ np.array(means) / weight.sum()
    assert found.means == pytest.approx(expected, rel=1e-6)
    assert np.abs(found.means).sum() < np.abs(estimates).sum()


def test_without_an_estimate_nothing_is_shrunk() -> None:
    nothing = np.array([])
    rng = np.random.default_rng(0)
    assert shrink(nothing, nothing, rng=rng, draws=10) is None


def test_what_is_known_exactly_is_not_shrunk_and_what_is_unknown_altogether_is() -> (
    None
):
    rng = np.random.default_rng(0)
    estimates = np.array([-3.0, -1.0, 0.0, 2.0, 12.0])
    exact = shrink(estimates, np.full(5, 1e-6), rng=rng, draws=1000)
    assert exact is not None
    assert exact.means == pytest.approx(estimates, abs=1e-6)
    vague = shrink(estimates, np.full(5, 1e3), rng=rng, draws=1000)
    assert vague is not None
    assert np.ptp(vague.means) < 0.01 * np.ptp(estimates)


@pytest.mark.peer_defect("the sum of winners")
def test_the_shrunk_best_of_ten_is_nearer_the_truth_than_the_raw_one() -> None:
    """Peers' defect: the sum of winners. True values N(0.5, 1), errors of 1.

    Raw, the best shows 1.1 more than it is; shrunk, next to nothing.
    """
    rng = np.random.default_rng(5)
    raw, shrunk = [], []
    for _ in range(400):
        true = 0.5 + rng.standard_normal(10)
        seen = true + rng.standard_normal(10)
        best = int(seen.argmax())
        found = shrink(seen, np.ones(10), rng=rng, draws=10)
        assert found is not None
        raw.append(seen[best] - true[best])
        shrunk.append(found.means[best] - true[best])
    assert np.mean(raw) == pytest.approx(1.09, abs=0.15)
    assert abs(np.mean(shrunk)) < 0.25
    assert np.mean(np.square(shrunk)) < 0.6 * np.mean(np.square(raw))


@pytest.mark.parametrize("count", [1, 5])
def test_the_raw_sum_has_the_shrunk_one_next_to_it_whatever_the_count(
    count: int,
) -> None:
    features = [f"f{number}" for number in range(count)]
    claims = [
        claim(name, effects=(-40.0 * n, -40.0 * n), spread=30.0, outcome=f"o{n}")
        for n, name in enumerate(features, start=1)
    ]
    everywhere = replace(HALF_A_EURO, metric=None)
    costs = {name: dict.fromkeys(MONTHS, 10.0) for name in features}
    total = headline(rows(inputs(claims, [everywhere], costs)))
    assert total["counted_feature_count"] == count
    assert total["shrunk_net_value_low_90"] < total["shrunk_net_value"]
    assert -20 * count < total["shrunk_net_value"] < total["net_value"]


def test_the_most_exact_assumption_that_holds_is_taken() -> None:
    def version(value: float, **given: object) -> Assumed:
        return replace(HALF_A_EURO, id=f"v{value}", value=value, **given)  # type: ignore[arg-type]

    register = Register(
        [
            version(1.0, metric=None),
            version(2.0, metric="minutes"),
            version(3.0, feature_id="care", metric=None),
            version(4.0, feature_id="care", metric="minutes"),
            version(5.0, feature_id="care", is_approved=False),
            version(6.0, feature_id="care", valid_from=date(2026, 2, 1)),
        ]
    )

    def found(feature: str, metric: str) -> float:
        one = register.one(
            "conversion", feature_id=feature, metric=metric, month="2026-01"
        )
        assert one is not None
        return one.value

    assert found("care", "minutes") == 4.0
    assert found("care", "calls") == 3.0
    assert found("eta", "minutes") == 2.0
    assert found("eta", "calls") == 1.0


def test_months_are_counted_across_years() -> None:
    assert months_between("2025-11", "2026-02") == (
        "2025-11",
        "2025-12",
        "2026-01",
        "2026-02",
    )


def test_the_evidence_mix_has_every_feature_once() -> None:
    given = [
        claim(effects=(-100, -100)),
        claim("eta", effects=(-60, -60), grade="C", outcome="eta"),
        refused("route"),
    ]
    costs = {name: dict.fromkeys(MONTHS, 10.0) for name in ("care", "eta", "route")}
    everywhere = replace(HALF_A_EURO, metric=None)
    rate = assumed("labour", 10.0, unit="EUR/hour")
    hours = {"eta": {"2026-02": 2.0}}
    found = rows(inputs(given, [everywhere, rate], costs, hours=hours))["roi_evidence"]
    assert [
        (row["grade"], row["counted"], row["feature_count"], row["benefit"])
        for row in found
    ] == [("A", True, 1, 100.0), ("C", False, 1, 60.0), ("X", False, 1, None)]
    spent = 10.0 * len(MONTHS)
    assert [(row["other_cost"], row["net_value"]) for row in found] == [
        (0.0, 100.0 - spent),
        (20.0, 60.0 - spent - 20.0),
        (None, None),
    ]
