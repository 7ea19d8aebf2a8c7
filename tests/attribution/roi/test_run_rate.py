"""After its study an effect fades to unknown by the stated rule, in figures by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from attribution.roi.run_rate import months_apart
from tests.attribution.roi.roi_cases import (
    assumed,
    claim,
    headline,
    inputs,
    rows,
    to_date,
)

if TYPE_CHECKING:
    from attribution.roi.claims import Claim

    Row = dict[str, Any]

ONE_EURO = assumed("conversion", 1.0, better="more", metric=None)


def cost_until(last: int) -> dict[str, dict[str, float | None]]:
    """Return 10 a month from January 2026, for as many months as are named."""
    months = [f"{2026 + n // 12}-{n % 12 + 1:02d}" for n in range(last)]
    return {"care": dict.fromkeys(months, 10.0)}


def found(*claims: Claim, months: int, until: str | None = None) -> Row:
    """Return the row to date, and the portfolio's run rate as ``headline``."""
    given = replace(
        inputs(claims, [ONE_EURO], cost_until(months)), complete_until=until
    )
    made = rows(given)
    return to_date(made) | {"headline": headline(made)}


GAIN = claim(effects=(100.0, 100.0))


def test_in_a_measured_month_the_run_rate_is_what_was_measured() -> None:
    """100 of effect less 10 of cost, in February."""
    row = found(GAIN, months=2)
    assert (row["effect_status"], row["run_rate_month"]) == ("measured", "2026-02")
    assert row["run_rate_net"] == pytest.approx(90.0)
    assert row["headline"]["run_rate_net"] == pytest.approx(90.0)


def test_a_gain_fades_linearly_with_what_is_not_known_growing() -> None:
    """Six months on it is 50 to 100, 75 on average: less 10 of cost, 65."""
    row = found(GAIN, months=8)
    assert (row["effect_status"], row["run_rate_month"]) == ("last_measured", "2026-08")
    assert row["run_rate_net"] == pytest.approx(65.0, abs=1.5)
    low, high = row["run_rate_net_low_90"], row["run_rate_net_high_90"]
    assert (low, high) == pytest.approx((42.5, 87.5), abs=2.0)


def test_a_harm_does_not_fade() -> None:
    harm = claim(effects=(-100.0, -100.0))
    row = found(harm, months=8)
    assert row["run_rate_net"] == pytest.approx(-110.0)


def test_after_a_year_without_a_measurement_an_effect_is_unknown() -> None:
    assert found(GAIN, months=14)["effect_status"] == "last_measured"
    row = found(GAIN, months=15)
    assert (row["effect_status"], row["run_rate_net"]) == ("unknown", None)
    assert row["headline"]["run_rate_net"] is None
    assert row["headline"]["run_rate_unknown_feature_count"] == 1
    assert row["net_value"] == pytest.approx(180.0)


def test_measuring_again_starts_the_fade_anew() -> None:
    """A study of December finds 40: less 10 of cost, and nothing of the first."""
    again = claim(effects=(40.0,), study_id="again", months=("2026-12",))
    row = found(GAIN, again, months=12)
    assert (row["effect_status"], row["run_rate_net"]) == ("measured", 30.0)
    assert found(GAIN, again, months=15)["effect_status"] == "last_measured"


def test_a_study_of_other_units_replaces_nothing() -> None:
    """Six months on 75 of the north are left, and 40 of the south are measured."""
    north = replace(GAIN, units=frozenset({"north"}))
    south = claim(
        effects=(40.0,), study_id="s", months=("2026-08",), units=frozenset({"south"})
    )
    row = found(north, south, months=8)
    assert row["run_rate_net"] == pytest.approx(75 + 40 - 10, abs=1.5)


def test_a_feature_that_costs_nothing_any_more_has_stopped() -> None:
    row = found(GAIN, months=2, until="2026-02")
    assert row["effect_status"] == "measured"
    given = inputs(
        [GAIN, claim("eta", effects=(5.0,) * 2, outcome="calls")],
        [ONE_EURO],
        {**cost_until(2), "eta": cost_until(6)["care"]},
    )
    made = rows(given)
    stopped = to_date(made)
    assert (stopped["effect_status"], stopped["run_rate_net"]) == ("stopped", None)
    assert stopped["run_rate_month"] == headline(made)["run_rate_month"] == "2026-06"
    assert stopped["until_month"] == "2026-02"
    assert headline(made)["run_rate_unknown_feature_count"] == 1


def together(*claims: Claim, care: int, eta: int) -> Row:
    """Return the portfolio's row of two features, with cost for so many months each."""
    costs = {"care": cost_until(care)["care"], "eta": cost_until(eta)["care"]}
    return headline(rows(inputs(claims, [ONE_EURO], costs)))


def test_a_stopped_feature_takes_nothing_from_the_run_rate_of_another() -> None:
    """60 less 20; half a year on 100 fades to 75, less 10: the other is no more."""
    both = GAIN, claim("eta", effects=(60.0, 60.0))
    assert together(*both, care=2, eta=2)["run_rate_net"] == pytest.approx(40.0)
    stopped = together(*both, care=8, eta=2)
    assert stopped["run_rate_feature_count"] == 1
    assert stopped["run_rate_net"] == pytest.approx(65.0, abs=1.5)


def test_what_two_run_rates_claim_of_one_outcome_is_that_of_a_whole_month() -> None:
    """Half of February is seen, January whole: 100 and 60 are 60, less 20 of cost."""
    first, end = date(2026, 1, 1), date(2026, 2, 15)
    half = (
        claim(effects=(100.0, 50.0), first_day=first, end=end),
        claim("eta", effects=(60.0, 30.0), first_day=first, end=end),
    )
    assert together(*half, care=2, eta=2)["run_rate_net"] == pytest.approx(40.0)


def test_what_two_fading_features_claim_of_one_outcome_fades_with_them() -> None:
    """A year on each keeps 0 to all of 100 and of 60; the smaller is 30 on average."""
    both = GAIN, claim("eta", effects=(60.0, 60.0))
    row = together(*both, care=14, eta=14)
    assert row["run_rate_net"] == pytest.approx(30 - 20, abs=2.0)


def test_a_month_that_is_not_delivered_whole_is_not_the_run_rate() -> None:
    row = found(GAIN, months=8, until="2026-07")
    assert row["run_rate_month"] == "2026-07"
    assert row["run_rate_net"] == pytest.approx(100 * (1 - 5 / 24) - 10, abs=1.5)


def test_months_apart_count_across_years() -> None:
    assert months_apart("2025-11", "2026-02") == 3
    assert months_apart("2026-02", "2025-11") == -3
