"""Bill columns named by workspace rules, beyond those of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.control.rules import rule_sets
from triptych.core.settings.columns import DELIVERED_PREFIX
from triptych.core.settings.match import template_columns

if TYPE_CHECKING:
    from triptych.core.settings import Settings


def delivered_columns(settings: Settings) -> set[str]:
    """Return the columns of bills that rules name and the ledger has not."""
    return {column for _, column in columns_by_rule(settings)}


def columns_by_rule(settings: Settings) -> list[tuple[str, str]]:
    """Return the names of rules, each with a column that the ledger has not."""
    rules = rule_sets(settings)
    lists = ("scope_rules", "assignment_rules", "platform_rules")
    columns = {
        (str(rule["name"]), column.removeprefix(DELIVERED_PREFIX))
        for rule in (rule for name in lists for rule in rules[name])
        for column in (
            *(condition["column"] for condition in rule["match"]),
            *template_columns(str(rule.get("target", ""))),
        )
        if column.startswith(DELIVERED_PREFIX)
    }
    return sorted(columns)
