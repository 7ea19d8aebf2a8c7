"""Bound the money of refused rows, as stated or from similar rows.

A refused row often states its amount in another column, or only its currency cannot be
read. Otherwise it is compared with the rows of the same item and month in its file,
then with all rows of its file and month: with enough similar rows, the largest is a
bound that a further row exceeds at most 1 time in 20. With fewer the amount is not
known. A row with an unreadable month may be of any month of its file: then enough
similar rows are needed in each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from ingest.engine.projection import quote
from ingest.engine.row_checks import IN_ANOTHER_CURRENCY, is_known_currency

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    import duckdb

    from ingest.streams import Stream
    from triptych.core.lake.loads import QuarantinedRow

    #: Currency, month, item (``None``: all of them) → rows, and the largest amount.
    Like: TypeAlias = dict[tuple[str | None, str, str | None], tuple[int, Decimal]]

#: Of n exchangeable rows and a further row, the further row is the largest with
#: probability 1 ÷ (n + 1).
LEAST_LIKE_ROWS: Final = 19


def refused_charge(stream: Stream) -> str:
    """Return SQL expressions for the charge that a refused row would make.

    Five, over canonical columns: its billing month (NULL where it cannot be read), its
    subject, a flag for money being involved, the amount that it states in any column,
    and its currency (NULL where a sign contradicts it).
    """
    if not stream.money_columns:
        return "NULL, NULL, false, NULL, NULL"
    month = f"strftime({quote(stream.period_column)}, '%Y-%m')"
    return (
        f"CASE WHEN _reject_reason <> 'date_out_of_range' THEN {month} END,"
        f" {subject_of(stream)},"
        f" coalesce({stream.money_predicate}, true),"
        f" {amount_of(stream)},"
        f" CASE WHEN NOT ends_with(_reject_reason, '{IN_ANOTHER_CURRENCY}')"
        f" THEN {quote(stream.currency_column)} END"
    )


def amount_of(stream: Stream) -> str:
    """Return SQL of a row's maximum cost, by the columns that can be read."""
    stated = stream.amount_columns or stream.money_columns
    return f"greatest({', '.join(f'abs({quote(name)})' for name in stated)})"


def subject_of(stream: Stream) -> str:
    """Return SQL of a row's subject, from the best column that names it."""
    subjects = [f"nullif(trim({quote(name)}), '')" for name in stream.subject_columns]
    return f"coalesce({', '.join([*subjects, 'NULL'])})"


def bounded(
    connection: duckdb.DuckDBPyConnection,
    stream: Stream,
    rows: Sequence[QuarantinedRow],
    relation: str,
) -> tuple[QuarantinedRow, ...]:
    """Return refused rows with how much money each may hold.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Reads the file.
    stream : Stream
        Stream of the rows.
    rows : sequence of QuarantinedRow
        ``amount`` is the amount they state, ``currency`` as it was delivered.
    relation : str
        SQL of the rows of the same file that count, in canonical columns.
    """
    found = [_stated(row) for row in rows]
    if all(row.amount_basis or not row.is_charge for row in found):
        return tuple(found)
    like = _like(connection, stream, relation)
    return tuple(
        row if row.amount_basis or not row.is_charge else _compared(row, like)
        for row in found
    )


def _stated(row: QuarantinedRow) -> QuarantinedRow:
    """Return a row with the amount that it states, or with none."""
    if row.is_charge and row.amount and is_known_currency(row.currency or ""):
        return replace(row, amount_basis="row")
    return replace(row, amount=None)


def _compared(row: QuarantinedRow, like: Like) -> QuarantinedRow:
    """Return a row with the largest amount of its like, if there are enough of them."""
    known = {currency for currency, *_ in like}
    if is_known_currency(row.currency or ""):
        known &= {row.currency}
    if len(known) != 1:
        return row
    [currency] = known
    of_file = {month for of, month, _ in like if of == currency}
    months = {row.billing_month} if row.billing_month else of_file
    for item, basis in ((row.subject or "", "item"), (None, "file")):
        found = [like.get((currency, month, item)) for month in months]
        enough = [each for each in found if each and each[0] >= LEAST_LIKE_ROWS]
        if len(enough) == len(months):
            return replace(
                row,
                amount=max(largest for _, largest in enough),
                currency=currency,
                amount_basis=basis,
                compared_row_count=min(count for count, _ in enough),
            )
    return row


def _like(connection: duckdb.DuckDBPyConnection, stream: Stream, relation: str) -> Like:
    currency = quote(stream.currency_column)
    rows = connection.execute(
        f"SELECT {currency}, month, item, count(*), max(amount) FROM ("
        f" SELECT {currency}, coalesce({subject_of(stream)}, '') AS item,"
        f" strftime({quote(stream.period_column)}, '%Y-%m') AS month,"
        f" {amount_of(stream)} AS amount FROM ({relation})"
        f" WHERE coalesce({stream.money_predicate}, true))"
        f" GROUP BY GROUPING SETS (({currency}, month, item), ({currency}, month))"
        " HAVING max(amount) IS NOT NULL"
    ).fetchall()
    return {(of, month, item): (count, most) for of, month, item, count, most in rows}
