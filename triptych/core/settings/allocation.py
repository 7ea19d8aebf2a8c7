"""``allocation.yml``: scope of AI spend, its owners, division of pools."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.match import Match, is_template, template_problem
from triptych.core.settings.names import Name
from triptych.core.settings.problems import known_names
from triptych.core.settings.shadowing import shadowed_assignments, shadowed_scope
from triptych.core.settings.validity import (
    Day,
    ends_before_it_starts,
    overlapping_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from triptych.core.settings.catalog import Catalog
    from triptych.core.settings.document import ValuePath

TargetKind = Literal["model", "feature", "team", "pool"]
TARGET_KINDS: tuple[TargetKind, ...] = ("model", "feature", "team", "pool")
LifecycleStage = Literal["training", "serving", "experimentation", "data", "unknown"]
Driver = Literal[
    "gpu_hours",
    "cpu_memory_hours",
    "requests",
    "tokens",
    "direct_cost",
    "even",
    "fixed",
]

#: Default of AI spend where no rule of ``scope`` decides.
AiScope = Literal["known", "all"]

_WHOLE = Decimal(100)
#: More than the engine keeps would make the shares sum to something else than 1.
_PERCENTAGE_DECIMALS = 8


#: Word of an event, as spans are kept: in lower case.
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_. -]{0,49}$")]


class ScopeRule(Declared):
    """Rule that includes or excludes charges as AI spend; first match wins."""

    name: Name
    match: Match
    in_scope: bool = True


class Assignment(Declared):
    """Gives the charges it matches to a target; the first match decides."""

    name: Name
    match: Match
    valid_from: Day | None = None
    valid_to: Day | None = None
    lifecycle_stage: LifecycleStage = "unknown"
    target_kind: TargetKind
    target: Name


class AssignmentEntry(Declared):
    """An assignment as the file writes it, with its target under the target's kind."""

    name: Name
    match: Match
    valid_from: Day | None = None
    valid_to: Day | None = None
    lifecycle_stage: LifecycleStage = "unknown"
    model: Name | None = None
    feature: Name | None = None
    team: Name | None = None
    pool: Name | None = None

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        complaints = [*self._target_complaints(), *self._validity_complaints()]
        if complaints:
            raise complaints_error(complaints)
        return self

    def targets(self) -> list[tuple[TargetKind, str]]:
        """Return every given target, of which there must be exactly 1."""
        given = [(kind, getattr(self, kind)) for kind in TARGET_KINDS]
        return [(kind, target) for kind, target in given if target is not None]

    def assignment(self) -> Assignment:
        """Return the rule in the form that everything else uses."""
        [(kind, target)] = self.targets()
        return Assignment(
            name=self.name,
            match=self.match,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            lifecycle_stage=self.lifecycle_stage,
            target_kind=kind,
            target=target,
        )

    def _target_complaints(self) -> Iterable[Complaint]:
        targets = self.targets()
        kinds = ", ".join(TARGET_KINDS)
        if not targets:
            yield Complaint(
                (), f"assignment {self.name!r} has no target; give one of {kinds}."
            )
        elif len(targets) > 1:
            given = " and ".join(kind for kind, _ in targets)
            text = f"assignment {self.name!r} has {given}; give exactly one of {kinds}."
            yield Complaint((targets[1][0],), text)
        for kind, target in targets:
            if problem := self._target_problem(kind, target):
                text = f"assignment {self.name!r}: {problem}"
                yield Complaint((kind,), text)

    @staticmethod
    def _target_problem(kind: TargetKind, target: str) -> str:
        if kind == "pool" and is_template(target):
            return f"pool {target!r} must be the name of a pool, not a template."
        return template_problem(target)

    def _validity_complaints(self) -> Iterable[Complaint]:
        if ends_before_it_starts(self):
            text = f"assignment {self.name!r} is valid to {self.valid_to}, which is"
            yield Complaint(("valid_to",), f"{text} not after {self.valid_from}.")


def _to_percentage(given: object) -> object:
    return given.strip().removesuffix("%").strip() if isinstance(given, str) else given


Percentage = Annotated[
    Decimal,
    BeforeValidator(_to_percentage),
    Field(ge=0, le=100, allow_inf_nan=False, decimal_places=_PERCENTAGE_DECIMALS),
]


