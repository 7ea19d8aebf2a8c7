"""Tag keys of models, teams, features, environments and cost centres.

Three kinds of evidence, of which none suffices alone: the name of the key, the form of
its values, and the tags they occur with. A key that only AI charges carry may name
models; values that are codes, cost centres; a few names on nearly all charges, teams;
and a value that always comes with the same team, a feature of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from triptych.core.knowledge.knowledge_base import (
    ROLES,
    Role,
    flag_values,
    role_words,
)
from triptych.core.settings.tag_keys import bare_key

if TYPE_CHECKING:
    import duckdb

#: Enough to judge a key by, and few enough to hold.
_MOST_COMBINATIONS = 20_000
_LEAST_SCORE = 0.5
_CODE = re.compile(r"[A-Za-z]{0,4}[-_ ]?\d{1,10}")
_NEARLY_ALL = 0.9
_HARDLY = Decimal("0.05")
_MOST_TEAMS = 80
_EXAMPLES = 4


@dataclass(slots=True)
class TagKey:
    """Observations on a key.

    ``money`` and ``ai_money`` are the absolute cost of the charges that carry it, by
    value.
    """

    key: str
    money: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    ai_money: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    charge_count: int = 0

    @property
    def values(self) -> list[str]:
        """Return its values, those with most money first."""
        return sorted(self.money, key=lambda value: (-self.money[value], value))

    @property
    def examples(self) -> tuple[str, ...]:
        """Return some values."""
        return tuple(self.values[:_EXAMPLES])

    def share_of_values(self, is_one: re.Pattern[str] | frozenset[str]) -> float:
        """Return how much of its values are of a kind, from 0 to 1."""
        fits = [
            value
            for value in self.money
            if (
                is_one.fullmatch(value)
                if isinstance(is_one, re.Pattern)
                else words_of(value) in is_one
            )
        ]
        return len(fits) / len(self.money) if self.money else 0.0


@dataclass(frozen=True, slots=True)
class TagRole:
    """A key and its apparent role.

    ``confidence`` runs from 0 to 1; ``reasons`` are phrases for a person.
    """

    role: Role
    key: str
    confidence: float
    reasons: tuple[str, ...]
    value_count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """Tags that occur together, and the money of the charges that carry them."""

    tags: dict[str, str]
    is_ai: bool
    money: Decimal
    charge_count: int


def combinations(connection: duckdb.DuckDBPyConnection) -> list[Combination]:
    """Return the tags of the table ``classified``, those with most money first."""
    rows = connection.execute(
        "SELECT tags, is_ai, sum(abs(billed_cost)) AS money, count(*)"
        " FROM classified WHERE tags IS NOT NULL GROUP BY tags, is_ai"
        f" ORDER BY money DESC, CAST(tags AS VARCHAR) LIMIT {_MOST_COMBINATIONS}"
    ).fetchall()
    return [
        Combination(
            {key: value for key, value in tags.items() if value}, is_ai, money, count
        )
        for tags, is_ai, money, count in rows
    ]


def tag_keys(found: list[Combination]) -> dict[str, TagKey]:
    """Return the observations on each key."""
    keys: dict[str, TagKey] = {}
    for combination in found:
        for key, value in combination.tags.items():
            seen = keys.setdefault(key, TagKey(key))
            seen.money[value] += combination.money
            seen.charge_count += combination.charge_count
            if combination.is_ai:
                seen.ai_money[value] += combination.money
    return keys


def tag_roles(found: list[Combination]) -> list[TagRole]:
    """Return the apparent roles of the keys, the likeliest of a role first.

    A key has a single role at most, in each spelling of a provider. A role has several
    keys where they are on different charges, as on the bills of several providers; of
    keys that occur together, a single key.
    """
    keys = tag_keys(found)
    candidates = sorted(
        (_judged(role, key, found) for key in keys.values() for role in ROLES),
        key=lambda candidate: (-candidate.confidence, candidate.key, candidate.role),
    )
    chosen: list[TagRole] = []
    for candidate in candidates:
        name = key_of_rules(candidate.key)
        same = [role for role in chosen if key_of_rules(role.key) == name]
        rivals = [role for role in chosen if role.role == candidate.role]
        is_taken = any(
            role.key == candidate.key or role.role != candidate.role for role in same
        )
        is_likely = candidate.confidence >= _LEAST_SCORE and not is_taken
        if is_likely and all(
            _stand_apart(candidate.key, rival.key, found) for rival in rivals
        ):
            chosen.append(candidate)
    return sorted(chosen, key=lambda role: ROLES.index(role.role))


def key_of_rules(key: str) -> str:
    """Return a key as rules name it: ``app`` finds ``user_app``, too.

    Examples
    --------
    >>> key_of_rules("user:app"), key_of_rules("aws_createdBy")
    ('app', 'aws_createdBy')
    """
    return key if key.startswith("aws") else bare_key(key)


def _stand_apart(key: str, other: str, found: list[Combination]) -> bool:
    """Return True if hardly a charge carries both keys."""
    mine = [each for each in found if key in each.tags]
    both = sum(each.money for each in mine if other in each.tags)
    return both <= _HARDLY * sum(each.money for each in mine)


def words_of(text: str) -> str:
    """Return a key or value in lower-case words.

    Examples
    --------
    >>> words_of("user:CostCenter")
    'cost center'
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", bare_key(text))
    words: list[str] = re.findall(r"[a-z0-9]+", spaced.casefold())
    return " ".join(words)


