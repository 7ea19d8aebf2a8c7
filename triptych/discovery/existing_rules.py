"""The rules that a workspace has, as SQL over the classified charges of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.file_names import literal
from triptych.core.settings.columns import SOURCE_COLUMN, TAG_PREFIX
from triptych.core.settings.tag_keys import spellings
from triptych.discovery.ledger_sample import LEDGER_COLUMNS
from triptych.discovery.spend import first_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.settings.match import Condition


def any_match(matches: Sequence[Sequence[Condition]]) -> str:
    """Return SQL that checks if any of several matches holds of a charge."""
    conditions = [
        " AND ".join(_condition(each) for each in match) or "true" for match in matches
    ]
    return " OR ".join(f"({condition})" for condition in conditions) or "false"


def _condition(condition: Condition) -> str:
    column = _column(condition.column)
    values = condition.values
    listed = ", ".join(literal(value) for value in values)
    match condition.operator:
        case "present":
            return f"{column} IS NOT NULL"
        case "equals" | "in":
            return f"coalesce({column} IN ({listed}), false)"
        case "not_equals" | "not_in":
            return f"({column} IS NULL OR {column} NOT IN ({listed}))"
        case "prefix":
            parts = [f"starts_with({column}, {literal(value)})" for value in values]
        case "regex":
            parts = [f"regexp_matches({column}, {literal(value)})" for value in values]
    return f"coalesce({' OR '.join(parts)}, false)"


def _column(name: str) -> str:
    if name.startswith(TAG_PREFIX):
        return first_tag(spellings(name.removeprefix(TAG_PREFIX)))
    if name == SOURCE_COLUMN or name in LEDGER_COLUMNS or name == "billing_currency":
        return name
    # A sample has not every column of the ledger.
    return "CAST(NULL AS VARCHAR)"
