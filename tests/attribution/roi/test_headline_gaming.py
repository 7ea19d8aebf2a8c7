"""No way of declaring studies raises what the headline counts.

Each test is one way: a plan that is deleted, renamed, registered again, split or copied
with other controls, a figure that is looked at daily, and twenty nulls. Claims are
draws by hand; what becomes of a file and of the register is in
``test_declared_studies.py``, and how a study is looked at daily in
``test_confidence_sequences.py``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from statsmodels.stats.multitest import fdrcorrection

from attribution.roi.study_ledger import adjusted_p_values, p_value
from attribution.roi.worlds import WORLD_COUNT
from tests.attribution.roi.roi_cases import (
    MONTHS,
    assumed,
    claim,
    headline,
    inputs,
    rows,
    to_date,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.roi.claims import Claim
    from attribution.roi.register import Assumed

    Row = dict[str, Any]

ONE_EURO = assumed("conversion", 1.0, better="more", metric=None)
COST = {"care": dict.fromkeys(MONTHS, 10.0)}
NORTH, SOUTH = frozenset({"north"}), frozenset({"south"})


def counted(*claims: Claim) -> float:
    """Return the net value of the headline; nothing counted is nothing gained."""
    net = headline(found(*claims))["net_value"]
    return 0.0 if net is None else float(net)


def found(*claims: Claim) -> dict[str, list[Row]]:
    return rows(inputs(claims, [ONE_EURO], COST))


def ledger(*claims: Claim) -> dict[str, Row]:
    return {row["study_id"]: row for row in found(*claims)["roi_studies"]}


LOSS = claim(effects=(-100.0, -100.0), grade="B", study_id="loss", units=NORTH)
GAIN = claim(effects=(50.0, 50.0), grade="B", study_id="gain", units=SOUTH)


def test_a_harm_on_other_units_is_counted_like_a_gain() -> None:
    """The defect: one of two roll-outs of a feature was dropped by the alphabet."""
    assert counted(LOSS, GAIN) == -200 + 100 - 20
    assert all(row["counted"] for row in ledger(LOSS, GAIN).values())


def test_a_deleted_loss_is_counted_until_two_people_withdraw_it() -> None:
    deleted = replace(LOSS, standing="withdrawal_pending")
    assert counted(deleted, GAIN) == counted(LOSS, GAIN)
    assert ledger(deleted, GAIN)["loss"]["standing"] == "withdrawal_pending"
    row = headline(found(deleted, GAIN))
    assert row["withdrawal_pending_study_count"] == 1
    gone = replace(LOSS, standing="withdrawn")
    row = headline(found(gone, GAIN))
    assert (row["net_value"], row["withdrawn_study_count"]) == (100 - 20, 1)
    assert ledger(gone, GAIN)["loss"]["counted"] is False


def test_a_renamed_study_counts_once_and_its_old_figure_stays() -> None:
    """Registered anew after its figures could be read, the new one is of grade C."""
    old = replace(LOSS, standing="withdrawal_pending")
    new = claim(effects=(80.0, 80.0), grade="C", study_id="better-name", units=NORTH)
    assert counted(old, new) == counted(LOSS)


def test_a_study_that_is_registered_twice_in_time_counts_the_smaller_claim() -> None:
    again = claim(effects=(90.0, 90.0), grade="B", study_id="again", units=NORTH)
    assert counted(LOSS, again) == counted(LOSS)
    row = ledger(LOSS, again)["again"]
    assert (row["standing"], row["counted"]) == ("overlapping", False)
    assert row["counted_from"] == "loss"


def test_a_split_plan_counts_no_more_than_the_whole() -> None:
    """A loss of 100 on two units, and its halves as two plans that show gains."""
    whole = claim(
        effects=(-50.0, -50.0), grade="B", study_id="whole", units=NORTH | SOUTH
    )
    halves = [
        claim(effects=(20.0, 20.0), grade="B", study_id=name, units=units)
        for name, units in (("a-half", NORTH), ("z-half", SOUTH))
    ]
    assert counted(whole, *halves) == counted(whole)


def test_of_many_sets_of_controls_the_best_is_never_chosen() -> None:
    variants = [
        claim(effects=(value, value), grade="B", study_id=f"controls-{n}", units=NORTH)
        for n, value in enumerate((-30.0, 40.0, 10.0, 90.0, -5.0))
    ]
    for count in range(1, len(variants) + 1):
        some = variants[:count]
        assert counted(*some) == min(counted(one) for one in some)


def test_an_open_study_is_neither_gain_nor_loss() -> None:
    opened = replace(GAIN, standing="interim", effects=GAIN.effects * 100)
    assert counted(opened, LOSS) == counted(LOSS)
    row = to_date(found(opened))
    assert (row["counted"], row["not_counted_code"]) == (False, "interim")
    assert headline(found(opened, LOSS))["interim_study_count"] == 1


def test_twenty_registered_nulls_raise_nothing_and_find_nothing_by_luck() -> None:
    """A true loss and 20 nulls with noise: what is found stays right nine in ten.

    Unadjusted, one of twenty nulls is "significant" at 5 % in 64 of 100 portfolios.
    """
    rng = np.random.default_rng(20)
    lucky, raw = 0, 0
    for _ in range(400):
        p_values = {f"null-{n}": float(p) for n, p in enumerate(rng.uniform(size=20))}
        raw += min(p_values.values()) <= 0.05
        lucky += min(adjusted_p_values(p_values).values()) <= 0.10
    assert raw / 400 == pytest.approx(0.64, abs=0.07)
    assert lucky / 400 <= 0.10 + 0.045


def test_what_nulls_add_by_luck_is_shrunk_away() -> None:
    """Twenty features around nothing, of which ten look like gains: shrunk, hardly."""
    rng = np.random.default_rng(3)
    names = [f"null-{n}" for n in range(20)]
    noise = rng.normal(0.0, 50.0, 20)
    nulls = [
        claim(name, effects=(seen, seen), spread=50.0, grade="B", outcome=name)
        for name, seen in zip(names, noise, strict=True)
    ]
    costs = {name: dict.fromkeys(MONTHS, 1.0) for name in names}
    row = headline(rows(inputs(nulls, [ONE_EURO], costs)))
    spent = 2.0 * len(names)
    raw, shrunk = row["net_value"] + spent, row["shrunk_net_value"] + spent
    assert abs(shrunk) < abs(raw)


def test_the_order_and_the_names_of_studies_decide_nothing() -> None:
    three = [
        LOSS,
        claim(effects=(20.0, 20.0), grade="B", study_id="mid", units=NORTH | SOUTH),
        GAIN,
    ]
    expected = counted(*three)
    for order in permutations(range(3)):
        named = [
            replace(three[place], study_id=f"study-{n}")
            for n, place in enumerate(order)
        ]
        assert counted(*named) == pytest.approx(expected)


def test_shared_units_and_days_are_counted_from_the_stronger_claim_alone() -> None:
    """A of one unit in January; B of two units in both months keeps three quarters.

    January has 31 and February 28 days: B is left half of January, all of February.
    """
    strong = claim(effects=(30.0,), grade="A", study_id="a", units=NORTH)
    wide = claim(effects=(80.0, 80.0), grade="B", study_id="b", units=NORTH | SOUTH)
    assert counted(strong, wide) == 30 + 80 / 2 + 80 - 20
    rows_of = ledger(strong, wide)
    assert rows_of["b"]["standing"] == "superseded"
    assert rows_of["b"]["counted_ratio"] == pytest.approx((31 / 2 + 28) / 59)
    assert rows_of["a"]["counted_ratio"] == 1.0


def test_studies_of_other_days_of_a_month_do_not_overlap() -> None:
    first = replace(
        claim(effects=(10.0,), grade="B", study_id="first", units=NORTH),
        first_day=date(2026, 1, 1),
        end=date(2026, 1, 11),
    )
    second = replace(
        claim(effects=(25.0,), grade="B", study_id="second", units=NORTH),
        first_day=date(2026, 1, 11),
        end=date(2026, 2, 1),
    )
    assert counted(first, second) == 10 + 25 - 10


def test_p_values_are_two_sided_and_adjusted_as_the_reference_does() -> None:
    """Of normal draws two standard deviations from zero 4.6 % are beyond it."""
    two_away = claim(effects=(40.0,), spread=20.0).effects
    assert p_value(two_away) == pytest.approx(0.0455, abs=0.015)
    assert p_value(-two_away) == pytest.approx(p_value(two_away), abs=1e-12)
    assert p_value(claim(effects=(900.0,), spread=20.0).effects) < 1e-6
    assert p_value(claim(effects=(0.0,)).effects) == 1.0
    given = {"a": 0.001, "b": 0.04, "c": 0.03, "d": 0.8, "e": 0.04, "f": 1.0}
    _, expected = fdrcorrection(list(given.values()))
    assert list(adjusted_p_values(given).values()) == expected.tolist()
    assert adjusted_p_values({}) == {}


def noisy(feature: str, seed: int, mean: float = 50.0, spread: float = 12.0) -> Claim:
    """Return a study of the same change under another feature, with its own draws."""
    drawn = np.random.default_rng([seed, 4]).normal(0.0, spread, (WORLD_COUNT, 1))
    own = claim(feature, effects=(mean, mean), grade="B", study_id=feature, units=SOUTH)
    return replace(own, effects=own.effects + drawn)


def benefit(*claims: Claim, entries: Sequence[Assumed] = (ONE_EURO,)) -> float:
    costs = {claim.feature_id: dict.fromkeys(MONTHS, 1.0) for claim in claims}
    return float(headline(rows(inputs(claims, entries, costs)))["benefit"])


@pytest.mark.parametrize("count", [1, 3, 10])
def test_clones_of_a_gain_under_other_features_add_nothing(count: int) -> None:
    """The largest of independent draws was counted: 96,789 and 123,484 of 79,535."""
    gain = noisy("gain", 0)
    clones = [noisy(f"clone-{n}", n + 1) for n in range(count)]
    assert benefit(gain, *clones) <= benefit(gain) + 0.5


def test_a_clone_that_is_valued_ten_times_adds_nothing() -> None:
    dear = replace(ONE_EURO, id="dear", value=10.0, feature_id="clone")
    gain, clone = noisy("gain", 0), noisy("clone", 1)
    both = benefit(gain, clone, entries=(ONE_EURO, dear))
    assert both == pytest.approx(benefit(gain), rel=0.02)


def test_clones_with_other_estimates_count_the_smallest() -> None:
    gain = noisy("gain", 0)
    clones = [noisy(f"clone-{n}", n, mean=50.0 + n) for n in range(1, 6)]
    assert benefit(gain, *clones) == pytest.approx(benefit(gain), rel=0.02)


def test_a_null_beside_a_gain_does_not_lower_it() -> None:
    gain = noisy("gain", 0)
    for seed in range(20):
        mean = float(np.random.default_rng(seed).normal(0.0, 8.0))
        null = noisy("null", seed, mean=mean)
        if abs(mean) < 8.0:
            assert benefit(gain, null) == pytest.approx(benefit(gain))


def test_a_likely_harm_beside_a_gain_is_counted() -> None:
    gain, harm = noisy("gain", 0), noisy("harm", 1, mean=-20.0)
    assert benefit(gain, harm) == pytest.approx(benefit(gain) - 40.0, abs=2.0)
