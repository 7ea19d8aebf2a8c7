"""``catalog.yml``: the models, features, teams, platforms and cost centres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.controls import PlatformControl, unclear_controls
from triptych.core.settings.identity import Identity, unclear_identities
from triptych.core.settings.match import Match
from triptych.core.settings.moves import (
    Migration,
    Placement,
    Portability,
    unclear_moves,
)
from triptych.core.settings.names import Name
from triptych.core.settings.outcomes import OutcomeMetric, repeated_outcomes
from triptych.core.settings.problems import known_names
from triptych.core.settings.validity import (
    Day,
    ends_before_it_starts,
    overlapping_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from triptych.core.settings.document import ValuePath

PlatformKind = Literal[
    "managed_kubernetes",
    "ai_native",
    "model_api",
    "data_warehouse",
    "on_premises",
    "other",
]


class _Entry(Declared):
    id: Name
    name: Name

    @model_validator(mode="before")
    @classmethod
    def _is_called_by_its_id_without_a_name(cls, given: Any) -> Any:  # noqa: ANN401
        if isinstance(given, dict) and given.get("name") is None and "id" in given:
            return {**given, "name": given["id"]}
        return given


class CostCenter(_Entry):
    """Place where finance books a cost."""


class Team(_Entry):
    """Owner of models and features."""

    cost_center: Name | None = None


class Platform(_Entry):
    """Place where models run. The first with a true ``match`` takes a charge.

    ``team`` runs it, and ``skills`` are required to run it.
    """

    kind: PlatformKind = "other"
    match: Match | None = None
    team: Name | None = None
    skills: tuple[Name, ...] = ()


class Feature(_Entry):
    """Purpose of the models."""

    team: Name | None = None


class Model(_Entry):
    """A model, for the days on which this entry holds.

    ``aliases`` are other spellings, in tags or meters, of the same model.
    ``latency_threshold_seconds`` is the maximum that most requests should take,
    ``minimum_requests_per_second`` the rate from which it counts as under load.
    """

    feature: Name | None = None
    team: Name | None = None
    aliases: tuple[Name, ...] = ()
    latency_threshold_seconds: Annotated[float, Field(gt=0)] | None = None
    minimum_requests_per_second: Annotated[float, Field(gt=0)] | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if ends_before_it_starts(self):
            text = f"model {self.id!r} is valid to {self.valid_to}, which is not after"
            complaint = Complaint(
                ("valid_to",), f"{text} valid_from {self.valid_from}."
            )
            raise complaints_error([complaint])
        return self


class Catalog(Declared):
    """Everything that ``catalog.yml`` declares; empty without the file."""

    cost_centers: tuple[CostCenter, ...] = ()
    teams: tuple[Team, ...] = ()
    platforms: tuple[Platform, ...] = ()
    features: tuple[Feature, ...] = ()
    models: tuple[Model, ...] = ()
    identities: tuple[Identity, ...] = ()
    placements: tuple[Placement, ...] = ()
    portability: tuple[Portability, ...] = ()
    migrations: tuple[Migration, ...] = ()
    controls: tuple[PlatformControl, ...] = ()
    outcomes: tuple[OutcomeMetric, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        complaints = [
            *_repeated_ids("cost_centers", "cost centre", self.cost_centers),
            *_repeated_ids("teams", "team", self.teams),
            *_repeated_ids("platforms", "platform", self.platforms),
            *_repeated_ids("features", "feature", self.features),
            *self._overlapping_models(),
            *self._ambiguous_aliases(),
            *self._unknown_references(),
            *unclear_identities(self.identities),
            *unclear_moves(
                self.placements,
                self.portability,
                self.migrations,
                models=list(dict.fromkeys(model.id for model in self.models)),
                platforms=[platform.id for platform in self.platforms],
            ),
            *repeated_outcomes(self.outcomes),
            *unclear_controls(
                self.controls, platforms=[platform.id for platform in self.platforms]
            ),
        ]
        if complaints:
            raise complaints_error(complaints)
        return self

    @property
    def model_aliases(self) -> dict[str, str]:
        """Return alias → id of its model."""
        return {
            alias: model.id
            for model in self.models
            for alias in model.aliases
            if alias != model.id
        }

    def _overlapping_models(self) -> Iterable[Complaint]:
        ids = [model.id for model in self.models]
        for first, second in overlapping_pairs(self.models, ids):
            yield Complaint(
                ("models", second),
                f"model {ids[second]!r} is declared twice for the same days"
                f" ({_days(self.models[first])} and {_days(self.models[second])});"
                " valid_to is the first day that is no longer covered.",
            )

    def _ambiguous_aliases(self) -> Iterable[Complaint]:
        owners = {model.id: model.id for model in self.models}
        for position, model in enumerate(self.models):
            for index, alias in enumerate(model.aliases):
                owner = owners.setdefault(alias, model.id)
                if owner != model.id:
                    path = ("models", position, "aliases", index)
                    text = f"alias {alias!r} of model {model.id!r} is"
                    yield Complaint(path, f"{text} also a name of model {owner!r}.")

    def _unknown_references(self) -> Iterable[Complaint]:
        if self.cost_centers:  # else they are finance's, and only named here
            yield from _unknown("teams", self.teams, "cost_center", self.cost_centers)
        yield from _unknown("features", self.features, "team", self.teams)
        if self.teams:
            yield from _unknown("platforms", self.platforms, "team", self.teams)
        yield from _unknown("models", self.models, "feature", self.features)
        yield from _unknown("models", self.models, "team", self.teams)
        for key, declared in (
            ("model", self.models), ("feature", self.features), ("team", self.teams)
        ):  # fmt: skip
            if declared:  # else they are whatever the rules call them
                yield from _unknown("identities", self.identities, key, declared)


def _repeated_ids(
    section: str, noun: str, entries: Sequence[_Entry]
) -> Iterable[Complaint]:
    seen: set[str] = set()
    for position, entry in enumerate(entries):
        if entry.id in seen:
            path: ValuePath = (section, position)
            yield Complaint(path, f"{noun} {entry.id!r} is declared twice.")
        seen.add(entry.id)


def _unknown(
    section: str,
    entries: Sequence[_Entry | Identity],
    key: str,
    declared: Sequence[_Entry],
) -> Iterable[Complaint]:
    known = [entry.id for entry in declared]
    noun = key.replace("cost_center", "cost centre")
    for position, entry in enumerate(entries):
        name = getattr(entry, key)
        if name is not None and name not in known:
            subject = f"{_called(section, entry)} names {noun} {name!r}"
            names = known_names(f"{noun}s", known, given=name)
            yield Complaint((section, position, key), f"{subject}; {names}")


def _called(section: str, entry: _Entry | Identity) -> str:
    if isinstance(entry, Identity):
        return f"{entry.kind} {entry.named!r}"
    return f"{section.removesuffix('s')} {entry.id!r}"


def _days(model: Model) -> str:
    return f"{model.valid_from or '…'} to {model.valid_to or '…'}"


__all__ = ["Catalog", "CostCenter", "Feature", "Identity", "Model", "Platform", "Team"]
