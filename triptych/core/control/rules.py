"""Workspace rules as dbt compiles them, with knowledge base additions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from triptych.core.knowledge.knowledge_base import service_rules
from triptych.core.knowledge.model_keys import parser_version
from triptych.core.settings.shadowing import shadowed_rules
from triptych.core.warehouse.locks import NO_HISTORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.settings import Settings
    from triptych.core.settings.allocation import Allocation
    from triptych.core.warehouse.locks import PeriodHistory

#: Type of a source with site-local numbering → its ``base_url`` by default.
SITES: Final = {
    "github": "https://api.github.com",
    "gitlab": "https://gitlab.com",
    "jira_worklogs": None,
    "mlflow": None,
}


def rule_sets(
    settings: Settings, history: PeriodHistory = NO_HISTORY
) -> dict[str, list[Any]]:
    """Return the rules by the name under which dbt looks them up."""
    allocation = settings.allocation.model_dump(mode="json")
    # Left out unless requested: the text of rules decides the models that are rebuilt.
    folding = {"folds_tag_case": True} if allocation["fold_tag_case"] else {}
    assignments = [
        {**rule, **folding, "assignment_method": _assignment_method(rule["match"])}
        for rule in allocation["assignments"]
    ]
    platforms = [
        {"name": platform["id"], "match": platform["match"], "target": platform["id"]}
        for platform in settings.catalog.model_dump(mode="json")["platforms"]
        if platform["match"] is not None
    ]
    scope = [
        {**rule, **folding, "in_scope": str(rule["in_scope"])}
        for rule in allocation["scope"]
    ]
    return {
        "scope_rules": [*scope, *_known_scope(settings.allocation)],
        "assignment_rules": assignments,
        "platform_rules": platforms,
        **_shadowed(settings.allocation),
        "hourly_pools": [
            pool["name"] for pool in allocation["pools"] if pool["interval"] == "hour"
        ],
        "token_pools": _names_of_pools(allocation, "tokens"),
        "accelerator_pools": _names_of_pools(allocation, "gpu_hours"),
        "name_parser": [parser_version()],
        **_sites(settings),
        **_settled_charges(history),
        **_task_outcomes(allocation),
    }


def _shadowed(allocation: Allocation) -> dict[str, list[Any]]:
    """Return rules that an earlier rule keeps every charge from, where there are any.

    The build adds up what they would match.
    """
    shadowed = [
        {
            **rule.model_dump(mode="json", include={"match", "valid_from", "valid_to"}),
            "says": f"Rule {rule.name!r} takes nothing: {earlier!r} before it takes all"
            f" of its charges. Move {rule.name!r} up, or remove it.",
        }
        for rule, earlier in shadowed_rules(allocation)
    ]
    return {"shadowed_rules": shadowed} if shadowed else {}


def _task_outcomes(allocation: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the rules for outcomes of tasks, where there are any."""
    outcomes = allocation["task_outcomes"]
    return {"task_outcome_rules": outcomes} if outcomes else {}


def _settled_charges(history: PeriodHistory) -> dict[str, list[Any]]:
    """Return the charges of which another delivery counts, where there are any."""
    settled = [
        {name: entry.detail[name] for name in ("load_id", "usage_month", "services")}
        for entry in history.settlements
    ]
    return {"settled_charges": settled} if settled else {}


def _sites(settings: Settings) -> dict[str, list[Any]]:
    """Return which source reads which site, where several sites of a type are read.

    Two sites give the same id to different worklogs or deployments, and the same name
    to models that have nothing in common.
    """
    sites = []
    for kind, default in SITES.items():
        of_kind = {
            source.name: _site(str(source.options.get("base_url", default)))
            for source in settings.sources
            if source.type == kind
        }
        if len(set(of_kind.values())) > 1:
            sites += [{"source": name, "site": of_kind[name]} for name in of_kind]
    return {"sites": sites} if sites else {}


def _site(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}"


def _known_scope(allocation: Allocation) -> list[dict[str, Any]]:
    """Return the knowledge base entries on charges, as rules of their scope.

    They decide after the rules of the workspace, those that give a charge to a model
    among them: hence ``is_known``. Proposals that a person left undecided take nothing
    in.
    """
    if allocation.ai_scope == "all":
        return []
    return [
        {
            "name": rule.id,
            "match": [
                {"column": column, "operator": "regex", "values": [pattern]}
                for column, pattern in rule.match.items()
            ],
            "in_scope": str(
                rule.kind != "not_ai" and rule.id not in allocation.undecided
            ),
            "is_known": True,
        }
        for rule in service_rules()
    ]


def _names_of_pools(allocation: dict[str, Any], driver: str) -> list[str]:
    return [pool["name"] for pool in allocation["pools"] if pool["driver"] == driver]


def _assignment_method(match: Sequence[dict[str, Any]]) -> str:
    columns = [condition["column"] for condition in match]
    if any(column.startswith("tags.") for column in columns):
        return "tag"
    if any(column.startswith("resource_") for column in columns):
        return "resource"
    if any("account_" in column for column in columns):
        return "account"
    return "rule"
