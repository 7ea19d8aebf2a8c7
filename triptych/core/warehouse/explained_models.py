"""Build metadata kept in a published file, to explain each figure.

The SQL of every model as the run compiled it, the meaning of its columns, the evidence
views, the current loads with the checksums of their files, and the inputs of the run.
All of it describes the run that published the file, regardless of later events.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from triptych.core.lake.bulk_rows import append_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

#: Tables of the control schema that are the build's own memory, not the run's input.
_MEMORY_OF_BUILDS = ("built_months", "built_recipe", "months_to_build")
#: Output of ``in_months_to_build``: the months that a build replaces.
_MONTHS_TO_BUILD = re.compile(
    r"\b(?:where|and)\s+/\* months to build: [^*]*\*/.*?/\* :months to build \*/",
    re.DOTALL,
)

_TABLES = """
CREATE TABLE lineage.models (position INTEGER, model_name VARCHAR,
  schema_name VARCHAR, materialization VARCHAR, is_public BOOLEAN,
  description VARCHAR, grain VARCHAR, never_added_over VARCHAR[], sql VARCHAR,
  upstream VARCHAR[], sources VARCHAR[]);
CREATE TABLE lineage.model_columns (position INTEGER, model_name VARCHAR,
  column_name VARCHAR, description VARCHAR, formula VARCHAR, numerator VARCHAR,
  denominator VARCHAR);
CREATE TABLE lineage.evidence AS
  SELECT view_name AS stream, sql FROM duckdb_views()
  WHERE database_name = 'raw' AND schema_name = 'evidence';
CREATE TABLE lineage.loads AS
  SELECT load_id, source, stream, scope, period, label, origins, checksums, files,
    row_count, quarantined_row_count, loaded_at
  FROM raw.catalogue.loads WHERE status = 'current';
CREATE TABLE lineage.load_months AS
  SELECT DISTINCT load_id, billing_month
  FROM raw.catalogue.load_totals JOIN lineage.loads USING (load_id);
"""
#: Catalogue data that models read, as the run found it; not other data kept there.
_CATALOGUE = {
    "loads": "load_id, source, stream, scope, period, status, row_count,"
    " quarantined_row_count, loaded_at, label",
    "load_totals": "load_id, billing_month, currency, row_count, first_amount,"
    " second_amount",
    "quarantine": "* EXCLUDE (row_content)",
    "sources": "* EXCLUDE (last_error)",
}


def write_explained_models(
    connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any] | None
) -> None:
    """Write the schema ``lineage`` of a new file but for the views of a drill-down.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        On the new file, with ``build`` and ``raw`` attached and the schema there.
    manifest : mapping, optional
        dbt's metadata of the models of the run that built ``build``; without it figures
        are published without an explanation.
    """
    connection.execute(_TABLES)
    for name, kept in _CATALOGUE.items():
        connection.execute(
            f"CREATE TABLE lineage.catalogue_{name} AS"
            f" SELECT {kept} FROM raw.catalogue.{name}"
        )
    _write_files_at_rest(connection)
    _write_control(connection)
    if manifest is None:
        return
    append_explained_models(connection, list(_in_order(manifest)))


def append_explained_models(
    connection: duckdb.DuckDBPyConnection, models: Sequence[Mapping[str, Any]]
) -> None:
    """Add models to those that the file explains, each after those it is made of.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        On the new file.
    models : sequence of mapping
        Nodes of dbt's manifest.
    """
    [(first,)] = connection.execute("SELECT count(*) FROM lineage.models").fetchall()
    rows = [_model_row(position, node) for position, node in enumerate(models, first)]
    append_rows(connection, "lineage.models", rows)
    columns = [row for node in models for row in _column_rows(node)]
    append_rows(connection, "lineage.model_columns", columns)


def _write_files_at_rest(connection: duckdb.DuckDBPyConnection) -> None:
    columns = "load_id, file, byte_count, checksum"
    known = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'raw'"
        " AND schema_name = 'catalogue' AND table_name = 'files_at_rest'"
    ).fetchone()
    origin = "raw.catalogue.files_at_rest JOIN lineage.loads USING (load_id)"
    if not known or not known[0]:  # a catalogue from before they were written down
        origin = (
            "(SELECT '' AS load_id, '' AS file, 0::BIGINT AS byte_count,"
            " '' AS checksum) WHERE false"
        )
    connection.execute(
        f"CREATE TABLE lineage.files_at_rest AS SELECT {columns} FROM {origin}"
    )


def _write_control(connection: duckdb.DuckDBPyConnection) -> None:
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables()"
        " WHERE database_name = 'build' AND schema_name = 'control'"
    ).fetchall()
    for (name,) in tables:
        if name not in _MEMORY_OF_BUILDS:
            connection.execute(
                f'CREATE TABLE lineage."control_{name}" AS FROM build.control."{name}"'
            )


def _in_order(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the models, each after those it is made of."""
    models = {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    }
    seen: set[str] = set()

    def visit(key: str) -> Iterator[Mapping[str, Any]]:
        if key in seen or key not in models:
            return
        seen.add(key)
        for parent in models[key]["depends_on"]["nodes"]:
            yield from visit(parent)
        yield models[key]

    for key in sorted(models):
        yield from visit(key)


def _model_row(position: int, node: Mapping[str, Any]) -> list[Any]:
    parents = node["depends_on"]["nodes"]
    compiled = node.get("compiled_code")
    return [
        position,
        node["name"],
        node["config"].get("schema") or node["schema"],
        node["config"]["materialized"],
        node.get("access") == "public",
        node["description"],
        node["meta"].get("grain"),
        node["meta"].get("never_added_over") or [],
        _MONTHS_TO_BUILD.sub("", compiled) if compiled else None,
        [name.rsplit(".", 1)[1] for name in parents if name.startswith("model.")],
        [name.split(".", 2)[2] for name in parents if name.startswith("source.")],
    ]


def _column_rows(node: Mapping[str, Any]) -> Iterator[list[Any]]:
    for position, column in enumerate(node["columns"].values()):
        meta = column.get("meta") or {}
        told = [meta.get(name) for name in ("formula", "numerator", "denominator")]
        of = [position, node["name"], column["name"], column["description"]]
        yield [*of, *told]
