"""Ledger of claims: no change is counted twice, in any draw.

A claim is a feature's effect on an outcome, on some units, over some time. Where two
claims share outcome, units and days, both have measured the same change. There the sum
of the claims lies between zero and the joint total: that of a joint study or a hold-out
where available. Otherwise a single gain counts and a single harm: of gains whose sign
is known that with the best grade, then with the least money per unit and day; of likely
harms the largest. A claim that may be
nothing gives way to them. The choice is by means: the largest of several draws is more
than any of them. Each subtraction is listed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from attribution.arrays import Floats


#: Chance of a gain from which its sign is known, and up to which a harm is likely.
_KNOWN_GAIN, _LIKELY_HARM = 0.95, 0.25


@dataclass(frozen=True, eq=False)
class Claim:
    """Effect that a study claims for its feature.

    Attributes
    ----------
    study_id, outcome : str
        The study and the metric.
    units : frozenset of str
        Units that it claims.
    periods : tuple of (date, date)
        Half-open, in order, without overlaps: months, or the whole window.
    draws : ndarray, shape (draws, periods)
        Total effect over the units in each period. The same row is the same draw in
        every period; studies have equally many rows.
    worth : ndarray, shape (periods,), optional
        Mean money of an extra unit of the outcome, by period; 1 by default.
    rank : int
        Place of its grade: the smaller, the better the evidence.
    is_total : bool
        True if it is a joint claim or hold-out that covers every feature on its units
        and days. It bounds the others, and is nobody's claim.
    """

    study_id: str
    outcome: str
    units: frozenset[str]
    periods: tuple[tuple[date, date], ...]
    draws: Floats
    is_total: bool = False
    worth: Floats | None = None
    rank: int = 0

    @property
    def money(self) -> Floats:
        """Money of all its periods, by draw."""
        worth = 1.0 if self.worth is None else self.worth
        return np.asarray((self.draws * worth).sum(axis=1))

    @property
    def density(self) -> float:
        """Mean money per unit and day."""
        days = sum((end - first).days for first, end in self.periods)
        return float(self.money.mean()) / (max(days, 1) * max(len(self.units), 1))

    def __post_init__(self) -> None:
        if self.draws.ndim != 2 or self.draws.shape[1] != len(self.periods):  # noqa: PLR2004
            raise ValueError("draws are a matrix, draws by periods")
        if not np.isfinite(self.draws).all():
            raise ValueError(f"{self.study_id} has draws that are not finite")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Units and days of an outcome that several studies claim.

    Attributes
    ----------
    outcome : str
        The metric.
    study_ids, units : tuple of str
        Studies and their claims.
    start, end : date
        Half-open.
    claimed, allowed, subtracted : float
        Means over the draws, in the unit of the outcome: the sum of the claims, the
        claimable amount, and the difference.
    subtracted_by_study : mapping of str to float
        The mean that each study gives up here.
    bounded_by : str
        The study with the bounding total, or the studies that are counted.
    """

    outcome: str
    study_ids: tuple[str, ...]
    units: tuple[str, ...]
    start: date
    end: date
    claimed: float
    allowed: float
    subtracted: float
    subtracted_by_study: Mapping[str, float]
    bounded_by: str


@dataclass(frozen=True, eq=False)
class Ledger:
    """Claims after nothing is counted twice.

    Attributes
    ----------
    claims : tuple of Claim
        Claimable effect of each study, in the order given; no totals.
    overlaps : tuple of Overlap
        Overlaps that were shared, and subtracted.
    naive, allocated : float
        Means of the sums of all claims, before and after.
    """

    claims: tuple[Claim, ...]
    overlaps: tuple[Overlap, ...]
    naive: float
    allocated: float

    def draws_of(self, study_id: str) -> Floats:
        """Return a study's draws after subtraction, draws by periods."""
        return next(claim.draws for claim in self.claims if claim.study_id == study_id)

    @property
    def over_claim_ratio(self) -> float | None:
        """Return the excess claim as a share of the naive sum; ``None`` of zero."""
        if not self.naive:
            return None
        return (self.naive - self.allocated) / self.naive


def ledger_of(claims: Sequence[Claim]) -> Ledger:
    """Return the ledger of some studies.

    Parameters
    ----------
    claims : sequence of Claim
        Claims of any outcomes; those of the same outcome in the same unit of measure.
        All have equally many draws, which belong together by their numbers.

    Raises
    ------
    ValueError
        A study twice, or numbers of draws that differ.
    """
    names = [claim.study_id for claim in claims]
    if len(set(names)) != len(names):
        raise ValueError("a study claims once")
    if len({len(claim.draws) for claim in claims}) > 1:
        raise ValueError("all studies have equally many draws")
    left = {claim.study_id: claim.draws.copy() for claim in claims}
    overlaps = []
    for cell in _cells(claims):
        overlap = _settled(cell, left)
        if overlap is not None:
            overlaps.append(overlap)
    own = [claim for claim in claims if not claim.is_total]
    kept = tuple(replace(claim, draws=left[claim.study_id]) for claim in own)
    return Ledger(
        kept,
        tuple(overlaps),
        float(sum(claim.draws.sum(axis=1).mean() for claim in own)),
        float(sum(one.draws.sum(axis=1).mean() for one in kept)),
    )


