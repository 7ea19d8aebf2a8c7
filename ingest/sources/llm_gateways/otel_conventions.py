"""Names of OpenTelemetry attributes by the field that they fill, in every version.

The names are data with a version: ``otel_attributes.toml``. Whatever has no field is
dropped before it is stored, so the file is also the list of what may be kept.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.reading.event_rows import is_email

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Scalar = str | bool | int | float

_FILE = Path(__file__).with_name("otel_attributes.toml")
#: A longer text is no name or id.
LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Conventions:
    """Fields of spans and the attributes that fill them, newest name first.

    Parameters
    ----------
    counts, texts, identities : mapping of str to sequence of str
        Field → names of attributes. ``identities`` are inherited by spans below.
    repeating : frozenset of str
        Operations whose usage repeats that of the requests below them.
    outcomes : mapping of str to str
        Word for an outcome → ``success`` or ``failure``.
    steps : mapping of str to str
        Operation → ``tool`` or ``evaluation``, for the requests below it.
    version : int
        Version of the names.
    """

    counts: Mapping[str, tuple[str, ...]]
    texts: Mapping[str, tuple[str, ...]]
    identities: Mapping[str, tuple[str, ...]]
    repeating: frozenset[str]
    outcomes: Mapping[str, str]
    steps: Mapping[str, str]
    version: int
    wanted: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        every = (self.counts, self.texts, self.identities)
        names = {name for group in every for many in group.values() for name in many}
        object.__setattr__(self, "wanted", frozenset(names))

    def fields(self, attributes: Mapping[str, Scalar]) -> dict[str, str | int]:
        """Return the fields that attributes fill; texts of people are left out."""
        filled: dict[str, str | int] = {}
        for name, names in self.counts.items():
            count = _first(names, attributes)
            if isinstance(count, (int, float)) and count >= 0 and count == int(count):
                filled[name] = int(count)
        for group in (self.texts, self.identities):
            for name, names in group.items():
                text = _kept_text(_first(names, attributes))
                if text is not None:
                    filled[name] = text
        if "outcome" in filled:
            word = str(filled["outcome"]).lower()
            filled["outcome"] = self.outcomes.get(word, word)
        step = self.steps.get(str(filled.get("operation", "")).lower())
        if step is not None:
            filled.setdefault("step", step)
        return filled


@cache
def standard_conventions() -> Conventions:
    """Return the names that are known without any setting."""
    declared = tomllib.loads(_FILE.read_text("utf-8"))
    groups = {
        group: {name: tuple(names) for name, names in declared[group].items()}
        for group in ("counts", "texts", "identities")
    }
    operations = frozenset(declared["repeating"]["operations"])
    outcomes, steps = (
        {word: name for name, words in declared[group].items() for word in words}
        for group in ("outcomes", "steps")
    )
    return Conventions(
        **groups,
        repeating=operations,
        outcomes=outcomes,
        steps=steps,
        version=declared["version"],
    )


def conventions_with(attributes: Mapping[str, Iterable[str]]) -> Conventions:
    """Return the known names, with those of a company before them.

    Raises
    ------
    ValueError
        A field is none of the identities.
    """
    known = standard_conventions()
    unknown = set(attributes) - set(known.identities)
    if unknown:
        names = ", ".join(known.identities)
        message = f"{min(unknown)!r} is no field of a span; there are {names}"
        raise ValueError(message)
    identities = {
        name: (*attributes.get(name, ()), *names)
        for name, names in known.identities.items()
    }
    return replace(known, identities=identities)


def _first(names: Iterable[str], attributes: Mapping[str, Scalar]) -> Scalar | None:
    """Return the value of the first name that is there."""
    return next((attributes[name] for name in names if name in attributes), None)


def _kept_text(value: Scalar | None) -> str | None:
    """Return a name or an id; a long text, a line break or an address is none."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    is_kept = text.isprintable() and len(text) <= LONGEST_TEXT and not is_email(text)
    return text if is_kept and text else None
