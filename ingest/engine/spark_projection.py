"""The same canonical columns as SQL of Apache Spark.

:mod:`ingest.engine.projection` decides the meaning of a delivered value; this module
expresses it in Spark SQL, for Parquet at rest, so that both engines see the same rows
with the same amounts. Expressions assume a session in UTC with ANSI rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.notation import (
    DAY_AND_MONTH,
    GROUPED_BY_COMMA,
    OF_PROGRAMS,
    SURELY_GROUPED_BY_COMMA,
    WITH_DECIMAL_COMMA,
    DateOrder,
    Notation,
)
from ingest.streams import TAGS, TIMESTAMP
from triptych.core.errors import SettingsError
from triptych.core.warehouse.spark_evidence import UNREADABLE_ON_SPARK
from triptych.core.warehouse.spark_sql import identifier, spark_type, text_literal

if TYPE_CHECKING:
    from ingest.engine.projection import DeliveredValue, ProjectedColumn, Projection

_TIMES = ("", " H:mm", " H:mm:ss")
_DATES = {"month first": ("M/d/yy", "M/d/yyyy"), "day first": ("d/M/yy", "d/M/yyyy")}


def spark_columns(projection: Projection) -> dict[str, str]:
    """Return canonical column name → typed Spark SQL expression.

    Parameters
    ----------
    projection : Projection
        Of Parquet at rest: a JSON record has been taken apart before.

    Raises
    ------
    SettingsError
        A mapped expression has no equal in Spark.
    """
    return {
        p.column.name: _typed_value(p, projection.notation) for p in projection.columns
    }


def _typed_value(projected: ProjectedColumn, notation: Notation) -> str:
    canonical_type = projected.column.type
    if projected.origin is None:
        return f"CAST(NULL AS {spark_type(canonical_type)})"
    expression, type_ = _expression(projected.origin)
    if projected.origin.kind == "constant":
        notation = OF_PROGRAMS
    value = _to_canonical(expression, type_, canonical_type, notation)
    return f"upper({value})" if projected.column.is_currency else value


def _expression(origin: DeliveredValue) -> tuple[str, str]:
    if origin.kind == "column":
        return identifier(origin.text), origin.type
    if origin.kind == "constant":
        return text_literal(origin.text), "VARCHAR"
    return f"CAST({_translated(origin.text)} AS STRING)", "VARCHAR"


def _translated(duckdb_sql: str) -> str:
    import sqlglot

    try:
        return sqlglot.transpile(
            duckdb_sql,
            read="duckdb",
            write="spark",
            unsupported_level=sqlglot.ErrorLevel.RAISE,
        )[0]
    except sqlglot.errors.SqlglotError as error:
        raise SettingsError(
            f"The mapping {duckdb_sql!r} cannot be said in Spark's SQL.",
            next_step="Map a column of the delivery, or use simpler functions.",
        ) from error


def _to_canonical(
    expression: str, physical_type: str, canonical_type: str, notation: Notation
) -> str:
    if canonical_type == TAGS:
        return _to_tags(expression, physical_type)
    if canonical_type == TIMESTAMP:
        return _to_timestamp(expression, physical_type, notation.dates)
    if canonical_type.startswith("DECIMAL"):
        return _to_decimal(expression, physical_type, canonical_type, notation)
    if physical_type == canonical_type:
        return expression
    return f"try_cast({expression} AS {spark_type(canonical_type)})"


def _to_decimal(
    expression: str, physical_type: str, canonical_type: str, notation: Notation
) -> str:
    if physical_type == "DOUBLE":
        return _shortest_decimal(expression, canonical_type)
    if physical_type == "FLOAT":
        return _as_text(expression, canonical_type)
    if physical_type != "VARCHAR":
        return f"try_cast({expression} AS {canonical_type})"
    if notation.decimal == "comma":
        bare = f"replace(replace(trim({expression}), '.', ''), ',', '.')"
        return _where(expression, WITH_DECIMAL_COMMA, bare, canonical_type)
    plain = f"try_cast({expression} AS {canonical_type})"
    bare = f"replace(replace(trim({expression}), ',', ''), '$', '')"
    pattern = GROUPED_BY_COMMA if notation.decimal else SURELY_GROUPED_BY_COMMA
    grouped = _where(expression, pattern, bare, canonical_type)
    return f"coalesce({plain}, {grouped})"


def _where(expression: str, pattern: str, bare: str, type_: str) -> str:
    return (
        f"CASE WHEN trim({expression}) RLIKE {text_literal(pattern)}"
        f" THEN try_cast({bare} AS {type_}) END"
    )


def _shortest_decimal(value: str, canonical_type: str) -> str:
    """Return the shortest decimal of a DOUBLE, as DuckDB does.

    Texts of older Java have a digit more now and then, but never for a number with six
    decimals below a billion, which is found without a text.
    """
    units = f"rint({value} * 1000000D)"
    short = (
        f"CAST(CAST(CAST({units} AS BIGINT) AS DECIMAL(16, 0))"
        f" * CAST(0.000001 AS DECIMAL(7, 6)) AS {canonical_type})"
    )
    return (
        f"CASE WHEN abs({value}) < 1000000000D AND {units} / 1000000D = {value}"
        f" THEN {short} ELSE {_as_text(value, canonical_type)} END"
    )


def _as_text(value: str, canonical_type: str) -> str:
    """Return the decimal that the text of a binary number is.

    Not every Spark reads ``2.5E-7`` as a decimal, so the point is moved in the text.
    """
    text = f"upper(CAST({value} AS STRING))"
    exponent = f"try_cast(split_part({text}, 'E', 2) AS INT)"
    digits = f"replace(replace(split_part({text}, 'E', 1), '-', ''), '.', '')"
    sign = f"CASE WHEN {value} < 0 THEN '-' ELSE '' END"
    small = f"concat({sign}, '0.', repeat('0', -{exponent} - 1), {digits})"
    whole = f"rpad(substr({digits}, 1, {exponent} + 1), {exponent} + 1, '0')"
    large = f"concat({sign}, {whole}, '.', substr({digits}, {exponent} + 2), '0')"
    return (
        f"try_cast(CASE WHEN {exponent} IS NULL THEN {text}"
        f" WHEN {exponent} < 0 THEN {small} ELSE {large} END AS {canonical_type})"
    )


def _to_timestamp(expression: str, physical_type: str, order: DateOrder | None) -> str:
    if physical_type != "VARCHAR":
        return f"CAST({expression} AS TIMESTAMP)"
    return (
        f"CASE WHEN substr({expression}, 5, 1) = '-' AND substr({expression}, 8, 1)"
        f" = '-' THEN try_cast({expression} AS TIMESTAMP)"
        f"{_in_order(expression, order)}"
        f" WHEN {expression} RLIKE '^[0-9]{{4}}-[0-9]{{2}}$'"
        f" THEN try_cast(concat({expression}, '-01') AS TIMESTAMP) END"
    )


def _in_order(expression: str, order: DateOrder | None) -> str:
    if order is None:
        return ""
    slashed = f"replace({expression}, '.', '/')"
    moments = ", ".join(
        f"try_to_timestamp({slashed}, '{date}{time}')"
        for time in _TIMES
        for date in _DATES[order]
    )
    pattern = text_literal(DAY_AND_MONTH)
    return f" WHEN {expression} RLIKE {pattern} THEN coalesce({moments})"


def _to_tags(expression: str, physical_type: str) -> str:
    tags = spark_type(TAGS)
    if physical_type.startswith("MAP("):
        return f"CAST({expression} AS {tags})"
    if physical_type in {"VARCHAR", "JSON"}:
        return f"from_json({expression}, 'map<string,string>')"
    if physical_type.endswith("[]") and "key" in physical_type:
        return (
            f"map_from_entries(transform({expression}, entry ->"
            " struct(CAST(entry.key AS STRING), CAST(entry.value AS STRING))))"
        )
    return f"from_json(to_json({expression}), 'map<string,string>')"


__all__ = ["UNREADABLE_ON_SPARK", "spark_columns"]
