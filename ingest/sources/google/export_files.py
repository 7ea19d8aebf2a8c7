"""Lays files of Google's billing export flat: Parquet, JSON Lines and CSV.

Parquet stays typed. JSON Lines and CSV become CSV with the delivered text in its cells,
so that the runner converts each value once and quarantines values that it cannot read.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from typing import TYPE_CHECKING, TextIO

from ingest.connector import FileFormat, FilePart
from ingest.engine.projection import literal, quote
from ingest.reading.malformed import in_another_encoding
from ingest.sources.google.export import FIELDS, PROMOTION, ExportField
from ingest.sources.google.export_csv import UNREADABLE, damaged_cost, readers_of_header
from ingest.storage.workbooks import is_workbook, open_workbook
from triptych.core.errors import MalformedDeliveryError
from triptych.core.file_names import read_name
from triptych.core.personal import reason_of
from triptych.core.spare_engines import spare_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from ingest.sources.google.export_csv import Reader

_EXACT = "DECIMAL(38, 18)"
_CREDIT = (
    "STRUCT(name VARCHAR, full_name VARCHAR, id VARCHAR, amount VARCHAR,"
    " type VARCHAR)[]"
)
_LABELS = "STRUCT(key VARCHAR, value VARCHAR)[]"


def flatten_file(
    path: Path,
    *,
    format_: FileFormat,
    workdir: Path,
    label: str,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> FilePart:
    """Write the canonical columns of an export file below ``workdir``.

    Raises
    ------
    MalformedDeliveryError
        The file cannot be read, or has no column of the export.
    """
    if format_ == "csv":
        target = workdir / "export.csv"
        _flatten_csv(path, target, label, delimiter=delimiter, encoding=encoding)
        return FilePart(target, "csv", label, is_owned=True)
    is_json = format_ == "jsonl"
    target = workdir / ("export.csv" if is_json else "export.parquet")
    _flatten_nested(path, target, label, is_json=is_json)
    return FilePart(target, "csv" if is_json else "parquet", label, is_owned=True)


def _flatten_nested(path: Path, target: Path, label: str, *, is_json: bool) -> None:
    import duckdb

    relation = (
        f"read_json({read_name(path)}, format = 'newline_delimited',"
        f" columns = {json_columns()})"
        if is_json
        else f"read_parquet({read_name(path)})"
    )
    options = "FORMAT csv, HEADER" if is_json else "FORMAT parquet, COMPRESSION zstd"
    spill = str(target.parent / "spill")
    settings = {"memory_limit": "1GB", "temp_directory": spill}
    with spare_engine(settings) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            columns = select_nested(connection, relation, as_text=is_json)
            if not columns:
                raise _no_known_column(label)
            connection.execute(
                f"COPY (SELECT {', '.join(columns)} FROM {relation})"
                f" TO {literal(str(target))} ({options})"
            )
        except duckdb.Error as error:
            raise _malformed(reason_of(error), label) from error


def _flatten_csv(
    path: Path, target: Path, label: str, *, delimiter: str, encoding: str
) -> None:
    try:
        with (
            _open_text(path, encoding) as source,
            target.open("w", encoding="utf-8", newline="") as written,
        ):
            rows = csv.reader(source, delimiter=delimiter)
            header = next(rows, [])
            readers = readers_of_header(header)
            if not readers:
                raise _no_known_column(label, header)
            writer = csv.writer(written)
            writer.writerow(readers)
            writer.writerows(_flat_row(row, readers) for row in rows if row)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedDeliveryError(
            "The gzip file ends before its end: it was cut off on the way.",
            where=label,
            next_step="Deliver it again; what was loaded before stays current.",
        ) from error
    except UnicodeError as error:
        raise in_another_encoding(encoding, label) from error
    except csv.Error as error:
        raise _malformed(reason_of(error), label) from error


def _open_text(path: Path, encoding: str) -> TextIO:
    if is_workbook(path):
        return open_workbook(path)
    with_mark = "utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding=with_mark, newline="")
    return path.open(encoding=with_mark, newline="")


def _flat_row(
    row: Sequence[str], readers: Mapping[str, tuple[int, Reader]]
) -> list[str | None]:
    cells = {
        name: read(row[position] if position < len(row) else None)
        for name, (position, read) in readers.items()
    }
    if "cost" in cells and "credits" in readers:
        position = readers["credits"][0]
        raw = row[position] if position < len(row) else None
        cells["cost"] = damaged_cost(cells["cost"], raw)
    return list(cells.values())


def _no_known_column(label: str, header: Sequence[str] = ()) -> MalformedDeliveryError:
    single = header[0] if len(header) == 1 else ""
    other = next((mark for mark in (";", "\t", "|") if mark in single), None)
    advice = (
        f"The header is one column that contains {other!r}: set 'delimiter' to it."
        if other
        else "Deliver the standard or detailed usage cost export as it is."
    )
    return MalformedDeliveryError(
        "No column of Google's billing export is in it.", where=label, next_step=advice
    )


def _malformed(text: str, label: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"It cannot be read: {text.strip().split(chr(10), 1)[0]}",
        where=label,
        next_step="Deliver it again; what was loaded before stays current.",
    )


def json_columns() -> str:
    """Return the ``columns`` argument that reads JSON Lines without guessing."""
    top: dict[str, str] = {}
    nested: dict[str, dict[str, str]] = {}
    for field in FIELDS:
        leaf = {"labels": _LABELS}.get(field.kind, "VARCHAR")
        leaf = _CREDIT if field.path == ("credits",) else leaf
        if len(field.path) == 1:
            top[field.path[0]] = leaf
        else:
            nested.setdefault(field.path[0], {})[field.path[1]] = leaf
    for parent, children in nested.items():
        inner = ", ".join(f'"{name}" {type_}' for name, type_ in children.items())
        top[parent] = f"STRUCT({inner})"
    return "{" + ", ".join(f"'{name}': '{type_}'" for name, type_ in top.items()) + "}"


def select_nested(
    connection: DuckDBPyConnection, relation: str, *, as_text: bool = False
) -> list[str]:
    """Return ``expression AS name`` for each canonical column of a relation.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Connection that can see the relation.
    relation : str
        SQL of a relation with the export's nested columns, or with the dotted or
        underscored names that flattening tools give them.
    as_text : bool
        True if maps must be JSON text, for a file format that has no maps.
    """
    description = connection.sql(f"SELECT * FROM {relation} LIMIT 0")
    types = dict(zip(description.columns, description.types, strict=True))
    selected = []
    for field in FIELDS:
        found = _find(field, types)
        if found is not None:
            expression = _flatten(field, *found, types)
            if as_text and field.kind == "labels":
                expression = f"CAST(to_json({expression}) AS VARCHAR)"
            selected.append(f'{expression} AS "{field.name}"')
    return selected


def _find(field: ExportField, types: Mapping[str, object]) -> tuple[str, object] | None:
    folded = {name.casefold(): name for name in types}
    for spelling in (field.name, ".".join(field.path), "_".join(field.path)):
        if spelling in folded:
            name = folded[spelling]
            return quote(name), types[name]
    if field.path[0] not in folded:
        return None
    name = folded[field.path[0]]
    expression, type_ = quote(name), types[name]
    for part in field.path[1:]:
        child = _children(type_).get(part)
        if child is None:
            return None
        expression, type_ = f'{expression}."{part}"', child
    return expression, type_


def _children(type_: object) -> dict[str, object]:
    if getattr(type_, "id", "") != "struct":
        return {}
    return {name.casefold(): child for name, child in type_.children}  # type: ignore[attr-defined]


def _flatten(
    field: ExportField, path: str, type_: object, types: Mapping[str, object]
) -> str:
    listed = _as_list(path, type_)
    if field.name == "cost" and "credits" in types:
        return _readable_cost(path, type_, _as_list('"credits"', types["credits"]))
    if field.kind == "money":
        return _exact(path, type_)
    if field.kind == "month" and str(type_) in {"VARCHAR", "INTEGER", "BIGINT"}:
        text = f"CAST({path} AS VARCHAR)"
        first_day = f"{text}[1:4] || '-' || {text}[5:6] || '-01'"
        compact = f"regexp_full_match({text}, '[0-9]{{6}}')"
        return f"CASE WHEN {compact} THEN {first_day} ELSE {text} END"
    return path if listed is None else _flatten_list(field, listed)


def _flatten_list(field: ExportField, listed: str) -> str:
    if field.kind == "labels":
        return _labels_as_map(listed)
    if field.kind == "kept_credits":
        return f"CAST(to_json({listed}) AS VARCHAR)"
    if field.kind == "promotions":
        listed = f"list_filter({listed}, lambda c: c.type = '{PROMOTION}')"
    amounts = f"list_transform({listed}, lambda c: {_decimal('c.amount')})"
    return f"coalesce(list_sum({amounts}), 0)"


def _as_list(path: str, type_: object) -> str | None:
    """Return a list expression, or None: BigQuery's own Parquet wraps its lists."""
    if getattr(type_, "id", "") == "list":
        return path
    wrapped = _children(type_).get("list")
    if wrapped is not None and getattr(wrapped, "id", "") == "list":
        return f"list_transform({path}.list, lambda e: e.element)"
    return None


