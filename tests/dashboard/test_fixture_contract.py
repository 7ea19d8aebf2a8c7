"""The warehouse by hand has no column that a published one would not have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot

MARTS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"


def contracts() -> dict[str, set[str]]:
    """Return the columns of each public mart."""
    files = [
        yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for path in MARTS.rglob("_*.yml")
    ]
    return {
        _published_name(model): {column["name"] for column in model["columns"]}
        for content in files
        for model in content.get("models", [])
        if "columns" in model
    }


def _published_name(model: dict[str, Any]) -> str:
    name: str = model.get("config", {}).get("alias", model["name"])
    return name


def test_pages_are_tested_on_columns_that_contracts_have(snapshot: Snapshot) -> None:
    known = contracts()
    rows = snapshot.query(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns()"
        " WHERE schema_name IN ('attribution', 'core', 'cost', 'delivery')"
        " AND NOT internal"
    ).to_pylist()
    strays = [
        f"{row['schema_name']}.{row['table_name']}.{row['column_name']}"
        for row in rows
        if row["column_name"] not in known.get(row["table_name"], set())
    ]
    assert len(rows) > 300
    assert strays == []