class Pool(Declared):
    """Shared cost and the driver by which models divide it."""

    name: Name
    driver: Driver
    idle: Literal["show", "distribute"] = "show"
    interval: Literal["day", "hour"] = "day"
    kind: Literal["shared", "overhead"] = "shared"
    team: Name | None = None
    idle_payer: Name | None = None
    percentages: dict[Name, Percentage] = Field(default_factory=dict)
    allocates_only: bool = False

    @model_validator(mode="after")
    def _percentages_fit_the_driver(self) -> Self:
        if problem := self._percentages_problem():
            text = f"pool {self.name!r}: {problem}"
            raise complaints_error([Complaint(("percentages",), text)])
        return self

    @model_validator(mode="after")
    def _counts_something_else(self) -> Self:
        if self.allocates_only and self.driver not in ("requests", "tokens"):
            text = (
                f"pool {self.name!r}: allocates_only is for drivers 'requests' and"
                f" 'tokens', not for {self.driver!r}."
            )
            raise complaints_error([Complaint(("allocates_only",), text)])
        return self

    def _percentages_problem(self) -> str:
        if self.driver != "fixed":
            if not self.percentages:
                return ""
            return f"percentages belong to driver 'fixed', not to {self.driver!r}."
        if not self.percentages:
            return "driver 'fixed' needs percentages, such as {eta: 40, vision: 60}."
        total = sum(self.percentages.values(), Decimal())
        if total != _WHOLE:
            return f"percentages sum to {total.normalize():f}, not to 100."
        return ""


class Policies(Declared):
    """Treatment of money that no model caused by itself."""

    unused_commitment: Literal["show", "owner", "distribute"] = "show"
    tax: Literal["show", "proportional"] = "show"
    credit: Literal["show", "proportional"] = "show"


class TaskOutcome(Declared):
    """Event of a task that is a success, unless another one follows within days.

    Both are values of ``triptych.task.outcome`` that mean no outcome by themselves.
    """

    success: Word
    unless: Word | None = None
    within_days: Annotated[int, Field(ge=0, le=366)] = 7
    agent: Name | None = None


