"""Evidence of chance: acts that make a draw, and draws that nobody can choose."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from attribution import Estimate, Plan, estimate
from attribution.causal.random_assignment import Draw, drawn_arms, list_hash
from tests.attribution.studies.draw_worlds import (
    AFTER,
    BEFORE,
    NAMES,
    best_of_seeds,
    fastest,
    frozen_hash,
    growing_teams,
)

if TYPE_CHECKING:
    import pandas as pd

STUDIES = 40
FROZEN = "7dc08374348692cebc75fc6c2999cd395125a74396b6a391b7859fb516025a75"


def asked(
    frame: pd.DataFrame, arms: dict[str, int], draw: Draw | None = None, **given: Any
) -> Estimate:
    """Return the estimate of a registered experiment with these arms."""
    launch = date(2024, 1, 1) + timedelta(weeks=BEFORE)
    plan = Plan.model_validate(
        {
            "id": "act",
            "feature": "copilot",
            "outcome": "cases",
            "outcome_unit": "cases",
            "period": "week",
            "launch": launch,
            "window": {
                "start": date(2024, 1, 1),
                "end": launch + timedelta(weeks=AFTER),
            },
            "assignment": {"column": "arm", "unit": "team"} | given,
        }
    )
    shown = frame.assign(arm=frame["unit"].map(arms).astype(float))
    result = estimate(shown, plan, is_registered=True, draw=draw)
    assert isinstance(result, Estimate)
    return result


def counted(result: Estimate) -> bool:
    return result.grade in {"A", "B"}


def test_worlds_are_those_that_were_frozen() -> None:
    assert frozen_hash() == FROZEN


def test_a_hash_of_the_fastest_growers_is_no_draw() -> None:
    """Measured before: grade A in 40 of 40, 92.5 % false."""
    for seed in range(STUDIES):
        frame = growing_teams(seed)
        arms = fastest(frame)
        assert not counted(asked(frame, arms, list_sha256=list_hash(arms)))


def test_the_best_of_many_seeds_is_no_draw() -> None:
    """Measured before: grade A in 39 of 40, 57.5 % false."""
    for seed in range(8):
        frame = growing_teams(seed)
        chosen, arms = best_of_seeds(frame)
        assert not counted(asked(frame, arms, seed=chosen))


def test_an_assertion_is_no_draw() -> None:
    """Measured before: B, and counted."""
    frame = growing_teams(0)
    result = asked(frame, drawn_arms(NAMES, seed=3, share=0.5))
    assert result.grade in {"C", "D"}
    [check] = [one for one in result.checks if one.name == "assignment_evidence"]
    assert check.status == "fail"


def test_a_forged_export_of_the_fastest_fails_the_randomisation_test() -> None:
    for seed in range(STUDIES):
        frame = growing_teams(seed)
        arms = fastest(frame)
        forged = Draw("the export", list_sha256=list_hash(arms))
        assert not counted(asked(frame, arms, forged))


def test_a_forged_export_of_the_best_seed_mostly_fails_it() -> None:
    """Its limit: the best of 500 has a p near 0.004 on a slope, twice that on both."""
    passed = 0
    for seed in range(8):
        frame = growing_teams(seed)
        _, arms = best_of_seeds(frame)
        passed += counted(
            asked(frame, arms, Draw("the export", list_sha256=list_hash(arms)))
        )
    assert passed <= 2


def test_sealed_draws_are_grade_a_and_find_nothing_where_nothing_is() -> None:
    grades, false = [], 0
    for number in range(STUDIES):
        entry = f"{number:064x}"
        arms = drawn_arms(NAMES, seed=entry, share=0.5)
        sealed = Draw("the entry", seed=entry)
        result = asked(growing_teams(number), arms, sealed, units=NAMES)
        grades.append(result.grade)
        low, high = result.effect.interval(0.9)
        false += result.grade in {"A", "B"} and not low < 0 < high
    assert grades.count("A") >= 0.85 * STUDIES
    assert false <= 0.2 * STUDIES


def test_arms_that_differ_from_the_sealed_draw_are_not_counted() -> None:
    frame, entry = growing_teams(1), "a" * 64
    arms = drawn_arms(NAMES, seed=entry, share=0.5)
    treated, control = (
        next(name for name in NAMES if arms[name] == arm) for arm in (1, 0)
    )
    swapped = arms | {treated: 0, control: 1}
    result = asked(frame, swapped, Draw("the entry", seed=entry), units=NAMES)
    [check] = [one for one in result.checks if one.name == "assignment_evidence"]
    assert (counted(result), check.statistic) == (False, 2.0)


def test_listed_units_without_data_are_not_ignored() -> None:
    frame, entry = growing_teams(1), "b" * 64
    arms = drawn_arms(NAMES, seed=entry, share=0.5)
    kept = frame[~frame["unit"].isin(NAMES[:2])]
    result = asked(kept, arms, Draw("the entry", seed=entry), units=NAMES)
    assert not counted(result)
