"""``scenarios/*.yml``: start, horizon and changes of a scenario.

Each problem of a file is reported with its line, and a change by its number from 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import Field, ValidationError, model_validator

from attribution.scenarios.changes import FINITE, KINDS, Change, Month
from triptych.core.declared import Declared
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.document import read_document
from triptych.core.settings.explanation import explain
from triptych.core.settings.names import Name
from triptych.core.settings.problems import TRY_AGAIN, Problems, known_names
from triptych.core.settings.secrets import refuse_secrets

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings.document import Document, ValuePath

PUBLISHED: Final = "published"
MOST_CHANGES: Final = 20


class Scenario(Declared):
    """Scenario as described by its file.

    Attributes
    ----------
    base : str
        Run that it starts from, or ``published``.
    features : tuple of str
        Features in scope; empty: everything that the bills have.
    run_rate_months : int
        Last complete months with a mean cost that is carried forward.
    discount_rate : float or None
        A year; ``None``: the value in the register of the base run.
    """

    name: Name
    author: Name | None = None
    base: Name = PUBLISHED
    horizon_months: Month
    run_rate_months: Annotated[int, Field(ge=1, le=12)] = 3
    discount_rate: Annotated[float, FINITE, Field(ge=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    features: tuple[Name, ...] = ()
    changes: Annotated[tuple[Change, ...], Field(max_length=MOST_CHANGES)] = ()

    @model_validator(mode="after")
    def _calls_changes_by_different_names(self) -> Self:
        names = [self.change_name(number) for number in range(len(self.changes))]
        found = [
            Complaint(
                ("changes", number),
                f"two changes are called {name!r}; results could not tell them apart.",
            )
            for number, name in enumerate(names)
            if name in names[:number]
        ]
        found += [
            Complaint(
                ("changes", number, "from_month"),
                f"{names[number]} begins in month {one.from_month}, after the horizon"
                f" of {self.horizon_months} months.",
            )
            for number, one in enumerate(self.changes)
            if one.from_month > self.horizon_months
        ]
        if found:
            raise complaints_error(found)
        return self

    def change_name(self, number: int) -> str:
        """Return the name of a change in results."""
        one = self.changes[number]
        if one.name:
            return one.name
        alike = [
            other
            for other in self.changes[:number]
            if not other.name and other.title == one.title
        ]
        return f"{one.title} {len(alike) + 1}" if alike else one.title

    @property
    def named_changes(self) -> list[tuple[str, Change]]:
        """Every change with its name."""
        return [(self.change_name(n), one) for n, one in enumerate(self.changes)]

    @property
    def with_names(self) -> Self:
        """The same, with a name written into every change."""
        named = tuple(
            one.model_copy(update={"name": name}) for name, one in self.named_changes
        )
        return self.model_copy(update={"changes": named})

    @property
    def content(self) -> dict[str, Any]:
        """Return the inputs of the numbers, without people's names or layout."""
        return self.model_dump(mode="json", exclude={"author", "base"})


def read_scenario(path: Path) -> Scenario:
    """Return the scenario of a file.

    Raises
    ------
    SettingsError
        The file is missing or not valid; each problem with its line.
    """
    problems = Problems(TRY_AGAIN)
    document = read_document(path, problems=problems)
    if not document.is_present:
        problems.add(path.name, None, "there is no such file.")
    problems.raise_if_any()
    if refuse_secrets(document, problems=problems):
        problems.raise_if_any()
    scenario = _scenario_of(document, problems)
    problems.raise_if_any()
    assert scenario is not None  # noqa: S101  (else there was a problem)
    return scenario


def _scenario_of(document: Document, problems: Problems) -> Scenario | None:
    if _has_unknown_kinds(document, problems):
        return None
    try:
        return Scenario.model_validate(document.data)
    except ValidationError as error:
        for complaint in explain(error, schema=Scenario, data=document.data):
            line = document.line_of(_in_file(complaint.path))
            problems.add(document.name, line, _in_words(complaint.text))
    return None


def _has_unknown_kinds(document: Document, problems: Problems) -> bool:
    changes = document.data.get("changes")
    unknown_kinds = False
    for number, one in enumerate(changes if isinstance(changes, list) else []):
        kind = one.get("kind") if isinstance(one, dict) else None
        if kind not in KINDS:
            unknown_kinds = True
            known = known_names("kinds", KINDS, given=str(kind))
            text = f"change {number + 1} is of kind {kind!r}; {known}"
            problems.add(document.name, document.line_of(("changes", number)), text)
    return unknown_kinds


def _in_words(text: str) -> str:
    """Return a complaint that counts changes from 1 and does not repeat their kind."""
    kinds = "|".join(KINDS)
    return re.sub(
        rf"\bchanges(?:\.| )(\d+)(?:\.(?:{kinds})(?=\W))?",
        lambda found: f"change {int(found[1]) + ('.' in found[0])}",
        text,
    )


def _in_file(path: ValuePath) -> ValuePath:
    """Return a path without the kind that pydantic puts behind a change's place."""
    if path[:1] == ("changes",) and path[2:3] and path[2] in KINDS:
        return (*path[:2], *path[3:])
    return path
