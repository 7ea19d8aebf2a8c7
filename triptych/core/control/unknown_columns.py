"""Columns that rules name and no bill has: such a rule takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.core.control.named_columns import columns_by_rule
from triptych.core.file_names import literal
from triptych.core.warehouse.inspection import ask_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings import Settings

_VIEWS = "SELECT sql FROM duckdb_views() WHERE schema_name = 'evidence'"


def unknown_columns(raw_database: Path, settings: Settings) -> list[tuple[str, str]]:
    """Return rules, each with a column that it names and no load has.

    Parameters
    ----------
    raw_database : Path
        The catalogue. Its views carry each named column that a load has.
    settings : Settings
        Settings with the rules.
    """
    named = columns_by_rule(settings)
    if not named:
        return []
    views = " ".join(str(sql) for (sql,) in ask_catalogue(raw_database, _VIEWS, []))
    return [pair for pair in named if literal(pair[1]) not in views]
