"""Project delivered columns onto a stream's canonical columns, as SQL.

A single place decides how a delivered value becomes a canonical value: evidence views,
row checks and the conversion of text files all use the same expressions, so a row that
passes the check is exactly the row that the models see.

Every expression is DuckDB SQL over the columns of a single physical schema.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal, cast

import duckdb

from ingest.notation import (
    OF_PROGRAMS,
    Notation,
    is_number,
    moment_from_text,
    number_from_text,
)
from ingest.streams import TAGS, TEXT, TIMESTAMP, Column, Stream
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.connector import LandingOptions

#: Spellings of "no value" met in real exports and in the FOCUS examples.
NULL_SPELLINGS = ("", "NULL", "null", "(null)", "None")

#: Integer types, and the number of digits of the longest value. Not every number of so
#: many digits fits the type, but every number with a digit less does.
_INTEGER_DIGITS = {"TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}

#: Column that holds a JSON record per row of a JSON Lines file.
RECORD_COLUMN = "record"


@dataclass(frozen=True, slots=True)
class DeliveredValue:
    """Location of a value in a physical schema.

    ``text`` is the name of a column, a computed expression in DuckDB's SQL, the
    member of a JSON record or a constant, by ``kind``. ``type`` is the DuckDB type,
    ``EXPRESSION`` where it is only known when the expression runs.
    """

    kind: Literal["column", "expression", "record", "constant"]
    text: str
    type: str

    def sql(self) -> str:
        """Return the value as DuckDB SQL."""
        if self.kind == "column":
            return quote(self.text)
        if self.kind == "constant":
            return literal(self.text)
        if self.kind == "record":
            path = f'$."{self.text}"'
            return f"{RECORD_COLUMN}->>{literal(path)}"
        return f"({self.text})"


@dataclass(frozen=True, slots=True)
class ProjectedColumn:
    """A canonical column and where it comes from.

    ``value`` is the typed expression; ``delivered`` is true if the row had any value at
    all, to distinguish *missing* from *unreadable*. ``origin`` is the source of both,
    from which other engines build theirs.
    """

    column: Column
    value: str
    delivered: str
    origin: DeliveredValue | None

    @property
    def is_absent(self) -> bool:
        """True if the delivery has no such column."""
        return self.origin is None

    @property
    def can_be_unreadable(self) -> bool:
        """True if it is used in computation and delivered values may not parse."""
        is_computed = (
            self.column.type not in {TEXT, TAGS} and not self.column.is_list_price
        )
        return (
            is_computed
            and self.origin is not None
            and not _always_fits(self.origin.type, self.column.type)
        )

    @property
    def can_be_signed(self) -> bool:
        """True if it is a number in text, which may contain a currency sign."""
        return (
            self.origin is not None
            and self.origin.kind != "constant"
            and self.origin.type in {"VARCHAR", "EXPRESSION"}
            and is_number(self.column.type)
            and (self.column.is_required or self.can_be_unreadable)
        )


@dataclass(frozen=True, slots=True)
class Projection:
    """All canonical columns of a stream over a single physical schema."""

    columns: tuple[ProjectedColumn, ...]
    notation: Notation = field(default_factory=Notation)

    def written_in(self, notation: Notation) -> Projection:
        """Return the same columns of a file that is written otherwise."""
        columns = (_project_column(p.column, p.origin, notation) for p in self.columns)
        return Projection(tuple(columns), notation)

    def texts(self) -> dict[str, tuple[str, str]]:
        """Return SQL and canonical type of numbers and moments held as text."""
        return {
            p.column.name: (p.origin.sql(), p.column.type)
            for p in self.columns
            if p.origin is not None
            and p.origin.kind != "constant"
            and p.origin.type in {"VARCHAR", "EXPRESSION"}
            and (is_number(p.column.type) or p.column.type == TIMESTAMP)
        }

    @property
    def missing_columns(self) -> tuple[str, ...]:
        """Names of required and expected columns that the delivery does not have."""
        return tuple(
            projected.column.name
            for projected in self.columns
            if projected.is_absent
            and (projected.column.is_required or projected.column.is_expected)
        )

    @property
    def absent_columns(self) -> tuple[str, ...]:
        """Names of all canonical columns that the delivery does not have."""
        return tuple(p.column.name for p in self.columns if p.is_absent)

    def select_list(self) -> str:
        """Return the canonical columns as the body of a SELECT."""
        return ", ".join(f"{p.value} AS {quote(p.column.name)}" for p in self.columns)


@dataclass(frozen=True, slots=True)
class _Delivered:
    """Columns of a physical schema, or the members of its records."""

    by_folded_name: Mapping[str, DeliveredValue]
    holds_records: bool


def quote(identifier: str) -> str:
    """Return ``identifier`` quoted for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def project(
    stream: Stream,
    physical: Mapping[str, str],
    options: LandingOptions,
    *,
    members: Sequence[str] = (),
) -> Projection:
    """Map a physical schema to a stream's canonical columns.

    Parameters
    ----------
    stream : Stream
        Stream that the rows should conform to.
    physical : mapping of str to str
        Delivered column name → DuckDB type name.
    options : LandingOptions
        Declared mapping and defaults of the source. A mapped expression wins over
        a column of the same name, a delivered column over a default.
    members : sequence of str
        Of records in JSON, the names of all members that any record has; they are
        found like columns.

    Returns
    -------
    Projection
        An entry per canonical column, absent columns as typed NULL.
    """
    delivered = _Delivered(
        _members_found(members) if members else _columns_found(physical),
        holds_records=set(physical) == {RECORD_COLUMN},
    )
    return Projection(
        tuple(
            _project_column(
                column, _find_delivered(column, delivered, options), options.notation
            )
            for column in stream.columns
        ),
        options.notation,
    )


