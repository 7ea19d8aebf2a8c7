"""Find rules that no charge reaches, because a broader rule precedes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from triptych.core.settings.complaint import Complaint
from triptych.core.settings.match import Condition, is_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triptych.core.settings.allocation import AssignmentEntry, ScopeRule
    from triptych.core.settings.match import Match

#: Operators that only a column with a value satisfies.
_OF_A_VALUE: Final = frozenset({"equals", "in", "prefix", "regex", "present"})
#: Conditions of a broader rule at most; the others are too specific to shadow many.
_CONDITIONS_AT_MOST: Final = 2


def shadowed_scope(rules: Sequence[ScopeRule]) -> Iterator[Complaint]:
    """Name each scope rule that an earlier rule keeps every charge from."""
    seen: dict[frozenset[Condition], str] = {}
    for position, rule in enumerate(rules):
        if earlier := _covering(rule.match, seen):
            yield _complaint("scope", position, "scope rule", rule.name, earlier)
        seen.setdefault(frozenset(rule.match), rule.name)


def shadowed_assignments(entries: Sequence[AssignmentEntry]) -> Iterator[Complaint]:
    """Name each assignment that an earlier entry keeps every charge from.

    An earlier entry that ends, begins or fills in its target from the charge lets some
    through, so it is left out.
    """
    seen: dict[frozenset[Condition], str] = {}
    for position, entry in enumerate(entries):
        if earlier := _covering(entry.match, seen):
            yield _complaint("assignments", position, "assignment", entry.name, earlier)
        is_dated = entry.valid_from is not None or entry.valid_to is not None
        if not is_dated and not any(is_template(name) for _, name in entry.targets()):
            seen.setdefault(frozenset(entry.match), entry.name)


def _complaint(
    section: str, position: int, kind: str, name: str, earlier: str
) -> Complaint:
    text = (
        f"{kind} {name!r} never applies: {earlier!r} before it matches all of its"
        f" charges. Move {name!r} up, or remove it."
    )
    return Complaint((section, position), text)


def _covering(match: Match, seen: dict[frozenset[Condition], str]) -> str | None:
    """Return the name of an earlier rule with conditions that these imply."""
    if not seen:
        return None
    implied = [
        *match,
        *(_present(each) for each in match if each.operator in _OF_A_VALUE),
    ]
    for count in range(_CONDITIONS_AT_MOST + 1):
        for some in combinations(implied, count):
            if (earlier := seen.get(frozenset(some))) is not None:
                return earlier
    return seen.get(frozenset(match))


def _present(condition: Condition) -> Condition:
    return Condition(column=condition.column, operator="present")
