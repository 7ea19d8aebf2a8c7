"""Data that cannot answer: each kind is refused with where it is and what helps."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution import Refusal, estimate
from attribution.causal.panel import panel_of
from attribution.causal.refusal import RefusalError
from tests.attribution.studies_for_tests import START, frame_of, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.causal.plan import Plan

DAYS, LAUNCH = 400, 370
FRAME = frame_of(
    100.0 + np.random.default_rng(0).normal(0.0, 5.0, DAYS), traffic=np.arange(400.0)
)
PLAN = plan_of(DAYS, LAUNCH, controls=("traffic",))


def changed(change: Callable[[pd.DataFrame], Any]) -> pd.DataFrame:
    frame = FRAME.copy()
    replaced = change(frame)
    return replaced if isinstance(replaced, pd.DataFrame) else frame


def set_cell(column: str, row: int, value: object) -> Callable[[pd.DataFrame], Any]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        values = frame[column].astype(object)
        values.iloc[row] = value
        return frame.assign(**{column: values})

    return change


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda f: f.drop(columns="traffic"), "panel_columns_missing", "'traffic'"),
        (lambda f: f.iloc[:300], "panel_empty", "2025-01-05"),
        (lambda f: pd.concat([f, f.iloc[[7]]]), "panel_has_duplicates", "2024-01-08"),
        (lambda f: f.drop(index=380), "panel_has_gaps", "2025-01-15"),
        (lambda f: f.drop(index=range(50, 100)), "panel_has_gaps", "50 days"),
        (set_cell("traffic", 20, np.nan), "panel_has_gaps", "traffic"),
        (set_cell("unit", 3, None), "panel_unit_missing", "row 4"),
        (set_cell("date", 3, pd.NaT), "panel_date_unreadable", "row 4"),
        (set_cell("date", 3, "soon"), "panel_date_unreadable", "row 4 with 'soon'"),
        (set_cell("outcome", 9, np.inf), "outcome_not_finite", "2024-01-10"),
        (set_cell("outcome", 9, -1.0), "outcome_negative", "2024-01-10"),
        (set_cell("outcome", 9, "many"), "panel_not_numeric", "outcome"),
        (lambda f: f.assign(outcome=7.0), "outcome_constant", "is 7"),
        (lambda f: f.assign(outcome_unit="EUR"), "outcome_unit_mismatch", "'EUR'"),
        (
            lambda f: f.assign(date=f["date"] + pd.to_timedelta(f.index * 0, "D")).iloc[
                330:
            ],
            "pre_period_too_short",
            "40 days",
        ),
    ],
)
def test_unusable_data_is_refused_with_where_it_is(
    change: Callable[[pd.DataFrame], Any], code: str, said: str
) -> None:
    refused = estimate(changed(change), PLAN)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert said in refused.message
    assert refused.what_would_fix_it


def test_a_gap_in_the_history_stays_unknown_and_is_not_zero() -> None:
    panel = panel_of(FRAME.drop(index=[11, 12]), PLAN)
    assert np.isnan(panel.outcome[0, 11:13]).all()
    assert panel.outcome.shape == (1, DAYS)


def test_decimals_and_zoned_dates_are_taken_as_what_they_are() -> None:
    frame = FRAME.assign(
        outcome=pd.Series(
            [Decimal(f"{value:.3f}") for value in FRAME["outcome"]], dtype=object
        ),
        date=FRAME["date"].dt.tz_localize("UTC"),
    )
    panel = panel_of(frame, PLAN)
    assert panel.outcome[0] == pytest.approx(FRAME["outcome"].round(3))


def test_the_hash_of_the_data_does_not_depend_on_the_order_of_its_rows() -> None:
    shuffled = FRAME.sample(frac=1.0, random_state=3)
    assert panel_of(shuffled, PLAN).data_hash == panel_of(FRAME, PLAN).data_hash
    other = FRAME.assign(outcome=FRAME["outcome"] + 1e-9)
    assert panel_of(other, PLAN).data_hash != panel_of(FRAME, PLAN).data_hash


@settings(deadline=None, max_examples=15)
@given(st.permutations(range(40)))
def test_rows_of_several_units_may_come_in_any_order(order: list[int]) -> None:
    days = pd.date_range("2024-01-01", periods=20)
    rows = pd.DataFrame(
        {
            "unit": ["b"] * 20 + ["a"] * 20,
            "date": [*days, *days],
            "outcome": np.arange(40.0),
        }
    )
    plan = plan_of(20, 15, treated=("a",))
    panel = panel_of(rows.iloc[order], plan)
    assert panel.units == ("a", "b")
    assert panel.outcome.tolist() == [[*range(20, 40)], [*range(20)]]
    assert panel.data_hash == panel_of(rows, plan).data_hash


def test_a_multiplicative_plan_refuses_a_zero() -> None:
    plan = PLAN.model_copy(update={"scale": "multiplicative"})
    with pytest.raises(RefusalError, match="not above zero"):
        panel_of(changed(set_cell("outcome", 5, 0.0)), plan)


def refusal_of(frame: pd.DataFrame, plan: Plan) -> Refusal:
    found = estimate(frame, plan)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize(
    "facts",
    [
        {"treated": ("u03",)},
        {"rollout": {f"u{unit:02d}": START + timedelta(20) for unit in range(14)}},
    ],
    ids=["one unit against others", "a roll-out"],
)
def test_units_that_never_moved_before_the_launch_tell_nothing(
    facts: dict[str, Any],
) -> None:
    """They differ, and each is the same on all dates: no error can be worked out.

    One unit against others failed with a division by zero; a roll-out had an interval
    of no width.
    """
    rows = [
        (f"u{unit:02d}", START + timedelta(days=day), 0.9 + unit / 1000)
        for unit in range(30)
        for day in range(30)
    ]
    frame = pd.DataFrame(rows, columns=["unit", "date", "outcome"])
    refused = refusal_of(frame, plan_of(30, 20, **facts))
    assert refused.code == "outcome_constant"
    assert "of each unit is the same on all dates before" in refused.message


def test_a_refusal_carries_the_break_even_and_no_other_money() -> None:
    economics = {"cost_amount": 5_000.0, "value_amount_per_unit": 4.0}
    plan = plan_of(DAYS, LAUNCH, controls=("traffic",), economics=economics)
    refused = refusal_of(FRAME.assign(outcome=7.0), plan)
    assert refused.break_even == 1_250.0
    assert refused.grade == "X"
    assert "cannot tell (outcome_constant)" in refused.report()
    assert refused.plan_hash == plan.hash
    assert not hasattr(refused, "effect")


def test_a_code_that_nobody_documented_cannot_be_used() -> None:
    with pytest.raises(ValueError, match="unknown refusal code"):
        Refusal("because", "no reason")