def _project_column(
    column: Column, origin: DeliveredValue | None, notation: Notation
) -> ProjectedColumn:
    if origin is None:
        return ProjectedColumn(column, f"CAST(NULL AS {column.type})", "false", None)
    expression = origin.sql()
    notation = OF_PROGRAMS if origin.kind == "constant" else notation
    value = to_canonical(expression, origin.type, column.type, notation)
    if column.is_currency:
        value = f"upper({value})"
    return ProjectedColumn(column, value, _is_delivered(column, origin), origin)


def _is_delivered(column: Column, origin: DeliveredValue) -> str:
    """Return SQL that is true if a row has a value; empty text is no value."""
    is_computed = column.type not in {TEXT, TAGS}
    if is_computed and origin.type == "VARCHAR":
        return _is_no_blank(origin.sql())
    if is_computed and origin.type == "EXPRESSION":
        return _is_no_blank(f"CAST({origin.sql()} AS VARCHAR)")
    return f"({origin.sql()}) IS NOT NULL"


def _is_no_blank(text: str) -> str:
    # Only a value that begins with a space has to be trimmed, and few values do.
    return f"CASE WHEN ({text}) >= '!' THEN true ELSE trim({text}) <> '' END"


def _columns_found(physical: Mapping[str, str]) -> dict[str, DeliveredValue]:
    return {
        name.casefold(): DeliveredValue("column", name, type_)
        for name, type_ in physical.items()
    }


def _members_found(members: Sequence[str]) -> dict[str, DeliveredValue]:
    """Return members of records by their folded names.

    Records need not spell a name alike, so the first that has a value counts.
    """
    spellings: dict[str, list[DeliveredValue]] = defaultdict(list)
    for name in members:
        member = DeliveredValue("record", name, "VARCHAR")
        spellings[name.casefold()].append(member)
    return {name: _first_of(values) for name, values in spellings.items()}


def _first_of(values: Sequence[DeliveredValue]) -> DeliveredValue:
    if len(values) == 1:
        return values[0]
    text = f"coalesce({', '.join(value.sql() for value in values)})"
    return DeliveredValue("expression", text, "VARCHAR")


def _find_delivered(
    column: Column, delivered: _Delivered, options: LandingOptions
) -> DeliveredValue | None:
    if column.name in options.mapping:
        mapped = options.mapping[column.name]
        named = delivered.by_folded_name.get(mapped.strip('"').casefold())
        return named or DeliveredValue("expression", mapped, "EXPRESSION")
    spellings = (name.casefold() for name in (column.name, *column.aliases))
    found = [
        delivered.by_folded_name[spelling]
        for spelling in dict.fromkeys(spellings)
        if spelling in delivered.by_folded_name
    ]
    if found:
        return _first_of(found) if delivered.holds_records else found[0]
    if column.name in options.defaults:
        return DeliveredValue("constant", options.defaults[column.name], "VARCHAR")
    if delivered.holds_records and set(delivered.by_folded_name) == {RECORD_COLUMN}:
        # Nothing is known of the records: there may be none.
        return DeliveredValue("record", column.name, "VARCHAR")
    return None


@cache
def _always_fits(physical: str, canonical: str) -> bool:
    """Return True if each value of a type fits another type with all digits."""
    if physical == canonical:
        return True
    precision, scale = _digits(physical)
    most, most_scale = _digits(canonical)
    if canonical in _INTEGER_DIGITS and physical not in _INTEGER_DIGITS:
        most -= 1
    return 0 < precision - scale <= most - most_scale and scale <= most_scale


