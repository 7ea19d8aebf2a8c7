"""``catalog.yml``: placements, portability and migrations of models.

A placement assigns a model to a platform for some days, a portability estimates the
share of a service that would have to be rebuilt elsewhere, and a migration records that
models moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.names import Name
from triptych.core.settings.problems import known_names
from triptych.core.settings.validity import (
    Day,
    ends_before_it_starts,
    overlapping_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from triptych.core.settings.document import ValuePath

PortabilityClass = Literal["portable", "portable_with_effort", "proprietary"]
#: A second stage may run elsewhere: many models are trained on another platform.
PlacedStage = Literal["serving", "training"]


class Placement(Declared):
    """The platform on which a model is served, or trained, for some days.

    A platform named by the meter itself goes first.
    """

    model: Name
    platform: Name
    stage: PlacedStage = "serving"
    valid_from: Day | None = None
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _starts_before_it_ends(self) -> Self:
        if ends_before_it_starts(self):
            text = f"ends on {self.valid_to}, which is not after {self.valid_from}."
            complaint = Complaint(("valid_to",), f"placement of {self.model!r} {text}")
            raise complaints_error([complaint])
        return self


class Portability(Declared):
    """Effort to have a service elsewhere, as somebody judged on a day.

    ``service`` is the name on the bill. A service that nobody judged is unclassified.
    """

    service: Name
    portability: PortabilityClass
    owner: Name
    judged_on: Day


class Migration(Declared):
    """A move of models from some platforms to others.

    The migration lasts from ``migration_from`` to the day before ``migration_to``. The
    assignments of ``allocation.yml`` that ``integration_rules`` names collect its
    payments; hours booked as ``integration`` from its first month on are its labour. A
    saving that does not pay for the move in ``horizon_months`` does not break even.
    """

    id: Name
    name: Name
    from_platforms: Annotated[tuple[Name, ...], Field(min_length=1)]
    to_platforms: Annotated[tuple[Name, ...], Field(min_length=1)]
    models: Annotated[tuple[Name, ...], Field(min_length=1)]
    migration_from: Day
    migration_to: Day
    integration_rules: tuple[Name, ...] = ()
    horizon_months: Annotated[int, Field(ge=1, le=120)] = 36

    @model_validator(mode="before")
    @classmethod
    def _is_called_by_its_id_without_a_name(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("name") is None and "id" in given:
            return {**given, "name": given["id"]}
        return given

    @model_validator(mode="after")
    def _moves(self) -> Self:
        complaints = []
        if self.migration_to <= self.migration_from:
            text = f"migration {self.id!r} ends on {self.migration_to},"
            complaints.append(
                Complaint(
                    ("migration_to",), f"{text} which is not after its beginning."
                )
            )
        for name in sorted(set(self.from_platforms) & set(self.to_platforms)):
            text = f"migration {self.id!r} leads from {name!r} to itself; a platform"
            complaints.append(
                Complaint(("to_platforms",), f"{text} is on one side of it.")
            )
        if complaints:
            raise complaints_error(complaints)
        return self


def unclear_moves(
    placements: Sequence[Placement],
    portability: Sequence[Portability],
    migrations: Sequence[Migration],
    *,
    models: Collection[str],
    platforms: Collection[str],
) -> Iterable[Complaint]:
    """Yield a complaint for each name that nobody declared, and each that is doubled.

    Parameters
    ----------
    placements, portability, migrations : sequences
        As the file declares them.
    models, platforms : collection of str
        The ids that it declares; without any, names are any that bills use.
    """
    keys = [f"{placement.model!r} ({placement.stage})" for placement in placements]
    for _, second in overlapping_pairs(placements, keys):
        text = f"model {keys[second]} has two platforms on the same days; valid_to is"
        yield Complaint(
            ("placements", second), f"{text} the first day that is no longer covered."
        )
    yield from _doubled("portability", "service", [p.service for p in portability])
    yield from _doubled("migrations", "migration", [one.id for one in migrations])
    named: list[tuple[ValuePath, str, str]] = []
    for position, one in enumerate(placements):
        path: ValuePath = ("placements", position)
        named += [((*path, "model"), "model", one.model)]
        named += [((*path, "platform"), "platform", one.platform)]
    for position, migration in enumerate(migrations):
        path = ("migrations", position)
        sides = {"from_platforms": migration.from_platforms}
        sides["to_platforms"] = migration.to_platforms
        named += [((*path, "models"), "model", name) for name in migration.models]
        named += [
            ((*path, key), "platform", n) for key, names in sides.items() for n in names
        ]
    known = {"model": models, "platform": platforms}
    for path, noun, name in named:
        if known[noun] and name not in known[noun]:
            names = known_names(f"{noun}s", list(known[noun]), given=name)
            yield Complaint(path, f"{path[0]} name {noun} {name!r}; {names}")


def _doubled(section: str, noun: str, names: Sequence[str]) -> Iterable[Complaint]:
    lower = [name.lower() for name in names]
    for position, name in enumerate(lower):
        if name in lower[:position]:
            text = f"{noun} {names[position]!r} appears twice."
            yield Complaint((section, position), text)


def unknown_rules(
    migrations: Sequence[Migration], rules: Sequence[str]
) -> Iterable[Complaint]:
    """Yield a complaint for each integration rule that ``allocation.yml`` lacks."""
    for position, migration in enumerate(migrations):
        for index, name in enumerate(migration.integration_rules):
            if name not in rules:
                names = known_names("assignments", sorted(set(rules)), given=name)
                text = (
                    f"migration {migration.id!r} names the assignment {name!r}, which"
                )
                yield Complaint(
                    ("migrations", position, "integration_rules", index),
                    f"{text} allocation.yml does not have; {names}",
                )
