"""Names, texts and types in Spark's SQL."""

from __future__ import annotations

_TYPES = {
    "VARCHAR": "STRING",
    "HUGEINT": "DECIMAL(38, 0)",
    "VARCHAR[]": "ARRAY<STRING>",
    "MAP(VARCHAR, VARCHAR)": "MAP<STRING, STRING>",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}


def spark_type(duckdb_type: str) -> str:
    """Return Spark's name of a type that DuckDB calls ``duckdb_type``."""
    return _TYPES.get(duckdb_type, duckdb_type)


def identifier(name: str) -> str:
    """Return ``name`` as Spark quotes it."""
    return "`" + name.replace("`", "``") + "`"


def text_literal(text: str) -> str:
    """Return ``text`` as a Spark string literal; a backslash is an escape there."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