def _judged(role: Role, key: TagKey, found: list[Combination]) -> TagRole:
    by_name, name_reason = _by_name(role, key)
    by_values, value_reason = _BY_VALUES[role](key, found)
    is_possible = by_values >= 0 and key.share_of_values(flag_values()) < 1
    score = min(by_name + by_values, 1.0) if is_possible else 0.0
    reasons = tuple(reason for reason in (name_reason, value_reason) if reason)
    return TagRole(
        role, key.key, round(score, 2), reasons, len(key.money), key.examples
    )


def _by_name(role: Role, key: TagKey) -> tuple[float, str]:
    known = role_words()[role]
    words = words_of(key.key)
    if words in known.strong:
        return 0.7, f"keys called {words!r} usually name it"
    hits = [word for word in words.split() if word in known.words]
    if not hits:
        return 0.0, ""
    # The more of a key's words speak for a role, the likelier it is meant.
    share = len(hits) / len(words.split())
    return 0.4 + 0.2 * share, f"the key has the word {hits[0]!r}"


def _models(key: TagKey, _: list[Combination]) -> tuple[float, str]:
    total, of_ai = sum(key.money.values()), sum(key.ai_money.values())
    if _is_environment(key):
        return -1.0, ""
    if not of_ai:
        # Values that people tag as a model are models, also where the bill knows of no
        # AI.
        is_said = words_of(key.key) in role_words()["model"].strong
        return (0.0 if is_said else -1.0), ""
    exclusive = float(of_ai / total)
    if exclusive >= _NEARLY_ALL and len(key.ai_money) > 1:
        return 0.3, "only AI charges carry it"
    return 0.1 * exclusive, ""


def _teams(key: TagKey, found: list[Combination]) -> tuple[float, str]:
    if _is_environment(key) or key.share_of_values(_CODE) >= _NEARLY_ALL:
        return -1.0, ""
    if not 1 < len(key.money) <= _MOST_TEAMS:
        return 0.0, ""
    everything = sum(combination.money for combination in found)
    covered = float(sum(key.money.values()) / everything) if everything else 0.0
    return 0.2 * covered, f"{len(key.money)} values on {covered:.0%} of tagged cost"


def _features(key: TagKey, _: list[Combination]) -> tuple[float, str]:
    if _is_environment(key) or key.share_of_values(_CODE) >= _NEARLY_ALL:
        return -1.0, ""
    is_many = len(key.money) > 1
    return (0.15, f"{len(key.money)} values") if is_many else (0.0, "")


def _environments(key: TagKey, _: list[Combination]) -> tuple[float, str]:
    share = key.share_of_values(role_words()["environment"].values)
    if share >= _NEARLY_ALL:
        return 0.5, f"values such as {', '.join(key.examples[:2])}"
    return -1.0, ""


def _cost_centers(key: TagKey, _: list[Combination]) -> tuple[float, str]:
    if key.share_of_values(_CODE) >= _NEARLY_ALL:
        return 0.3, f"values that are codes, such as {key.examples[0]}"
    return 0.0, ""


def _is_environment(key: TagKey) -> bool:
    return key.share_of_values(role_words()["environment"].values) >= _NEARLY_ALL


_BY_VALUES = {
    "model": _models,
    "team": _teams,
    "feature": _features,
    "environment": _environments,
    "cost_center": _cost_centers,
}
