"""Bind changes to the contents of a run; missing targets are refused.

Each value of a change becomes an assumption, so that it is drawn, held at an end of its
interval and broken even as those of the register are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from attribution.costs.elasticity import NotEstimable
from attribution.roi.register import Assumed, Register, month_end, month_start
from attribution.scenarios.changes import (
    Adoption,
    Amount,
    AssumptionChange,
    Commitment,
    PlatformMove,
    Sourcing,
    StopFeature,
    TeamHours,
    Utilisation,
    Volume,
)
from triptych.core.errors import UsageError
from triptych.core.settings.problems import known_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from attribution.scenarios.changes import Change
    from attribution.scenarios.projection import Projection
    from attribution.scenarios.scenario_file import Scenario

SCENARIO: Final = "scenario"
MEASURED_ELASTICITY: Final = "measured cost elasticity"
_UNITS: Final = {
    **dict.fromkeys(
        ("one_off_cost", "migration_cost", "exit_cost", "price_per_million_tokens"),
        "{}",
    ),
    "fixed_cost_per_month": "{}/month",
    "hours_per_month": "hours/month",
}
#: A wider interval of the elasticity holds both 0 and 1, or as good as both.
_WIDEST: Final = 1.0
_PART_KINDS: Final = frozenset({"margin", "discount_rate"})


@dataclass(frozen=True, eq=False, slots=True)
class BoundChange:
    """A change with its values as assumptions, by the names of their fields."""

    name: str
    change: Change
    values: Mapping[str, Assumed]

    @property
    def most(self) -> Mapping[str, float]:
        """The largest value that a part of 1 can have, by id."""
        return {self.values[part].id: 1.0 for part in self.change.parts}


@dataclass(frozen=True, eq=False, slots=True)
class Bound:
    """A scenario that can be worked out.

    Attributes
    ----------
    projection : Projection
        With the register as the scenario has it.
    changes : tuple of BoundChange
        In the order of the file.
    replaced : mapping of str to Assumed
        Assumptions of the register as they were, by id.
    notes : tuple of str
        Notes for a reader of the changes.
    """

    projection: Projection
    changes: tuple[BoundChange, ...]
    replaced: Mapping[str, Assumed]
    notes: tuple[str, ...] = ()


def bound(scenario: Scenario, projection: Projection) -> Bound:
    """Return a scenario bound to a run.

    Raises
    ------
    UsageError
        Changes name things that the run does not have, or contradict each other; all of
        them at once.
    """
    problems = [
        *_missing(scenario, projection),
        *_competing(scenario),
        *_promised_twice(scenario, projection),
    ]
    if problems:
        raise UsageError(
            "\n".join(text if text[-1] in ".?" else f"{text}." for text in problems),
            where=scenario.name,
            next_step="Nothing was worked out. Correct the changes.",
        )
    register, replaced = _register(scenario, projection)
    found = [
        BoundChange(name, change, _values(name, change, projection))
        for name, change in scenario.named_changes
    ]
    return Bound(
        replace(projection, register=register),
        tuple(found),
        replaced,
        tuple(_notes(scenario, projection)),
    )


def _missing(scenario: Scenario, projection: Projection) -> Iterable[str]:
    for name, change in scenario.named_changes:
        for text in (
            *_unknown_targets(change, projection),
            *_lacks(change, projection),
        ):
            yield f"change {name!r} {text}"


def _unknown_targets(change: Change, projection: Projection) -> Iterable[str]:
    match = getattr(change, "match", None)
    named = match.named if match else {}
    for kind in ("feature", "model", "platform", "pool"):
        given = getattr(change, kind, None)
        named |= {kind: given} if given else {}
    lines = projection.lines
    for kind, given in named.items():
        known = {getattr(line, f"{kind}_id") for line in lines} - {None}
        known |= set(projection.features) if kind == "feature" else set()
        if given not in known:
            told = known_names(f"{kind}s", sorted(known), given=given)
            yield f"is about {kind} {given!r}, which costs nothing in the run; {told}"
            return
    if len(named) > 1 and not projection.lines_where(**named):
        told = " and ".join(f"{kind} {name!r}" for kind, name in named.items())
        yield f"is about {told}, and no cost of the run is of all of them"


def _lacks(change: Change, projection: Projection) -> Iterable[str]:
    """Yield needs of a change, except its target, that the run lacks."""
    match change:
        case Utilisation():
            yield from _not_measured(change, projection)
        case Volume() | Adoption():
            yield from _no_elasticity(change, projection)
        case AssumptionChange():
            yield from _not_in_register(change, projection.register)
        case PlatformMove():
            yield from _not_on_platform(change, projection)
        case TeamHours():
            yield from _no_labour(change, projection)
        case Sourcing():
            yield from _not_counted(change, projection)


def _not_measured(change: Utilisation, projection: Projection) -> Iterable[str]:
    if projection.base.utilisations.get(change.pool) is None:
        yield (
            f"needs the utilisation of pool {change.pool!r} now, and its active hours"
            " are not measured"
        )


def _no_elasticity(change: Volume | Adoption, projection: Projection) -> Iterable[str]:
    if change.cost_elasticity is not None:
        return
    elasticity = projection.base.elasticity
    if isinstance(elasticity, NotEstimable):
        yield (
            "needs to know how cost grows with use, which is not estimable"
            f" ({elasticity.text}); give 'cost_elasticity'"
        )
    elif elasticity.elasticity_high_90 - elasticity.elasticity_low_90 > _WIDEST:
        ends = (
            f"{elasticity.elasticity_low_90:.2f} to {elasticity.elasticity_high_90:.2f}"
        )
        yield (
            f"needs to know how cost grows with use, and what was measured ({ends})"
            " cannot tell a bill that stays from one that doubles with use; give"
            " 'cost_elasticity'"
        )


def _not_on_platform(change: PlatformMove, projection: Projection) -> Iterable[str]:
    lines = projection.lines_where(platform=change.platform)
    there = {projection.lines[number].model_id for number in lines}
    for model in change.models:
        if model not in there:
            yield f"moves model {model!r}, which is not on {change.platform!r}"


def _not_counted(change: Sourcing, projection: Projection) -> Iterable[str]:
    tokens = projection.base.tokens
    if change.model not in tokens:
        known = known_names("models with counted tokens", sorted(tokens))
        yield f"needs the tokens of {change.model!r}, which nobody counts; {known}"


def _not_in_register(change: AssumptionChange, register: Register) -> Iterable[str]:
    id_ = change.id
    ids = sorted({entry.id for entry in register.entries})
    versions = [entry for entry in register.entries if entry.id == id_]
    if not versions:
        names = known_names("assumptions", ids, given=id_)
        yield f"is about assumption {id_!r}, which the run does not have; {names}"
    elif versions[-1].kind in _PART_KINDS and change.to.most > 1:
        yield f"sets {id_!r} to {change.to.most:g}; it is a part of 1"
    elif versions[-1].kind in {"margin", "driver"} and change.to.least <= 0:
        yield f"sets {id_!r} to {change.to.least:g}; it must stay above 0"


def _no_labour(change: TeamHours, projection: Projection) -> Iterable[str]:
    """Yield the first month with hours that nothing would value."""
    for month in projection.months[change.from_month - 1 :]:
        rate = projection.register.one(
            "labour", feature_id=change.feature, month=month, approved_only=True
        )
        if rate is None:
            yield (
                f"needs an approved labour rate for {change.feature!r}, and none holds"
                f" in {month}"
            )
            return


def _competing(scenario: Scenario) -> Iterable[str]:
    """Yield conflicts of two changes with a meaningless product."""
    said = Counter(
        (change.kind, *_subject(change))
        for change in scenario.changes
        if isinstance(
            change,
            Utilisation | AssumptionChange | Sourcing | StopFeature | PlatformMove,
        )
    )
    for (kind, *subject), count in sorted(said.items()):
        if count > 1:
            told = kind.replace("_", " ")
            yield f"{count} changes are a {told} of {', '.join(subject)}; keep one"


def _promised_twice(scenario: Scenario, projection: Projection) -> Iterable[str]:
    """Yield commitments that share cost: the same spend cannot be promised twice."""
    promised = [
        (name, set(projection.lines_where(**change.match.named)))
        for name, change in scenario.named_changes
        if isinstance(change, Commitment)
    ]
    for (name, lines), (other, others) in combinations(promised, 2):
        if lines & others:
            yield f"changes {name!r} and {other!r} commit some of the same cost"


def _subject(change: Change) -> tuple[str, ...]:
    if isinstance(change, AssumptionChange):
        return (change.id,)
    for kind in ("pool", "platform", "model", "feature"):
        if named := getattr(change, kind, None):
            return (str(named),)
    return ()


def _values(name: str, change: Change, projection: Projection) -> dict[str, Assumed]:
    currency = projection.base.currency
    values = {
        field: _assumed(f"{name}: {field.replace('_', ' ')}", field, amount, currency)
        for field, amount in change.amounts.items()
        if not isinstance(change, AssumptionChange)
    }
    needs_elasticity = isinstance(change, Volume | Adoption)
    if needs_elasticity and "cost_elasticity" not in values:
        values["cost_elasticity"] = _measured_elasticity(projection)
    return values


def _assumed(id_: str, field: str, amount: Amount, currency: str) -> Assumed:
    return Assumed(
        id=id_,
        version=SCENARIO,
        kind=SCENARIO,
        value=amount.value,
        unit=_UNITS.get(field, "ratio").format(currency),
        valid_from=month_start("1970-01"),
        low=amount.low,
        high=amount.high,
        is_approved=False,
    )


def _measured_elasticity(projection: Projection) -> Assumed:
    elasticity = projection.base.elasticity
    assert not isinstance(elasticity, NotEstimable)  # noqa: S101  (refused before)
    # A bill that would fall when more is served is no law to carry forward.
    ends = (
        elasticity.elasticity_low_90,
        elasticity.elasticity,
        elasticity.elasticity_high_90,
    )
    low, value, high = (max(end, 0.0) for end in ends)
    amount = (
        Amount(value=value, low=low, high=high) if low < high else Amount(value=value)
    )
    assumption = _assumed(MEASURED_ELASTICITY, "ratio", amount, "")
    return replace(assumption, is_approved=True)


def _leaves_promises(change: PlatformMove, projection: Projection) -> bool:
    lines = projection.lines_on(change.platform, change.models)
    return any(projection.lines[n].component == "unused_commitment" for n in lines)


def _register(
    scenario: Scenario, projection: Projection
) -> tuple[Register, dict[str, Assumed]]:
    """Return the register with new versions, and the versions that they replace."""
    entries = list(projection.register.entries)
    replaced: dict[str, Assumed] = {}
    for change in scenario.changes:
        if isinstance(change, AssumptionChange):
            start = month_start(projection.month_of(change.from_month))
            old = [entry for entry in entries if entry.id == change.id]
            versions = _versions_from(old, start)
            replaced[change.id] = versions[0]
            entries = [entry for entry in entries if entry.id != change.id]
            entries += [
                replace(entry, valid_to=min(start, entry.valid_to or start))
                for entry in old
                if entry.valid_from < start
            ]
            entries += _with_value(change.to, versions, start)
    return Register(entries), replaced


def _with_value(
    to: Amount, versions: Sequence[Assumed], start: date
) -> Iterable[Assumed]:
    """Yield versions with another value: the first from a day on, without a gap."""
    starts = [start, *(later.valid_from for later in versions[1:])]
    for version, first, end in zip(versions, starts, [*starts[1:], None], strict=True):
        yield replace(
            version,
            version=SCENARIO,
            value=to.value,
            low=to.low,
            high=to.high,
            valid_from=first,
            valid_to=end,
        )


def _versions_from(versions: Sequence[Assumed], day: date) -> list[Assumed]:
    """Return the version that had begun by a day, and those that follow it.

    Approval of a value is recorded for each of them.
    """
    begun = [version for version in versions if version.valid_from <= day]
    later = [version for version in versions if version.valid_from > day]
    return [*begun[-1:], *later]


def _notes(scenario: Scenario, projection: Projection) -> Iterable[str]:
    for name, change in scenario.named_changes:
        if isinstance(change, PlatformMove) and _leaves_promises(change, projection):
            yield (
                f"{name}: what was promised to {change.platform} and is not used moves"
                " with the rest; where the promise goes on, add what it still costs."
            )
        if isinstance(change, AssumptionChange):
            known = [
                entry for entry in projection.register.entries if entry.id == change.id
            ]
            start = month_start(projection.month_of(change.from_month))
            end = month_end(projection.months[-1])
            held, *later = _versions_from(known, start)
            within = [held, *(entry for entry in later if entry.valid_from < end)]
            if not all(entry.is_approved for entry in within):
                yield (
                    f"{name}: nobody approved {change.id}; where an approved value"
                    " holds, it changes nothing."
                )
