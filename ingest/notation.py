"""Notation of numbers and dates in a delivery, and its SQL.

A number such as ``1234.5`` and a date such as ``2026-04-01`` mean the same everywhere
and are read as they are. ``12,345`` and ``01/04/2026`` do not: a source declares the
meaning, or all values of the file together decide, or the file is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ingest.streams import TIMESTAMP
from triptych.core.errors import MalformedDeliveryError
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Mapping

DecimalSign = Literal["point", "comma"]
DateOrder = Literal["day first", "month first"]

# 1,234.50 and $1,234.50; no group begins with a zero, so 0,125 is no thousand.
GROUPED_BY_COMMA = r"^-?\$?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$|^-?\$\d+(\.\d+)?$"
# 1,234.50 and 1,234,567: not 12,345, which may be written with a decimal comma.
SURELY_GROUPED_BY_COMMA = (
    r"^-?\$?[1-9]\d{0,2}(,\d{3})+\.\d+$|^-?\$?[1-9]\d{0,2}(,\d{3}){2,}$"
    r"|^-?\$\d+(\.\d+)?$"
)
# 1.234,50 and 1234,5
WITH_DECIMAL_COMMA = r"^-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$|^-?\d+(,\d+)?$"
# (12.50), as accountants write what is below zero.
BRACKETED = r"^\([$\d.,]+\)$"
# Values that only a single notation can have written, and values that either can.
_POINT_IS_DECIMAL = (
    rf"{SURELY_GROUPED_BY_COMMA}"
    r"|^-?\$?\d*\.(\d{1,2}|\d{4,})$|^-?\$?(0|\d{4,})\.\d{3}$"
)
_COMMA_IS_DECIMAL = (
    r"^-?[1-9]\d{0,2}(\.\d{3})+,\d+$|^-?[1-9]\d{0,2}(\.\d{3}){2,}$"
    r"|^-?\d*,(\d{1,2}|\d{4,})$|^-?(0|\d{4,}),\d{3}$"
)
_EITHER_NUMBER = r"^-?\$?[1-9]\d{0,2},\d{3}$"
#: Dates with slashes, or with the points that only days first are written with.
DAY_AND_MONTH = r"^(\d{1,2})([/.])(\d{1,2})[/.](\d{2}|\d{4})( \d{1,2}:\d{2}(:\d{2})?)?$"
_TIMES = ("", " %H:%M", " %H:%M:%S")
_DATES = {
    "month first": ("%m/%d/%y", "%m/%d/%Y"),
    "day first": ("%d/%m/%y", "%d/%m/%Y"),
}
#: Moments in UTC and dates as nearly every file writes them.
_USUAL_FORMS = ("____-__-_____:__:__Z", "____-__-__", "____-__-_____:__:__")
# Clocks are between twelve hours behind UTC and fourteen ahead.
_OFFSET = r"^.{11}.*[+-]"
_OFFSET_OF_A_CLOCK = r"[+-](0\d|1[0-4])(:?[0-5]\d){0,2}$"


@dataclass(frozen=True, slots=True)
class Notation:
    """Decimal separator, and the number that comes first in a date.

    ``None`` means that only values are read that everybody writes alike.
    """

    decimal: DecimalSign | None = None
    dates: DateOrder | None = None

    @property
    def is_decided(self) -> bool:
        """True if nothing is left to find out."""
        return self.decimal is not None and self.dates is not None


#: Notation of programs and of API answers.
OF_PROGRAMS = Notation("point", "month first")


def is_number(canonical_type: str) -> bool:
    """Return True if values of a type are written as numbers."""
    return canonical_type.startswith("DECIMAL") or canonical_type in {
        "BIGINT",
        "DOUBLE",
        "INTEGER",
    }


def number_from_text(expression: str, type_: str, notation: Notation) -> str:
    """Return SQL that reads a number; other text gives NULL.

    An amount in brackets is below zero, as accountants write it.
    """
    inner = f"substr(trim({expression}), 2, length(trim({expression})) - 2)"
    bracketed = f"-({_unsigned_number(inner, type_, notation)})"
    return (
        f"coalesce({_unsigned_number(expression, type_, notation)},"
        f" {_where(expression, BRACKETED, bracketed)})"
    )


def _unsigned_number(expression: str, type_: str, notation: Notation) -> str:
    """Return SQL that reads a number without brackets."""
    if notation.decimal == "comma":
        bare = f"replace(replace(trim({expression}), '.', ''), ',', '.')"
        return _where(expression, WITH_DECIMAL_COMMA, _finite(bare, type_))
    # The engine would take 1_000 for a number, as programmers write it; no bill does.
    plain = _finite(f"replace({expression}, '_', '?')", type_)
    bare = f"replace(replace(trim({expression}), ',', ''), '$', '')"
    pattern = GROUPED_BY_COMMA if notation.decimal else SURELY_GROUPED_BY_COMMA
    grouped = _where(expression, pattern, _finite(bare, type_))
    return f"coalesce({plain}, {grouped})"


def _where(expression: str, pattern: str, value: str) -> str:
    matches = f"regexp_matches(trim({expression}), {literal(pattern)})"
    return f"CASE WHEN {expression} IS NOT NULL AND {matches} THEN {value} END"


def _finite(expression: str, type_: str) -> str:
    value = f"TRY_CAST({expression} AS {type_})"
    # Infinity bounds the last bucket of a histogram; a value that is not a number
    # bounds nothing.
    return (
        f"CASE WHEN NOT isnan({value}) THEN {value} END" if type_ == "DOUBLE" else value
    )


def moment_from_text(expression: str, notation: Notation) -> str:
    """Return SQL that reads a date or a moment, in UTC; other text is NULL."""
    usual = " OR ".join(f"{expression} LIKE {literal(form)}" for form in _USUAL_FORMS)
    is_of_a_clock = (
        f"NOT regexp_matches({expression}, {literal(_OFFSET)})"
        f" OR regexp_matches({expression}, {literal(_OFFSET_OF_A_CLOCK)})"
    )
    in_zone = f"TRY_CAST({expression} AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE 'UTC'"
    return (
        # Recognised without a regular expression, and read in half of the time.
        f"CASE WHEN {usual} THEN TRY_CAST({expression} AS TIMESTAMP)"
        f" WHEN {expression} LIKE '____-__-%'"
        f" THEN CASE WHEN {is_of_a_clock} THEN {in_zone} END"
        f"{_in_order(expression, notation.dates)}"
        f" WHEN regexp_matches({expression}, '^\\d{{4}}-\\d{{2}}$')"
        f" THEN TRY_CAST({expression} || '-01' AS TIMESTAMP) END"
    )


def _in_order(expression: str, order: DateOrder | None) -> str:
    if order is None:
        return ""
    formats = [literal(date + time) for time in _TIMES for date in _DATES[order]]
    return (
        f" WHEN regexp_matches({expression}, {literal(DAY_AND_MONTH)}) THEN"
        f" try_strptime(replace({expression}, '.', '/'), [{', '.join(formats)}])"
    )


# ------------------------------------------------------------------------- detecting


def evidence_query(relation: str, columns: Mapping[str, tuple[str, str]]) -> str:
    """Return the query that :func:`decided` wants the answer of.

    Parameters
    ----------
    relation : str
        SQL that answers the rows of the file.
    columns : mapping of str to (str, str)
        Canonical column → SQL of its text, and its canonical type.
    """
    cells = ", ".join(
        f"struct_pack(n := {literal(name)}, d := {str(type_ == TIMESTAMP).lower()},"
        f" v := translate(trim(CAST({text} AS VARCHAR)), '()', ''))"
        for name, (text, type_) in columns.items()
    )

    def number(pattern: str) -> str:
        return f"NOT c.d AND regexp_matches(c.v, {literal(pattern)})"

    def part(group: int) -> str:
        extracted = f"regexp_extract(c.v, {literal(DAY_AND_MONTH)}, {group})"
        return f"TRY_CAST({extracted} AS INTEGER)"

    day, month = f"{part(1)} > 12", f"{part(3)} > 12"
    dotted = f"regexp_extract(c.v, {literal(DAY_AND_MONTH)}, 2) = '.'"
    either = f"{part(1)} <> {part(3)}"
    return (
        f"SELECT bool_or({number(_POINT_IS_DECIMAL)}),"
        f" bool_or({number(_COMMA_IS_DECIMAL)}),"
        f" min(c.n || ' ' || c.v) FILTER ({number(_EITHER_NUMBER)}),"
        f" bool_or(c.d AND ({month}) AND NOT {dotted}),"
        f" bool_or(c.d AND (({day}) OR {dotted})),"
        f" min(c.n || ' ' || c.v) FILTER (c.d AND {either})"
        f" FROM (SELECT unnest([{cells}]) AS c FROM ({relation}) AS delivered)"
    )


def decided(notation: Notation, answer: tuple[object, ...], origin: str) -> Notation:
    """Return the notation of a file, where its values leave only 1 choice.

    Values that contradict each other leave none: those that not everybody writes alike
    are then refused row by row.

    Raises
    ------
    MalformedDeliveryError
        Each value can mean two things.
    """
    point, comma, number, month_first, day_first, date = answer
    decimal, dates = notation.decimal, notation.dates
    if decimal is None and not (point and comma):
        if number and not point and not comma:
            raise _ambiguous(str(number), origin, "decimal: comma", "decimal: point")
        decimal = "comma" if comma else "point"
    if dates is None and not (month_first and day_first):
        if date and not month_first and not day_first:
            raise _ambiguous(
                str(date), origin, "dates: day first", "dates: month first"
            )
        dates = "day first" if day_first else "month first"
    return Notation(decimal, dates)


def _ambiguous(
    cell: str, origin: str, first: str, second: str
) -> MalformedDeliveryError:
    column, _, value = cell.partition(" ")
    return MalformedDeliveryError(
        f"{column} {value!r} can mean two things, and no other value of the file"
        " decides which.",
        where=origin,
        next_step=f"Set '{first}' or '{second}' on this source; nothing of it was"
        " loaded.",
    )