def _decimal(expression: str) -> str:
    return f"TRY_CAST(CAST({expression} AS VARCHAR) AS {_EXACT})"


def _exact(path: str, type_: object) -> str:
    # The shortest text of a DOUBLE has just the digits that were written into it.
    return _decimal(path) if str(type_) in {"DOUBLE", "FLOAT"} else path


def _readable_cost(path: str, type_: object, credits_list: str | None) -> str:
    """Return the cost, made unreadable where the row's credits are."""
    cost = _exact(path, type_)
    if credits_list is None:
        return cost
    bad = f"lambda c: c.amount IS NOT NULL AND {_decimal('c.amount')} IS NULL"
    damaged = f"len(list_filter({credits_list}, {bad})) > 0"
    instead = (
        f"'{UNREADABLE} ' || CAST(to_json({credits_list}) AS VARCHAR)"
        if str(type_) == "VARCHAR"
        else "NULL"
    )
    return f"CASE WHEN {damaged} THEN {instead} ELSE {cost} END"


def _labels_as_map(labels: str) -> str:
    named = f"list_filter({labels}, lambda e: e.key IS NOT NULL)"
    keys = f"list_sort(list_distinct(list_transform({named}, lambda e: e.key)))"
    values = (
        f"list_transform({keys}, lambda k: list_max(list_transform("
        f"list_filter({labels}, lambda e: e.key = k), lambda e: e.value)))"
    )
    return f"map({keys}, {values})"
