"""Find rules that no charge reaches, because a broader rule precedes."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final, TypeVar

from triptych.core.settings.complaint import Complaint
from triptych.core.settings.match import Condition, is_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from triptych.core.settings.allocation import (
        Allocation,
        Assignment,
        AssignmentEntry,
        ScopeRule,
    )
    from triptych.core.settings.match import Match

_Rule = TypeVar("_Rule", "ScopeRule", "Assignment")

#: Operators that only a column with a value satisfies.
_OF_A_VALUE: Final = frozenset({"equals", "in", "prefix", "regex", "present"})
#: Conditions of a broader rule at most; the others are too specific to shadow many.
_CONDITIONS_AT_MOST: Final = 2


def shadowed_scope(rules: Sequence[ScopeRule]) -> Iterator[Complaint]:
    """Name each scope rule that an earlier rule keeps every charge from."""
    for position, earlier in _shadowed(rules, lambda _: False):
        name, other = rules[position].name, rules[earlier].name
        yield _complaint("scope", position, "scope rule", name, other)


def shadowed_assignments(entries: Sequence[AssignmentEntry]) -> Iterator[Complaint]:
    """Name each assignment that an earlier entry keeps every charge from.

    An earlier entry that ends, begins or fills in its target from the charge lets some
    through, so it is left out.
    """
    rules = [entry.assignment() for entry in entries]
    for position, earlier in _shadowed(rules, _lets_some_through):
        name, other = rules[position].name, rules[earlier].name
        yield _complaint("assignments", position, "assignment", name, other)


def shadowed_rules(allocation: Allocation) -> list[tuple[ScopeRule | Assignment, str]]:
    """Return rules that change nothing, each with the name of the rule before it.

    A rule that decides as the earlier one does is left out.
    """
    scope, assignments = allocation.scope, allocation.assignments
    shadowed: list[tuple[ScopeRule | Assignment, str]] = [
        (scope[position], scope[earlier].name)
        for position, earlier in _shadowed(scope, lambda _: False)
        if scope[position].in_scope != scope[earlier].in_scope
    ]
    for position, earlier in _shadowed(assignments, _lets_some_through):
        rule, other = assignments[position], assignments[earlier]
        if (rule.target_kind, rule.target) != (other.target_kind, other.target):
            shadowed.append((rule, other.name))
    return shadowed


def _shadowed(
    rules: Sequence[_Rule], lets_some_through: Callable[[_Rule], bool]
) -> Iterator[tuple[int, int]]:
    """Yield positions of rules that apply to nothing, and of the rules before them."""
    seen: dict[frozenset[Condition], int] = {}
    for position, rule in enumerate(rules):
        earlier = _covering(rule.match, seen)
        if earlier is not None:
            yield position, earlier
        if not lets_some_through(rule):
            seen.setdefault(frozenset(rule.match), position)


def _lets_some_through(rule: Assignment) -> bool:
    is_dated = rule.valid_from is not None or rule.valid_to is not None
    return is_dated or is_template(rule.target)


def _complaint(
    section: str, position: int, kind: str, name: str, earlier: str
) -> Complaint:
    text = (
        f"{kind} {name!r} never applies: {earlier!r} before it matches all of its"
        f" charges. Move {name!r} up, or remove it."
    )
    return Complaint((section, position), text)


def _covering(match: Match, seen: dict[frozenset[Condition], int]) -> int | None:
    """Return the position of an earlier rule with conditions that these imply."""
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
