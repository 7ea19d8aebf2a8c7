"""One study for each reason to say *cannot tell*: the number, the remedy, no figure."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from attribution import Refusal
from attribution.causal.estimating import attempt
from attribution.causal.refusal import REMEDIES
from attribution.studies.asked import Asked, Registered
from attribution.studies.rows import rows_of_attempt
from tests.attribution.studies_for_tests import START, plan_of, series_study

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.causal.plan import Plan

    Study = tuple[pd.DataFrame, Plan]


def too_short() -> Study:
    """Return 59 days before a launch, where 60 are the least."""
    return series_study(before=59, after=10, controls=("traffic", "orders"))


def less_than_a_season() -> Study:
    """Return a horizon of 60 days after 250, which is 0.68 of a year."""
    return series_study(before=250, after=60)


def outside_the_hull() -> Study:
    """Return one shop that grows as no other does."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 1.0, (12, 60))
    shops = 50.0 + np.arange(12)[:, None] + noise
    shops[0] = 100.0 + 0.05 * np.arange(60) ** 2 + noise[0]
    return units_study(shops, launch=40, treated=("shop-00",))


def contaminated_controls() -> Study:
    """Return controls that jump by more than two standard deviations at the launch."""
    frame, plan = series_study(before=400, after=30)
    after = frame.index >= 400
    frame.loc[after, ["traffic", "orders"]] += 12.0
    return frame, plan


def constant_outcome() -> Study:
    """Return 7 tickets on every day before the launch."""
    frame, plan = series_study(before=400, after=30)
    frame.loc[frame.index < 400, "outcome"] = 7.0
    return frame, plan


def gaps() -> Study:
    """Return a study of which two days after the launch are not delivered."""
    frame, plan = series_study(before=400, after=30)
    frame.loc[[410, 411], "outcome"] = np.nan
    return frame, plan


def wrong_unit() -> Study:
    """Return hours where the plan says tickets."""
    frame, plan = series_study(before=400, after=30)
    return frame.assign(outcome_unit="hours"), plan


def negative_values() -> Study:
    """Return three days below zero."""
    frame, plan = series_study(before=400, after=30)
    frame.loc[[3, 4, 5], "outcome"] = -1.0
    return frame, plan


def infinite_values() -> Study:
    """Return one day without an end."""
    frame, plan = series_study(before=400, after=30)
    frame.loc[9, "outcome"] = np.inf
    return frame, plan


def treated_unit_also_a_control() -> Study:
    """Return 20 teams, of which the first is in both arms."""
    frame, plan = randomised(teams=20)
    first = (frame["unit"] == "shop-00") & (frame.index % 2 == 0)
    frame.loc[first, "arm"] = 1.0 - frame.loc[first, "arm"]
    return frame, plan


def one_cluster() -> Study:
    """Return ten users of one team who got it, and ten of another who did not."""
    frame, plan = randomised(teams=20, cluster="team")
    frame["team"] = frame["arm"]
    return frame, plan


def one_treated_unit_in_a_roll_out() -> Study:
    """Return a roll-out to one shop, asked of the design that needs several."""
    shops = 50.0 + np.random.default_rng(0).normal(0.0, 1.0, (12, 60))
    return units_study(
        shops, launch=40, treated=("shop-00",), design="staggered_adoption"
    )


def contested_window() -> Study:
    """Return a launch on the day of a new price list, asked for alone."""
    price_list = {"name": "new price list", "on": START + timedelta(400)}
    return series_study(before=400, after=30, other_launches=(price_list,))


def collinear_drivers() -> Study:
    """Return an adoption that follows the price to the last digit."""
    frame, plan = series_study(before=400, after=30)
    frame["adoption"] = np.clip(np.arange(430) - 400, 0, None) / 30.0
    frame["price"] = 2.0 - frame["adoption"]
    drivers = (
        {"name": "copilot", "column": "adoption", "kind": "ai", "baseline": 0.0},
        {"name": "price", "column": "price", "kind": "price"},
    )
    return frame, plan_of(430, 400, controls=plan.controls, drivers=drivers)


