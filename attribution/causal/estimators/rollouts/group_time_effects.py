"""Group-time effects, as a second opinion on a roll-out.

Callaway and Sant'Anna 2021 (J. Econometrics 225), theorem 1 and sections 3 and 4: each
cohort's change since just before its start, minus that of units that are untreated
throughout; with covariates by
:mod:`attribution.causal.estimators.rollouts.doubly_robust`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from attribution.causal.estimators.rollouts.doubly_robust import AlikeUnits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Flags, Floats

Controls = Literal["never treated", "not yet treated"]


@dataclass(frozen=True, eq=False)
class Aggregate:
    """A weighted mean of group-time effects.

    Attributes
    ----------
    effect : float
        Its value.
    influence : ndarray, shape (units,)
        Of each unit on it; which units are in which cohort counts as random.
    """

    effect: float
    influence: Floats

    @property
    def standard_error(self) -> float:
        """Its standard error."""
        return float(_errors(self.influence[None])[0])


@dataclass(frozen=True, eq=False)
class GroupTimeEffects:
    """Effects by cohort and period.

    Attributes
    ----------
    groups, times : ndarray of int, shape (cells,)
        First treated period of the cohort, and the period.
    effects : ndarray, shape (cells,)
        ATT(g, t); before treatment the change since the period before.
    influence : ndarray, shape (cells, units)
        Of each unit on each effect.
    cohort : ndarray of int, shape (units,)
        First treated period of each unit.
    """

    groups: NDArray[np.int64]
    times: NDArray[np.int64]
    effects: Floats
    influence: Floats
    cohort: NDArray[np.int64]

    @property
    def standard_errors(self) -> Floats:
        """Of each effect."""
        return _errors(self.influence)

    def simple(self) -> Aggregate:
        """Return the mean over all treated cells, by size of the cohort."""
        treated = self.times >= self.groups
        parts = list(zip(self.effects[treated], self.influence[treated], strict=True))
        return Aggregate(*self._by_cohort_size(self.groups[treated], parts))

    def _by_cohort_size(
        self, groups: NDArray[np.int64], parts: list[tuple[float, Floats]]
    ) -> tuple[float, Floats]:
        """Return a mean by cohort size, with the influence of estimating the sizes."""
        members = self.cohort == groups[:, None]
        sizes = members.mean(axis=1)
        effects = np.array([effect for effect, _ in parts])
        total = sizes.sum()
        weights = sizes / total
        influence = weights @ np.array([own for _, own in parts])
        slopes = (effects * total - sizes @ effects) / total**2
        influence = influence + slopes @ (members - sizes[:, None])
        return float(weights @ effects), influence


def group_time_effects(
    outcome: Floats,
    first: NDArray[np.int64],
    controls: Controls = "never treated",
    covariates: Floats | None = None,
    *,
    weighs: bool = True,
) -> GroupTimeEffects:
    """Return the effects of each cohort in each period.

    Parameters
    ----------
    outcome : ndarray, shape (units, periods)
        Without gaps.
    first : ndarray of int, shape (units,)
        First treated period; the number of periods for never. Units that are treated
        from the first period on are left out.
    controls : {"never treated", "not yet treated"}
        Whom a cohort is compared with.
    covariates : ndarray, shape (units, covariates), optional
        Covariates that changes and treatment may depend on.
    weighs : bool
        True if compared units are weighed to be like the treated units, by covariates.
        Otherwise it is a regression of changes alone, which few units bear, too.

    Raises
    ------
    ValueError
        Outcomes that are unknown, nobody to compare with, or covariates that leave
        nobody alike.
    """
    comparisons = Comparisons(
        first, outcome.shape[1], controls, covariates, weighs=weighs
    )
    return comparisons.effects(outcome)


class Comparisons:
    """Comparison groups, for any outcomes of the same units.

    Parameters
    ----------
    first, controls, covariates, weighs
        As for :func:`group_time_effects`.
    periods : int
        Number of them.
    """

    def __init__(
        self,
        first: NDArray[np.int64],
        periods: int,
        controls: Controls = "never treated",
        covariates: Floats | None = None,
        *,
        weighs: bool = True,
    ) -> None:
        self._keep = first > 0
        self._first = first = first[self._keep]
        self._covariates = None if covariates is None else covariates[self._keep]
        self._weighs = weighs
        self._parts: list[tuple[int, int, int, Flags, Flags]] = []
        for start in np.unique(first[first < periods]):
            treated = first == start
            for time in range(1, periods):
                base = int(start) - 1 if time >= start else time - 1
                after = periods - 1 if controls == "never treated" else max(time, base)
                compared = (first > after) & ~treated
                if compared.any():
                    self._parts.append((int(start), time, base, treated, compared))
        self._alike: dict[bytes, AlikeUnits] = {}

    def effects(self, outcome: Floats) -> GroupTimeEffects:
        """Return the effects of each cohort in each period.

        Parameters
        ----------
        outcome : ndarray, shape (units, periods)
            Of the units that were compared.

        Raises
        ------
        ValueError
            Outcomes that are unknown, nobody to compare with, or covariates that
            leave nobody alike.
        """
        if not np.isfinite(outcome).all():
            raise ValueError("group-time effects need a panel without gaps")
        if not self._parts:
            raise ValueError("nobody is untreated long enough to compare with")
        outcome = outcome[self._keep]
        cells = []
        for start, time, base, treated, compared in self._parts:
            change = outcome[:, time] - outcome[:, base]
            cells.append((start, time, *self._difference(change, treated, compared)))
        groups, times, effects, influence = zip(*cells, strict=True)
        return GroupTimeEffects(
            np.array(groups),
            np.array(times),
            np.array(effects),
            np.array(influence),
            self._first,
        )

    def _difference(
        self, change: Floats, treated: Flags, compared: Flags
    ) -> tuple[float, Floats]:
        influence = np.zeros(len(change))
        if self._covariates is not None:
            both = treated | compared
            alike = self._alike_units(treated, both, self._covariates)
            effect, moved = alike.difference(change[both])
            influence[both] = moved * len(change) / len(moved)
            return effect, influence
        means = []
        for sign, members in ((1.0, treated), (-1.0, compared)):
            mean = change[members].mean()
            share = len(change) / members.sum()
            influence[members] += sign * share * (change[members] - mean)
            means.append(sign * mean)
        return float(sum(means)), influence

    def _alike_units(self, treated: Flags, both: Flags, rows: Floats) -> AlikeUnits:
        """Weigh the units of a comparison once, for all its periods."""
        who = treated.tobytes() + both.tobytes()
        if who not in self._alike:
            own = rows[both]
            selection = own if self._weighs else own[:, :0]
            self._alike[who] = AlikeUnits.of(treated[both], own, selection)
        return self._alike[who]


def _errors(influence: Floats) -> Floats:
    errors: Floats = np.sqrt((influence**2).sum(axis=1)) / influence.shape[1]
    return errors