@dataclass(frozen=True, slots=True)
class _Cell:
    """Units and days of the same studies' claims, within a period of each."""

    units: frozenset[str]
    start: date
    end: date
    #: Each claim, which of its periods it is, and the part of that period in here.
    shares: tuple[tuple[Claim, int, float], ...]


def _cells(claims: Sequence[Claim]) -> list[_Cell]:
    """Cut outcomes, units and days so that no cell is claimed in part."""
    cells = []
    for outcome in sorted({claim.outcome for claim in claims}):
        own = [claim for claim in claims if claim.outcome == outcome]
        edges = sorted(
            {edge for claim in own for pair in claim.periods for edge in pair}
        )
        units = sorted(frozenset().union(*(claim.units for claim in own)))
        members: dict[tuple[int, ...], set[str]] = {}
        for unit in units:
            key = tuple(i for i, one in enumerate(own) if unit in one.units)
            members.setdefault(key, set()).add(unit)
        for key, group in sorted(members.items()):
            for start, end in pairwise(edges):
                shares = [_share(own[i], frozenset(group), start, end) for i in key]
                known = tuple(share for share in shares if share is not None)
                if len(known) > 1:
                    cells.append(_Cell(frozenset(group), start, end, known))
    return cells


def _share(
    claim: Claim, units: frozenset[str], start: date, end: date
) -> tuple[Claim, int, float] | None:
    """Return a claim's period around some days, and their part of it.

    Within a period an effect is taken to be the same on each day and unit.
    """
    for number, (first, last) in enumerate(claim.periods):
        if first <= start and end <= last:
            part = (end - start).days / (last - first).days
            return claim, number, part * len(units) / len(claim.units)
    return None


def _settled(cell: _Cell, left: dict[str, Floats]) -> Overlap | None:
    """Subtract the excess claims in a cell, and return the overlap."""
    own = [share for share in cell.shares if not share[0].is_total]
    totals = [share for share in cell.shares if share[0].is_total]
    if not own or len(cell.shares) < 2:  # noqa: PLR2004  (nothing is shared)
        return None
    claimed = np.stack([one.draws[:, period] * part for one, period, part in own])
    if totals:
        total, period, part = totals[0]
        given_up = _beyond(claimed, total.draws[:, period] * part)
        bounded_by = total.study_id
    else:
        kept = _counted([claim for claim, _, _ in own])
        given_up = np.stack(
            [
                np.zeros_like(draws) if claim.study_id in kept else draws
                for (claim, _, _), draws in zip(own, claimed, strict=True)
            ]
        )
        bounded_by = ", ".join(sorted(kept))
    for (one, period, _), gone in zip(own, given_up, strict=True):
        left[one.study_id][:, period] -= gone
    names = tuple(one.study_id for one, _, _ in own)
    first = own[0][0]
    return Overlap(
        first.outcome,
        names,
        tuple(sorted(cell.units)),
        cell.start,
        cell.end,
        float(claimed.sum(axis=0).mean()),
        float((claimed - given_up).sum(axis=0).mean()),
        float(given_up.sum(axis=0).mean()),
        {name: float(gone.mean()) for name, gone in zip(names, given_up, strict=True)},
        bounded_by,
    )


def _beyond(claimed: Floats, total: Floats) -> Floats:
    """Return gains and harms of each claim beyond a total, by draw."""
    above = np.maximum(claimed.sum(axis=0) - np.maximum(total, 0.0), 0.0)
    below = np.minimum(claimed.sum(axis=0) - np.minimum(total, 0.0), 0.0)
    gains = _in_proportion(np.maximum(claimed, 0.0), above)
    return gains + _in_proportion(np.minimum(claimed, 0.0), below)


def _counted(claims: Sequence[Claim]) -> frozenset[str]:
    """Return the studies that count where several have measured the same change."""
    ordered = sorted(claims, key=lambda claim: (claim.density, claim.study_id))
    chance = {claim.study_id: _chance_of_gain(claim.money) for claim in ordered}
    names = list(chance)
    harms = [
        claim.study_id
        for claim in ordered
        if chance[claim.study_id] <= _LIKELY_HARM and claim.density < 0
    ]
    known = [claim for claim in ordered if chance[claim.study_id] >= _KNOWN_GAIN]
    gains = [claim.study_id for claim in sorted(known, key=lambda claim: claim.rank)]
    return frozenset(harms[:1] + gains[:1]) or frozenset(names[:1])


def _chance_of_gain(money: Floats) -> float:
    return float(np.mean(money > 0) + np.mean(money == 0) / 2)


def _in_proportion(claimed: Floats, excess: Floats) -> Floats:
    """Share an excess out over claims of its sign."""
    total = claimed.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(total != 0.0, claimed / total, 0.0)
    shared: Floats = parts * excess
    return shared