def units_study(outcome: np.ndarray, launch: int, **changes: Any) -> Study:
    """Return a panel of shops, one row of the matrix each."""
    units, days = outcome.shape
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"shop-{i:02}" for i in range(units)], days),
            "date": np.tile(pd.date_range(START, periods=days), units),
            "outcome": outcome.ravel(),
        }
    )
    return frame, plan_of(days, launch, **changes)


def randomised(teams: int, **assignment: Any) -> Study:
    """Return an experiment in which every other unit was treated."""
    outcome = 50.0 + np.random.default_rng(1).normal(0.0, 2.0, (teams, 40))
    declared = {"column": "arm", "unit": "team"} | assignment
    frame, plan = units_study(outcome, 30, assignment=declared)
    frame["arm"] = np.repeat(np.arange(teams) % 2.0, 40)
    return frame, plan


CASES: list[tuple[Callable[[], Study], str, str]] = [
    (too_short, "pre_period_too_short", "59 days before the launch"),
    (less_than_a_season, "season_not_covered", "covers 0.68 years"),
    (outside_the_hull, "donors_do_not_span", "times the median donor's"),
    (contaminated_controls, "controls_contaminated", "Of 2 controls"),
    (constant_outcome, "outcome_constant", "is 7."),
    (gaps, "panel_has_gaps", "2 days have no outcome (2025-02-14, 2025-02-15)"),
    (wrong_unit, "outcome_unit_mismatch", "'tickets'; the data says 'hours'"),
    (negative_values, "outcome_negative", "3 outcomes are below zero"),
    (infinite_values, "outcome_not_finite", "1 values of 'outcome' are infinite"),
    (treated_unit_also_a_control, "exposure_not_binary", "1 of 20 units"),
    (one_cluster, "too_few_clusters", "1 treated and 1 control clusters"),
    (contested_window, "launches_overlap", "0 days"),
    (collinear_drivers, "drivers_collinear", "1 / VIF is 0.000"),
    (one_treated_unit_in_a_roll_out, "single_treated_cluster", "One treated unit"),
]


@pytest.mark.parametrize(
    ("study", "code", "number"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_a_study_that_cannot_tell_says_the_number_and_the_remedy_and_no_figure(
    study: Callable[[], Study], code: str, number: str
) -> None:
    frame, plan = study()
    found = attempt(frame, plan)
    assert isinstance(found.result, Refusal), found.result.report()
    assert found.result.code == code
    assert number in found.result.message
    asked = Asked(plan, Registered("EXPLORATORY"), 1, date(2025, 3, 1), "1")
    tables = rows_of_attempt(asked, found)
    (row,) = tables["attribution_studies"].to_pylist()
    assert (row["status"], row["verdict"], row["grade"]) == ("refused", "refused", "X")
    assert row["refusal_code"] == code
    assert row["what_would_fix_it"] == REMEDIES[code]
    for estimate in tables["attribution_estimates"].to_pylist():
        figures = [value for value in estimate.values() if isinstance(value, float)]
        assert figures == []
        assert estimate["refusal_code"] == code
    others = set(tables) - {"attribution_studies", "attribution_estimates"}
    assert sum(tables[name].num_rows for name in others) == 0


def test_the_break_even_effect_needs_no_estimate() -> None:
    """12,000 that it costs, 8 that a ticket is worth: 1,500 tickets."""
    frame, plan = too_short()
    economics = {"cost_amount": 12_000, "value_amount_per_unit": 8}
    priced = plan_of(69, 59, controls=plan.controls, economics=economics)
    found = attempt(frame, priced)
    asked = Asked(priced, Registered("EXPLORATORY"), 1, START + timedelta(68), "1")
    (row,) = rows_of_attempt(asked, found)["attribution_studies"].to_pylist()
    assert row["break_even_effect"] == 1500.0
    assert row["as_of_date"] == date(2024, 3, 9)
