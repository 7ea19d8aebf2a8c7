"""No change is counted twice: sums stay within the total in every draw."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution.causal.ledger import Claim, ledger_of

JUNE, JULY, AUGUST = date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)
MONTHS = ((JUNE, JULY), (JULY, AUGUST))


def claim(study: str, *values: float, units: str = "ab", **changes: object) -> Claim:
    """Return a claim of two draws, each the given total by month."""
    parts = {
        "periods": MONTHS[: len(values)],
        "draws": np.array([values, values], dtype=float),
        "outcome": "parcels",
    } | changes
    return Claim(study_id=study, units=frozenset(units), **parts)  # type: ignore[arg-type]


def test_two_claims_on_the_same_days_and_units_keep_the_smaller() -> None:
    """6 and 4 measured one change: 4 count, and six tenths of 10 are too much."""
    ledger = ledger_of([claim("a", 6.0), claim("b", 4.0)])
    assert ledger.draws_of("a")[:, 0].tolist() == pytest.approx([0.0, 0.0])
    assert ledger.draws_of("b")[:, 0].tolist() == pytest.approx([4.0, 4.0])
    assert (ledger.naive, ledger.allocated) == pytest.approx((10.0, 4.0))
    assert ledger.over_claim_ratio == pytest.approx(0.6)
    (overlap,) = ledger.overlaps
    assert overlap.study_ids == ("a", "b")
    assert (overlap.claimed, overlap.allowed) == pytest.approx((10.0, 4.0))
    assert overlap.subtracted_by_study == pytest.approx({"a": 6.0, "b": 0.0})


@pytest.mark.parametrize(
    "other",
    [
        claim("b", 4.0, units="cd"),
        claim("b", 4.0, outcome="revenue"),
        claim("b", 4.0, periods=((JULY, AUGUST),)),
    ],
)
def test_other_units_outcomes_or_days_are_not_shared(other: Claim) -> None:
    ledger = ledger_of([claim("a", 6.0), other])
    assert ledger.overlaps == ()
    assert ledger.allocated == ledger.naive == pytest.approx(10.0)


def test_only_the_days_and_units_that_are_shared_are_settled() -> None:
    """Half of a's units in one of its two months: 3 of its 12 count, beside 4 of b."""
    ledger = ledger_of(
        [claim("a", 6.0, 6.0), claim("b", 4.0, units="b", periods=((JULY, AUGUST),))]
    )
    (overlap,) = ledger.overlaps
    assert (overlap.start, overlap.end, overlap.units) == (JULY, AUGUST, ("b",))
    assert (overlap.claimed, overlap.allowed) == pytest.approx((7.0, 3.0))
    assert ledger.draws_of("a")[0].tolist() == pytest.approx([6.0, 6.0])
    assert ledger.draws_of("b")[0].tolist() == pytest.approx([0.0])


def test_a_joint_total_bounds_the_claims_and_is_nobodys() -> None:
    """A hold-out says 5 where 6 and 4 are claimed, so half of each is too much."""
    ledger = ledger_of(
        [claim("a", 6.0), claim("b", 4.0), claim("holdout", 5.0, is_total=True)]
    )
    assert [one.study_id for one in ledger.claims] == ["a", "b"]
    assert ledger.draws_of("a")[0, 0] == pytest.approx(3.0)
    assert ledger.allocated == pytest.approx(5.0)
    assert ledger.overlaps[0].bounded_by == "holdout"


def test_a_harm_does_not_make_room_for_more_gain() -> None:
    """Gains of 6 and 4 are one gain of 4; the harm of another feature stays."""
    ledger = ledger_of([claim("a", 6.0), claim("b", 4.0), claim("c", -2.0)])
    assert ledger.draws_of("c")[0, 0] == -2.0
    assert ledger.allocated == pytest.approx(2.0)


def test_of_two_harms_the_larger_counts_and_worth_decides_the_sign() -> None:
    worth = np.array([-1.0])
    saved = ledger_of([claim("a", -6.0, worth=worth), claim("b", -4.0, worth=worth)])
    assert saved.allocated == pytest.approx(-4.0)
    down = ledger_of([claim("a", -6.0), claim("b", -4.0)])
    assert down.allocated == pytest.approx(-6.0)


VALUES = st.floats(-100.0, 100.0)
DRAWS = st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(DRAWS)
def test_in_no_draw_is_more_claimed_than_the_total(draws: list[list[float]]) -> None:
    values = np.array(draws)
    claims = [
        claim(name, 0.0, draws=values[:, [i]], is_total=name == "total")
        for i, name in enumerate(("a", "b", "total"))
    ]
    claimed = np.sum([one.draws[:, 0] for one in ledger_of(claims).claims], axis=0)
    total = values[:, 2]
    assert (claimed <= np.maximum(total, 0.0) + 1e-9).all()
    assert (claimed >= np.minimum(total, 0.0) - 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(DRAWS)
def test_without_a_total_a_gain_and_a_harm_are_kept_at_most(
    draws: list[list[float]],
) -> None:
    values = np.array(draws)
    claims = [claim(str(i), 0.0, draws=values[:, [i]]) for i in range(3)]
    ledger = ledger_of(claims)
    left = np.hstack([one.draws for one in ledger.claims])
    kept = (left == values).all(axis=0)
    assert ((left == 0.0).all(axis=0) | kept).all()
    assert (left != 0.0).any(axis=0).sum() <= 2
    assert ledger.allocated <= max(float(values.mean(axis=0).max()), 0.0) + 1e-9


@settings(max_examples=30, deadline=None)
@given(DRAWS, st.permutations(range(3)))
def test_the_order_of_studies_does_not_matter(
    draws: list[list[float]], order: list[int]
) -> None:
    values = np.array(draws)
    claims = [claim(str(i), 0.0, draws=values[:, [i]]) for i in range(3)]
    first, again = ledger_of(claims), ledger_of([claims[i] for i in order])
    for i in range(3):
        assert first.draws_of(str(i)) == pytest.approx(again.draws_of(str(i)))


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ([claim("a", 1.0), claim("a", 2.0)], "claims once"),
        ([claim("a", 1.0), claim("b", 1.0, draws=np.ones((3, 1)))], "equally many"),
    ],
)
def test_what_cannot_be_held_together_is_an_error(
    claims: list[Claim], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        ledger_of(claims)
    with pytest.raises(ValueError, match="not finite"):
        claim("a", np.inf)
