"""Ledger of studies: status, counted part, and the share due to luck.

A row for each known study, counted or not. Of those that were registered and estimated
the p-values are adjusted together (Benjamini and Hochberg 1995), so that the number of
effects found among many studies keeps a known share of false effects.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from attribution.roi.reading import amount, nothing, probability_above
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.arrays import Floats
    from attribution.roi.claims import Claim
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.joining import JoinedClaim
    from attribution.roi.worlds import Worlds

    Row = dict[str, Any]

#: Accepted share of false effects among the effects found.
FALSE_DISCOVERY_RATE: Final = 0.10
#: Standings that a study has by itself, regardless of the claims of others.
_OWN: Final = frozenset(
    {"withdrawn", "withdrawal_pending", "interim", "exploratory", "re_estimated"}
)
#: Of these no verdict is given, so that none is found by luck either.
_NOT_TESTED: Final = frozenset({"interim", "exploratory"})


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """Number of studies of each kind, for the headline.

    Attributes
    ----------
    tested : int
        Registered studies with an effect, including withdrawn studies.
    found : int
        Those that have an effect after control of the false-discovery rate.
    withdrawal_pending, withdrawn, interim : int
        Withdrawn and counted as registered all the same; withdrawn by two people; not
        over.
    """

    tested: int = 0
    found: int = 0
    withdrawal_pending: int = 0
    withdrawn: int = 0
    interim: int = 0


def ledger_rows(
    claims: Mapping[str, Sequence[Claim]],
    features: Sequence[FeatureReturn],
    worlds: Worlds,
) -> list[Row]:
    """Return a row for each study, by its id.

    Parameters
    ----------
    claims : mapping of str to sequence of Claim
        All claims of studies, by feature.
    features : sequence of FeatureReturn
        Returns of the features.
    worlds : Worlds
        Draws of their valuation.
    """
    cases = {feature.case.feature_id: feature.case for feature in features}
    adjusted = adjusted_p_values(
        {
            claim.study_id: p_value(claim.effects)
            for of_feature in claims.values()
            for claim in of_feature
            if claim.is_estimated and claim.standing not in _NOT_TESTED
        }
    )
    rows = []
    for feature_id, of_feature in claims.items():
        case = cases.get(feature_id)
        joined = case.joined if case else ()
        found = {one.valued.claim.study_id: one for one in joined}
        for claim in of_feature:
            counted = bool(case and case.is_counted and claim.may_count)
            own = found.get(claim.study_id)
            rows.append(_row(claim, own, adjusted, worlds, counted=counted))
    return sorted(rows, key=lambda row: row["study_id"])


def _row(
    claim: Claim,
    own: JoinedClaim | None,
    adjusted: Mapping[str, float],
    worlds: Worlds,
    *,
    counted: bool,
) -> Row:
    is_counted = counted and own is not None and own.is_counted
    benefit = own.valued.benefit(worlds).sum(axis=1) if own else None
    q_value = adjusted.get(claim.study_id)
    return {
        "study_id": claim.study_id,
        "feature_id": claim.feature_id,
        "outcome": claim.outcome,
        "grade": claim.grade,
        "standing": _standing(claim, own),
        "counted": is_counted,
        "counted_ratio": own.counted_ratio if is_counted and own else 0.0,
        "counted_from": ", ".join(own.counted_from) or None if own else None,
        **(amount("benefit", benefit) if benefit is not None else nothing("benefit")),
        "probability_positive": None if benefit is None else probability_above(benefit),
        "p_value": None if q_value is None else p_value(claim.effects),
        "adjusted_p_value": q_value,
        "is_found": None if q_value is None else q_value <= FALSE_DISCOVERY_RATE,
    }


def _standing(claim: Claim, own: JoinedClaim | None) -> str:
    if claim.standing in _OWN or own is None or not own.counted_from:
        return claim.standing or "registered"
    return "superseded" if own.is_superseded else "overlapping"


def p_value(effects: Floats) -> float:
    """Return the two-sided p-value of no effect in total, from its draws.

    Parameters
    ----------
    effects : ndarray, shape (worlds, months)
        Infinite where no bound is known; half of those on either side.

    Notes
    -----
    The part of the draws on the other side of zero, twice. Where no draw is there, the
    normal tail of their mean and spread, at most as large as 1 draw of all.
    """
    total = effects.sum(axis=1)
    above = float(np.mean(total > 0) + np.mean(total == 0) / 2)
    empirical = 2.0 * min(above, 1.0 - above)
    if empirical > 0 or not np.isfinite(total).all():
        return max(empirical, 1.0 / WORLD_COUNT)
    spread = float(total.std())
    if not spread:
        return 0.0 if total[0] else 1.0
    from scipy import special  # noqa: PLC0415  (slow to load)

    tail = 2.0 * float(special.ndtr(-abs(float(total.mean())) / spread))
    return min(tail, 1.0 / WORLD_COUNT)


def adjusted_p_values(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for how many there are, by study.

    Parameters
    ----------
    p_values : mapping of str to float
        By study: every study that was tested, regardless of its result.

    Notes
    -----
    Benjamini and Hochberg 1995: studies at or below a rate hold at most that share of
    false effects on average, if they are independent or depend positively. To the last
    bit equal to ``statsmodels.stats.multitest.multipletests``, which takes seconds to
    load.
    """
    values = np.array(list(p_values.values()), dtype=float)
    order = np.argsort(values)
    ranks = np.arange(1, len(values) + 1)
    scaled = values[order] / (ranks / len(values))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return dict(zip(p_values, adjusted.tolist(), strict=True))


def counts_of(rows: Sequence[Row]) -> StudyCounts:
    """Return how many studies there are of each kind."""
    standings = [row["standing"] for row in rows]
    return StudyCounts(
        tested=sum(row["is_found"] is not None for row in rows),
        found=sum(bool(row["is_found"]) for row in rows),
        withdrawal_pending=sum(
            row["standing"] == "withdrawal_pending" and row["counted"] for row in rows
        ),
        withdrawn=standings.count("withdrawn"),
        interim=standings.count("interim"),
    )


def counts_by_month(
    claims: Mapping[str, Sequence[Claim]],
    features: Sequence[FeatureReturn],
    worlds: Worlds,
    months: Sequence[str],
) -> dict[str, StudyCounts]:
    """Return how many studies of each kind had begun by the end of each month.

    They are tested together with those that had begun, as they are known now. A study
    without an effect has no first month, and is in each.
    """
    counts: dict[str, StudyCounts] = {}
    known: dict[int, StudyCounts] = {}
    for month in months:
        begun = {
            feature: [claim for claim in of_feature if _begins(claim) <= month]
            for feature, of_feature in claims.items()
        }
        # Studies are added from month to month, so their number identifies them.
        number = sum(map(len, begun.values()))
        if number not in known:
            known[number] = counts_of(ledger_rows(begun, features, worlds))
        counts[month] = known[number]
    return counts


def _begins(claim: Claim) -> str:
    if claim.first_day is not None:
        return f"{claim.first_day:%Y-%m}"
    return min(claim.months, default="")


def columns_of(counts: StudyCounts) -> Row:
    """Return the counts as columns of the portfolio."""
    return {
        "tested_study_count": counts.tested,
        "found_study_count": counts.found,
        "withdrawal_pending_study_count": counts.withdrawal_pending,
        "withdrawn_study_count": counts.withdrawn,
        "interim_study_count": counts.interim,
    }