def _digits(name: str) -> tuple[int, int]:
    """Return how many digits a decimal type has, and how many after the point."""
    if name.startswith("DECIMAL("):
        children = cast("list[tuple[str, int]]", duckdb.type(name).children)
        (_, precision), (_, scale) = children
        return precision, scale
    return _INTEGER_DIGITS.get(name, 0), 0


def to_canonical(
    expression: str,
    physical_type: str,
    canonical_type: str,
    notation: Notation = OF_PROGRAMS,
) -> str:
    """Return ``expression`` converted to a canonical type; unreadable gives NULL."""
    if physical_type.replace(" ", "") == canonical_type.replace(" ", ""):
        return expression
    if physical_type == "EXPRESSION":
        # The type of a computed expression is only known when it runs.
        text = f"CAST({expression} AS VARCHAR)"
        return to_canonical(text, "VARCHAR", canonical_type, notation)
    if canonical_type == TAGS:
        return _to_tags(expression, physical_type)
    if physical_type == "VARCHAR":
        return _from_text(expression, canonical_type, notation)
    return _from_typed(expression, physical_type, canonical_type)


def _from_typed(expression: str, physical_type: str, canonical_type: str) -> str:
    if physical_type in {"DOUBLE", "FLOAT"} and canonical_type.startswith("DECIMAL"):
        return _shortest_decimal(expression, physical_type, canonical_type)
    if physical_type.startswith("TIMESTAMP") and canonical_type == TIMESTAMP:
        return _to_utc_timestamp(expression, physical_type)
    return f"TRY_CAST({expression} AS {canonical_type})"


def _shortest_decimal(expression: str, physical_type: str, canonical_type: str) -> str:
    """Return SQL of the shortest decimal that rounds to a binary number.

    It is the number as written: no digit is added that nobody wrote. Its text has just
    those digits. Six decimals below a billion are fifteen digits, of which no two
    numbers share a DOUBLE; where such a number is found the text is not needed.
    """
    text = f"TRY_CAST(CAST({expression} AS VARCHAR) AS {canonical_type})"
    if physical_type == "FLOAT":
        return text
    short = f"CAST(TRY_CAST({expression} AS DECIMAL(18, 6)) AS {canonical_type})"
    return (
        f"CASE WHEN abs({expression}) < 1e9"
        f" AND round({expression} * 1e6) / 1e6 = {expression}"
        f" THEN {short} ELSE {text} END"
    )


def _to_utc_timestamp(expression: str, physical_type: str) -> str:
    if physical_type == "TIMESTAMP WITH TIME ZONE":
        return f"({expression} AT TIME ZONE 'UTC')"
    return f"CAST({expression} AS TIMESTAMP)"


def _from_text(expression: str, canonical_type: str, notation: Notation) -> str:
    if is_number(canonical_type):
        return number_from_text(expression, canonical_type, notation)
    if canonical_type == TIMESTAMP:
        return moment_from_text(expression, notation)
    return f"TRY_CAST({expression} AS {canonical_type})"


#: Tags written as a=b;c=d.
_PAIRS = r"^[^=;{}\[\]]+=[^=;]*(;[^=;]+=[^=;]*)*;? *$"


def _tags_of_pairs(expression: str) -> str:
    """Return SQL of tags written as ``a=b;c=d``; a key twice gives NULL."""
    key, value = "split_part(pair, '=', 1)", "pair[strpos(pair, '=') + 1:]"
    return (
        f"CASE WHEN regexp_matches({expression}, {literal(_PAIRS)})"
        f" THEN TRY(map_from_entries(list_transform(string_split(rtrim({expression},"
        f" '; '), ';'), lambda pair: struct_pack(k := trim({key}),"
        f" v := trim({value}))))) END"
    )


def _to_tags(expression: str, physical_type: str) -> str:
    if physical_type.startswith("MAP("):
        return f"TRY_CAST({expression} AS {TAGS})"
    if physical_type in {"VARCHAR", "JSON"}:
        as_json = f"TRY_CAST(TRY_CAST({expression} AS JSON) AS {TAGS})"
        return f"coalesce({as_json}, {_tags_of_pairs(expression)})"
    if physical_type.endswith("[]") and "key" in physical_type:
        # BigQuery and others deliver labels as a list of key/value records.
        return (
            f"map_from_entries(list_transform({expression},"
            " lambda entry: struct_pack(k := CAST(entry.key AS VARCHAR),"
            " v := CAST(entry.value AS VARCHAR))))"
        )
    return f"TRY_CAST(to_json({expression}) AS {TAGS})"


__all__ = [
    "NULL_SPELLINGS",
    "RECORD_COLUMN",
    "DeliveredValue",
    "ProjectedColumn",
    "Projection",
    "literal",
    "project",
    "quote",
    "to_canonical",
]
