"""Knowledge of AI on bills: services, instances, model names, tag keys.

The knowledge itself is in the TOML files next to this, dated and with its sources. The
patterns of a rule are those of the engine (RE2) over columns of the ledger, so that the
same pattern can stand in ``allocation.yml``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, get_args

from triptych.core.errors import SettingsError
from triptych.core.settings.columns import MATCH_COLUMNS

if TYPE_CHECKING:
    from datetime import date

_FOLDER = files("triptych.core.knowledge")
#: The order decides: a cloud's own names come before those of vendors at large.
_SERVICE_FILES = (
    "services_aws.toml",
    "services_azure.toml",
    "services_google.toml",
    "services_oracle.toml",
    "services_vendors.toml",
)

Kind = Literal[
    "model_api",
    "ml_platform",
    "ai_service",
    "accelerator",
    "assistant",
    "retrieval",
    "model_operations",
    "not_ai",
]
Role = Literal["model", "team", "feature", "environment", "cost_center"]
ROLES: tuple[Role, ...] = get_args(Role)

#: Kinds with charges that may name a foundation model.
KINDS_WITH_MODELS = frozenset({"model_api", "ml_platform", "ai_service", "assistant"})


@dataclass(frozen=True, slots=True)
class ServiceRule:
    """Charges of which something is known.

    Attributes
    ----------
    id, title : str
        Id, which never changes, and common name.
    kind : str
        Kind of purchase; ``not_ai`` takes charges out of the rules below it.
    match : dict of str to str
        Column of the ledger → pattern that must be found in it.
    reviewed : date
        Date on which the file was last compared with its sources.
    """

    id: str
    title: str
    kind: Kind
    match: dict[str, str]
    reviewed: date


@dataclass(frozen=True, slots=True)
class RoleWords:
    """Words of a role in the keys of tags, and in their values."""

    words: frozenset[str]
    strong: frozenset[str]
    values: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class NameWords:
    """Words in names of models: short forms, modalities, variants, ends of names.

    ``own`` are variants of a single family, ``bare`` words need no version there.
    """

    short: dict[str, str]
    modalities: frozenset[str]
    variants: frozenset[str]
    ends: frozenset[str]
    own: dict[str, frozenset[str]]
    bare: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Spelling of a model's name, and the id built from its parts."""

    id: str
    pattern: str


@cache
def service_rules() -> tuple[ServiceRule, ...]:
    """Return the service rules, in the order in which they decide."""
    return tuple(
        _service_rule(name, entry, document["reviewed"])
        for name in _SERVICE_FILES
        for document in [_read(name)]
        for entry in document["rule"]
    )


@cache
def model_families() -> tuple[ModelFamily, ...]:
    """Return how names of models are written, in the order in which it decides."""
    entries = _read("models.toml")["family"]
    return tuple(ModelFamily(entry["id"], entry["pattern"]) for entry in entries)


@cache
def name_anchors() -> dict[str, str]:
    """Return family → pattern of name beginnings, which are read by words."""
    return {entry["name"]: entry["anchor"] for entry in _read("models.toml")["grammar"]}


@cache
def name_words() -> NameWords:
    """Return the words that names of models are made of."""
    document = _read("models.toml")
    words = document["words"]
    families = document["grammar"]
    return NameWords(
        words["short"],
        frozenset(words["modalities"]),
        frozenset(words["variants"]),
        frozenset(words["ends"]),
        {each["name"]: frozenset(each.get("own", ())) for each in families},
        {each["name"]: frozenset(each.get("bare", ())) for each in families},
    )


@cache
def role_words() -> dict[Role, RoleWords]:
    """Return the words of each role of a tag."""
    roles = _read("tags.toml")["role"]
    return {
        role: RoleWords(
            frozenset(roles[role]["words"]),
            frozenset(roles[role]["strong"]),
            frozenset(roles[role].get("values", ())),
        )
        for role in ROLES
    }


@cache
def flag_values() -> frozenset[str]:
    """Return values of tags that are switches and name nothing."""
    return frozenset(_read("tags.toml")["flags"]["values"])


def reviewed_on() -> date:
    """Return the day on which the oldest part of the knowledge was last reviewed."""
    names = (*_SERVICE_FILES, "models.toml", "tags.toml")
    days: list[date] = [_read(name)["reviewed"] for name in names]
    return min(days)


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _service_rule(name: str, entry: dict[str, Any], reviewed: date) -> ServiceRule:
    rule = ServiceRule(
        entry["id"], entry["title"], entry["kind"], dict(entry["match"]), reviewed
    )
    unknown = set(rule.match) - set(MATCH_COLUMNS)
    if unknown or rule.kind not in get_args(Kind):
        raise SettingsError(
            f"Rule {rule.id!r} of the knowledge base names what does not exist:"
            f" {', '.join(sorted(unknown)) or rule.kind}.",
            where=name,
            next_step="Correct the file of the knowledge base.",
        )
    return rule