class Allocation(Declared):
    """The rules of ``allocation.yml``, ready to be compiled.

    ``scope`` is empty where the file has no such key. A charge that none of its rules
    matches is AI spend, where ``ai_scope`` is ``known``, if an assignment gives it to a
    model or the knowledge base knows it; where it is ``all``, if there are no rules at
    all. ``undecided`` are entries of the knowledge base that a person has skipped: they
    take nothing in until somebody accepts them. ``fold_tag_case`` merges ``Team`` and
    ``team`` into the same key of a tag.
    """

    scope: tuple[ScopeRule, ...] = ()
    ai_scope: AiScope = "all"
    undecided: tuple[str, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    pools: tuple[Pool, ...] = ()
    policies: Policies = Policies()
    task_outcomes: tuple[TaskOutcome, ...] = ()
    fold_tag_case: bool = False


class AllocationFile(Declared):
    """``allocation.yml`` as it is written."""

    scope: tuple[ScopeRule, ...] | None = None
    ai_scope: AiScope = "all"
    undecided: tuple[str, ...] = ()
    assignments: tuple[AssignmentEntry, ...] = ()
    pools: tuple[Pool, ...] = ()
    policies: Policies = Policies()
    task_outcomes: tuple[TaskOutcome, ...] = ()
    fold_tag_case: bool = False

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        complaints = [
            *self._scope_complaints(),
            *self._repeated_names(),
            *self._unknown_pools(),
        ]
        if complaints:
            raise complaints_error(complaints)
        return self

    def allocation(self) -> Allocation:
        """Return the rules in the form that everything else uses."""
        return Allocation(
            scope=self.scope or (),
            ai_scope=self.ai_scope,
            undecided=self.undecided,
            assignments=tuple(entry.assignment() for entry in self.assignments),
            pools=self.pools,
            policies=self.policies,
            task_outcomes=self.task_outcomes,
            fold_tag_case=self.fold_tag_case,
        )

    def _scope_complaints(self) -> Iterable[Complaint]:
        if self.scope == ():
            text = "scope is an empty list, which says nothing; leave the key out, and"
            text = f"{text} say ai_scope: known, or all for the whole bill."
            yield Complaint(("scope",), text)
        names = [rule.name for rule in self.scope or ()]
        for position, name in enumerate(names):
            if name in names[:position]:
                path = ("scope", position)
                yield Complaint(path, f"scope rule {name!r} appears twice.")

    def _repeated_names(self) -> Iterable[Complaint]:
        names = [entry.name for entry in self.assignments]
        for _, second in overlapping_pairs(self.assignments, names):
            text = f"assignment {names[second]!r} appears twice for the same days."
            yield Complaint(("assignments", second), text)
        pools = [pool.name for pool in self.pools]
        for position, name in enumerate(pools):
            if name in pools[:position]:
                yield Complaint(
                    ("pools", position), f"pool {name!r} is declared twice."
                )

    def _unknown_pools(self) -> Iterable[Complaint]:
        pools = [pool.name for pool in self.pools]
        for position, entry in enumerate(self.assignments):
            if entry.pool is not None and entry.pool not in pools:
                known = known_names("pools", pools, given=entry.pool)
                text = f"assignment {entry.name!r} names pool {entry.pool!r}; {known}"
                yield Complaint(("assignments", position, "pool"), text)


def unknown_owners(
    allocation: dict[str, Any], *, catalog: dict[str, Any]
) -> Iterable[Complaint]:
    """Name each feature and team that a rule gives cost to and nobody declared.

    Both are the files as written: errors elsewhere in them hide nothing.
    """
    declared = {
        "feature": [entry.get("id") for entry in _mappings(catalog, "features")],
        "team": [entry.get("id") for entry in _mappings(catalog, "teams")],
    }
    for position, entry in enumerate(_mappings(allocation, "assignments")):
        for kind, ids in declared.items():
            target = entry.get(kind)
            if not isinstance(target, str) or is_template(target) or target in ids:
                continue
            names = known_names(f"{kind}s", filter(None, ids), given=target)
            text = f"assignment {entry.get('name')!r} names {kind} {target!r}; {names}"
            yield Complaint(("assignments", position, kind), text)
    yield from _unknown_in_pools(allocation, "team", "team", declared["team"])
    centers = [entry.get("id") for entry in _mappings(catalog, "cost_centers")]
    if centers:  # else they are finance's, and only named
        yield from _unknown_in_pools(allocation, "idle_payer", "cost centre", centers)


def _unknown_in_pools(
    allocation: dict[str, Any], key: str, kind: str, ids: Sequence[str | None]
) -> Iterable[Complaint]:
    for position, entry in enumerate(_mappings(allocation, "pools")):
        named = entry.get(key)
        if isinstance(named, str) and named not in ids:
            names = known_names(f"{kind}s", filter(None, ids), given=named)
            text = f"pool {entry.get('name')!r} names {kind} {named!r}; {names}"
            yield Complaint(("pools", position, key), text)


def _mappings(data: dict[str, Any], section: str) -> list[dict[str, Any]]:
    entries = data.get(section)
    if not isinstance(entries, list):
        return []
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def doubts(file: AllocationFile, *, catalog: Catalog) -> Iterable[Complaint]:
    """Name entries that are allowed but probably not meant."""
    yield from shadowed_scope(file.scope or ())
    yield from shadowed_assignments(file.assignments)
    assigned = {entry.pool for entry in file.assignments}
    path: ValuePath
    for position, pool in enumerate(file.pools):
        if pool.name not in assigned:
            text = f"pool {pool.name!r} is never used: no assignment names it."
            yield Complaint(("pools", position), text)
        for model in pool.percentages:
            path = ("pools", position, "percentages", model)
            yield from _undeclared_model(f"pool {pool.name!r}", model, path, catalog)
    for position, entry in enumerate(file.assignments):
        if entry.model is not None and not is_template(entry.model):
            path = ("assignments", position, "model")
            subject = f"assignment {entry.name!r}"
            yield from _undeclared_model(subject, entry.model, path, catalog)


def _undeclared_model(
    subject: str, model: str, path: ValuePath, catalog: Catalog
) -> Iterable[Complaint]:
    known = [*(entry.id for entry in catalog.models), *catalog.model_aliases]
    if known and model not in known:
        names = known_names("models", known, given=model)
        text = f"{subject} names model {model!r}, which catalog.yml does not declare"
        yield Complaint(path, f"{text}; {names}")
