"""Features, studies and assumptions whose returns can be worked out on paper."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.roi.baseline import Costs
from attribution.roi.claims import Claim
from attribution.roi.inputs import Inputs
from attribution.roi.register import Assumed, Register
from attribution.roi.return_estimates import rows_of
from attribution.roi.worlds import WORLD_COUNT, Worlds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]
MONTHS = ("2026-01", "2026-02")
LONG_AGO = date(2020, 1, 1)


def assumed(kind: str, value: float, **given: Any) -> Assumed:
    """Return an approved assumption that holds since long ago."""
    told: dict[str, Any] = {
        "id": given.pop("id", kind),
        "version": "v",
        "unit": "EUR/minute",
        "valid_from": LONG_AGO,
        "is_cash": True if kind == "conversion" else None,
    } | given
    return Assumed(kind=kind, value=value, **told)


def claim(
    feature: str = "care",
    *,
    effects: Sequence[float] = (100.0, 100.0),
    grade: str = "A",
    spread: float = 0.0,
    **given: Any,
) -> Claim:
    """Return a claim with an effect by month, the same in all worlds but for a spread.

    With a spread the total is normal, its draws the same in both months.
    """
    noise = np.random.default_rng(11).standard_normal(WORLD_COUNT)[:, None]
    drawn = np.array(effects)[None, :] * np.ones((WORLD_COUNT, 1)) + spread * noise
    told: dict[str, Any] = {
        "study_id": f"{feature}-study",
        "feature_id": feature,
        "outcome": "minutes",
        "outcome_unit": "minutes",
        "grade": grade,
        "state": "REGISTERED",
        "months": MONTHS[: len(effects)],
        "effects": drawn,
    } | given
    return Claim(**told)


def refused(feature: str = "care", code: str = "too_few_units") -> Claim:
    """Return a study that cannot tell."""
    return claim(
        feature,
        grade="X",
        status="refused",
        refusal_code=code,
        months=(),
        effects=(),
    )


def inputs(
    claims: Sequence[Claim],
    entries: Sequence[Assumed],
    costs: Mapping[str, Mapping[str, float | None]],
    *,
    hours: Mapping[str, Mapping[str, float]] | None = None,
    models: Mapping[tuple[str, str], Mapping[str, float | None]] | None = None,
) -> Inputs:
    """Return inputs as they are read from a build."""
    by_feature: dict[str, list[Claim]] = {}
    for one in claims:
        by_feature.setdefault(one.feature_id, []).append(one)
    booked = hours or {}
    return Inputs(
        features=tuple(sorted({*by_feature, *costs})),
        register=Register(entries),
        costs={
            name: Costs(by_month, booked.get(name, {}))
            for name, by_month in costs.items()
        },
        model_costs={key: Costs(by, {}) for key, by in (models or {}).items()},
        claims=by_feature,
    )


def rows(given: Inputs, *, seed: int = 0) -> dict[str, list[Row]]:
    """Return the rows of every table."""
    return rows_of(given, Worlds(seed))


def to_date(found: dict[str, list[Row]], feature: str = "care") -> Row:
    """Return a feature's row to date."""
    [row] = [
        row
        for row in found["roi_features"]
        if row["feature_id"] == feature and row["roi_window"] == "to_date"
    ]
    return row


def headline(found: dict[str, list[Row]]) -> Row:
    """Return the portfolio's row to date, without counts of what is not in it."""
    [row] = [r for r in found["roi_portfolio"] if r["roi_window"] == "to_date"]
    return {
        name: value
        for name, value in row.items()
        if not name.startswith(("beside", "not_computable", "tested", "found"))
    }
