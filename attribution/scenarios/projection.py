"""A run carried forward as it is: the base that every change acts on.

Cost goes on at the mean of the last complete months. An effect goes on as in the last
month that a study saw whole, draw by draw, and its gains fade by the same rule of
:mod:`attribution.roi.persistence`. Past spending is spent in every scenario, and is
left out. None of it is a forecast: any expected change is a change of the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from attribution.roi.baseline import Costs
from attribution.roi.carrying import newest
from attribution.roi.persistence import FADE_MONTHS, carried, months_apart
from attribution.roi.register import Register, month_start, months_between
from attribution.roi.valuing import case_of
from triptych.core.errors import UsageError
from triptych.core.settings.problems import known_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.roi.baseline import Baseline
    from attribution.roi.claims import Claim
    from attribution.roi.valuing import Case
    from attribution.scenarios.base_run import BaseRun, CostLine

#: Status of a study that speaks of too long ago.
TOO_OLD: Final = "last measured more than a year before"


@dataclass(frozen=True, eq=False, slots=True)
class Projection:
    """Cost and effect in each month of a horizon if nothing is changed.

    Attributes
    ----------
    months : tuple of str
        The horizon.
    lines : tuple of CostLine
        Part of the bill in scope, by month.
    claims : mapping of str to sequence of Claim
        By feature, with an effect in each month.
    hours : mapping of str to float
        Booked a month, by feature.
    baselines : mapping of str to Baseline
        Costs that features replaced.
    is_limited : bool
        True if single features were named, and nothing else is in scope.
    """

    base: BaseRun
    months: tuple[str, ...]
    features: tuple[str, ...]
    lines: tuple[CostLine, ...]
    claims: Mapping[str, Sequence[Claim]]
    hours: Mapping[str, float]
    baselines: Mapping[str, Baseline]
    register: Register
    is_limited: bool

    @property
    def count(self) -> int:
        """Return the number of months."""
        return len(self.months)

    def lines_where(self, **named: str) -> list[int]:
        """Return which lines are of a feature, model, platform or pool."""
        return [
            number
            for number, line in enumerate(self.lines)
            if all(getattr(line, f"{key}_id") == name for key, name in named.items())
        ]

    def lines_on(self, platform: str, models: Sequence[str] = ()) -> list[int]:
        """Return which lines are on a platform: of all models, or of those named."""
        return [
            number
            for number in self.lines_where(platform=platform)
            if not models or self.lines[number].model_id in models
        ]

    def feature_of(self, model: str) -> str | None:
        """Return a model's feature; for a moved model, the last charged feature."""
        own = [line for line in self.lines if line.model_id == model]
        newest = max(own, key=lambda line: (line.last_day or date.min, line.cost))
        return newest.feature_id

    def month_of(self, number: int) -> str:
        """Return a month by its number, counted from 1."""
        return self.months[number - 1]


def carried_forward(
    base: BaseRun, *, horizon_months: int, features: Sequence[str] = ()
) -> Projection:
    """Return a run carried forward.

    Parameters
    ----------
    base : BaseRun
        The run.
    horizon_months : int
        Length of the horizon.
    features : sequence of str
        Features in scope; empty: everything.

    Raises
    ------
    UsageError
        A feature is not in the run.
    """
    _refuse_unknown(base, features)
    months = _months_after(base.first_month, horizon_months)
    known = base.inputs.features
    chosen = tuple(name for name in known if not features or name in features)
    cases = _cases(base, chosen)
    return Projection(
        base,
        months,
        features=chosen,
        lines=tuple(
            line for line in base.lines if not features or line.feature_id in features
        ),
        claims={
            name: [
                _carried(claim, months)
                for claim in _going_on(cases[name], base.inputs.claims[name], base)
            ]
            for name in chosen
            if name in base.inputs.claims
        },
        baselines={name: case.baseline for name, case in cases.items()},
        hours={name: _hours(base, name) for name in chosen},
        register=_without_what_is_spent(base.inputs.register, months[0]),
        is_limited=bool(features),
    )


def _refuse_unknown(base: BaseRun, features: Sequence[str]) -> None:
    for name in features:
        if name not in base.inputs.features:
            known = known_names("features", base.inputs.features, given=name)
            raise UsageError(
                f"The scenario is about feature {name!r}, which run {base.run_id} does"
                f" not have; {known}.",
                next_step="Correct 'features', or leave it out.",
            )


def _months_after(first: str, count: int) -> tuple[str, ...]:
    last = month_start(first) + timedelta(days=31 * count)
    return months_between(first, last.strftime("%Y-%m"))[:count]


def _cases(base: BaseRun, names: Sequence[str]) -> dict[str, Case]:
    """Return the components of the returns of features, as measured."""
    given = base.inputs
    nothing = Costs({}, {})
    return {
        name: case_of(
            name,
            given.claims.get(name, ()),
            given.costs.get(name, nothing),
            given.register,
        )
        for name in names
    }


def _going_on(case: Case, claims: Sequence[Claim], base: BaseRun) -> list[Claim]:
    """Return the known effect of a feature, from which a run rate starts.

    Of several studies the last of the same units; an inconclusive study stays.
    """
    known = [valued.claim for valued in newest(case.claims)]
    known = known or [claim for claim in claims if claim.is_estimated]
    going_on = [claim for claim in claims if not claim.is_estimated]
    last = base.months[-1]
    return going_on + [
        replace(claim, status=TOO_OLD)
        if months_apart(claim.months[-1], last) > FADE_MONTHS
        else claim
        for claim in known
    ]


def _carried(claim: Claim, months: tuple[str, ...]) -> Claim:
    """Return a claim carried into the months of a horizon."""
    return carried(claim, months)[0] if claim.is_estimated else claim


def _hours(base: BaseRun, feature_id: str) -> float:
    known = base.inputs.costs.get(feature_id)
    booked = [known.hours.get(month, 0.0) for month in base.months] if known else [0.0]
    return sum(booked) / len(booked)


def _without_what_is_spent(register: Register, first_month: str) -> Register:
    first = month_start(first_month)
    return Register(
        entry
        for entry in register.entries
        if entry.kind != "integration" or entry.valid_from >= first
    )
