"""Reasons for rejecting a row, as SQL over its canonical columns.

The facts it needs about the delivered values are kept beside them as flags.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from ingest.engine.projection import quote
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from ingest.engine.projection import Projection
    from ingest.streams import Column, Stream

#: The only sign of a currency that is read, and the only currency it is read as.
_SIGN, _SIGNED_CURRENCY = "$", "USD"
IN_ANOTHER_CURRENCY: Final = "_in_another_currency"


def reject_reason(stream: Stream, projection: Projection) -> str:
    """Return a SQL expression: why a row is refused, or NULL for a good row.

    It reads the canonical columns by their names, so it belongs above a ``SELECT`` of
    the projection's ``select_list`` that also exposes :func:`flags_of`.
    """
    branches: list[str] = []
    for projected in projection.columns:
        column = projected.column
        name = quote(column.name)
        seen = quote(f"_has_{column.name}")
        unreadable = literal(f"{column.name}_unreadable")
        if column.is_required:
            missing = literal(f"{column.name}_missing")
            branches.append(
                f"WHEN {name} IS NULL THEN CASE WHEN {seen}"
                f" THEN {unreadable} ELSE {missing} END"
            )
        elif projected.can_be_unreadable:
            branches.append(f"WHEN {name} IS NULL AND {seen} THEN {unreadable}")
        if column.is_currency and not projected.is_absent:
            branches.append(
                f"WHEN {name} NOT IN ({_currency_list()}) THEN 'unknown_currency'"
            )
    of_sign = IN_ANOTHER_CURRENCY if stream.currency_column else "_unreadable"
    branches += [
        f"WHEN {_is_wrongly_signed(stream, projected.column)}"
        f" THEN {literal(projected.column.name + of_sign)}"
        for projected in projection.columns
        if projected.can_be_signed
    ]
    branches += [
        f"WHEN {predicate} THEN {literal(reason)}"
        for reason, predicate in stream.checks
    ]
    return f"CASE {' '.join(branches)} END"


def _is_wrongly_signed(stream: Stream, column: Column) -> str:
    """Return SQL that is true if a number's sign is not its row's currency.

    Twenty currencies share the sign of the dollar. Only in rows with ``USD`` is it
    taken at face value, and in a meter it is never accepted.
    """
    signed = quote(f"_signed_{column.name}")
    if not stream.currency_column:
        return signed
    currency = quote(stream.currency_column)
    return f"{signed} AND coalesce({currency}, '') <> {literal(_SIGNED_CURRENCY)}"


def flagged_columns(projection: Projection) -> tuple[str, ...]:
    """Return the columns that a row must have a readable value in to count.

    In addition to those that a row must fill, all that are used in computation: a value
    that cannot be read must not pass for a value that was not delivered.
    """
    return tuple(
        projected.column.name
        for projected in projection.columns
        if projected.column.is_required or projected.can_be_unreadable
    )


def flags_of(projection: Projection) -> dict[str, str]:
    """Return flag → SQL over delivered values, for :func:`reject_reason`.

    ``_has_<name>`` is true if there was any value, ``_signed_<name>`` if it contains
    the sign of a currency.
    """
    flagged = flagged_columns(projection)
    flags = {
        f"_has_{projected.column.name}": projected.delivered
        for projected in projection.columns
        if projected.column.name in flagged
    }
    for projected in projection.columns:
        if projected.can_be_signed and projected.origin is not None:
            text = f"CAST({projected.origin.sql()} AS VARCHAR)"
            signed = _is_signed(text)
            flags[f"_signed_{projected.column.name}"] = signed
    return flags


def _is_signed(text: str) -> str:
    # A readable number has its sign at the beginning, before any digit, and a value
    # that begins with a digit is recognised by a single comparison.
    contained = f"contains({text}, {literal(_SIGN)})"
    return f"CASE WHEN {text} >= '0' THEN false ELSE coalesce({contained}, false) END"


def presence_flags(projection: Projection) -> str:
    """Return :func:`flags_of` as the body of a SELECT."""
    flags = flags_of(projection).items()
    return ", ".join(f"{sql} AS {quote(name)}" for name, sql in flags)


def bad_row_predicate(stream: Stream, projection: Projection) -> str:
    """Return a cheap predicate over canonical columns: the row cannot count.

    True exactly where :func:`reject_reason` gives a reason, apart from unknown
    currencies, which the caller judges once per group of rows.
    """
    missing = [f"{quote(c.name)} IS NULL" for c in stream.columns if c.is_required]
    missing += [
        f"{quote(name)} IS NULL AND {quote(f'_has_{name}')}"
        for name in flagged_columns(projection)
        if not stream.column(name).is_required
    ]
    missing += [
        _is_wrongly_signed(stream, projected.column)
        for projected in projection.columns
        if projected.can_be_signed
    ]
    failed = [f"({predicate})" for _, predicate in stream.checks]
    return " OR ".join((*missing, *failed))


def is_known_currency(code: str) -> bool:
    """Return True if ``code`` is an ISO 4217 code."""
    return code in _currency_codes()


@cache
def _currency_codes() -> frozenset[str]:
    import pycountry

    return frozenset(str(currency.alpha_3) for currency in pycountry.currencies)


def _currency_list() -> str:
    return ", ".join(literal(code) for code in sorted(_currency_codes()))
