"""From the net value that was measured to the base of a scenario, line by line.

Both are made of the same draws and only of features that count: the headline over its
measured months, the base carried forward over the horizon, by the rule of persistence.
Each line has both amounts; the differences are the whole way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.roi.overlaps import overlaps_of
from attribution.roi.return_estimates import features_of
from attribution.scenarios.run_rate import LEFT_OUT, reason_left_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from attribution.arrays import Floats
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.worlds import Worlds
    from attribution.scenarios.outcome import Outcome, Part
    from attribution.scenarios.projection import Projection

    Row = dict[str, Any]

#: Reason that a line differs → in words; ``months`` and ``measured`` are filled in.
REASONS: Final = {
    "months": "{months} in place of the measured {measured}, with gains that fade",
    **LEFT_OUT,
    "overlap": "claimed by several features, subtracted once",
    "discount": "money of later months is worth less on the first day",
    "without_bound": "draws without bound are in no mean",
    "total": "net value of what counts, and NPV of the base",
}
#: Flow of a feature → whether it adds to the net value or takes from it.
FLOWS: Final = {"benefit": 1.0, "cost": -1.0, "other": -1.0, "replaced": 1.0}
_CENT: Final = 0.005


def reconciliation_of(
    before: Outcome, projection: Projection, worlds: Worlds
) -> Iterator[Row]:
    """Yield each line of the net value beside that of a base.

    Parameters
    ----------
    before : Outcome
        The base, in ``worlds``.
    projection : Projection
        Run that it was carried forward from.
    worlds : Worlds
        The draws of both.

    Yields
    ------
    dict
        ``line``, ``feature_id``, ``actual``, ``base``, ``difference``, ``reason_code``
        and ``reason``. Gains are positive, costs negative. The last line, ``total``, is
        their sum: the net value that counts, and the NPV of the base.
    """
    features = features_of(projection.base.inputs, worlds)
    returns = {feature.case.feature_id: feature for feature in features}
    rows = [
        row
        for part in before.counted
        for row in _feature_rows(part, returns.get(part.feature_id or ""), before)
    ]
    rows += [
        _row("net_value", name, _mean(one.net), 0.0, reason_left_out(name, projection))
        for name, one in returns.items()
        if one.case.is_counted
        and name not in {one.feature_id for one in before.counted}
    ]
    rows += _common_rows(before, features, worlds)
    missing = _mean(before.present_net) - sum(row["base"] for row in rows)
    if abs(missing) > _CENT:
        rows.append(_row("rest", None, 0.0, missing, "without_bound"))
    yield from (row for row in rows if row["actual"] or row["base"])
    actual, base = (sum(row[name] for row in rows) for name in ("actual", "base"))
    yield _row("total", None, actual, base, "total")


def _feature_rows(
    part: Part, actual: FeatureReturn | None, before: Outcome
) -> Iterator[Row]:
    """Yield benefit, costs and replaced costs of a feature that counts."""
    words = _words(actual, before)
    for line, sign in FLOWS.items():
        flows = actual.flows if actual and actual.case.is_counted else None
        measured = None if flows is None else getattr(flows, line)
        # Nothing is written as 0 and never as −0.
        carried = sign * _total(getattr(part.flows, line)) + 0.0
        spent = sign * _total(measured) + 0.0
        yield _row(line, part.feature_id, spent, carried, "months", **words)


def _words(actual: FeatureReturn | None, before: Outcome) -> dict[str, str]:
    """Return the months of a horizon and the measured months, in words."""
    measured = actual.case.months if actual else ()
    return {
        "months": f"{len(before.months)} months from {before.months[0]}",
        "measured": f"{len(measured)} months to {measured[-1]}" if measured else "none",
    }


def _common_rows(
    before: Outcome, actual: Sequence[FeatureReturn], worlds: Worlds
) -> list[Row]:
    """Return the lines computed from all features together."""
    claimed = [overlap.draws(None) for overlap in overlaps_of(actual, worlds)]
    twice = sum((_mean(draws) for draws in claimed), 0.0)
    carried = _total(before.overlap)
    discounted = _mean(before.present_net) - _mean(before.net.sum(axis=1))
    return [
        _row("overlap", None, -twice, -carried, "overlap"),
        _row("discount", None, 0.0, discounted, "discount"),
    ]


def _row(
    line: str, feature: str | None, actual: float, base: float, code: str, **words: str
) -> Row:
    return {
        "line": line,
        "feature_id": feature,
        "actual": actual,
        "base": base,
        "difference": base - actual,
        "reason_code": code,
        "reason": REASONS[code].format(**words),
    }


def _total(money: Floats | None) -> float:
    return 0.0 if money is None else _mean(money.sum(axis=1))


def _mean(draws: Floats | None) -> float:
    if draws is None:
        return 0.0
    finite = draws[np.isfinite(draws)]
    return float(finite.mean()) if len(finite) else 0.0
