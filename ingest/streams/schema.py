"""Stream schema: columns, period, money and the checks of rows.

A column's ``type`` is the DuckDB type in which the evidence views expose it. Money
is DECIMAL(38, 18): wide enough for a token price, and it sums exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

MONEY = "DECIMAL(38, 18)"
QUANTITY = "DECIMAL(38, 18)"
TEXT = "VARCHAR"
TIMESTAMP = "TIMESTAMP"
TAGS = "MAP(VARCHAR, VARCHAR)"


@dataclass(frozen=True, slots=True)
class Column:
    """Canonical column.

    ``is_required``: the header must have it and every row must fill it.
    ``is_expected``: the header must have it, a row may leave it empty. ``aliases``:
    other spellings that are accepted in a delivery, compared without regard to case.
    ``is_list_price``: it is an amount that nobody was charged; where it cannot be read
    it is unknown, and the row counts.
    """

    name: str
    type: str = TEXT
    is_required: bool = False
    aliases: tuple[str, ...] = ()
    is_currency: bool = False
    is_expected: bool = False
    is_list_price: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """Kind of row.

    Parameters
    ----------
    name : str
        Stream name, also its view in the catalogue's ``evidence`` schema.
    columns : tuple of Column
        Schema of the evidence view.
    period_column : str
        Column with the UTC month that decides the billing month of a row.
    money_columns : tuple of str
        Columns summed per month and currency when a load is committed, to compare
        the ledger with later; empty where the stream holds no money.
    amount_columns : tuple of str
        Columns any of which states the cost of a row, for rows with unreadable money;
        empty: ``money_columns``.
    identity_columns : tuple of str
        Columns that distinguish charges, in streams with deliveries that may repeat the
        charges of others: the first is the start time, the second the money; empty:
        repeats are not looked for.
    outlined_columns : tuple of str
        Those of ``identity_columns`` that cost little to read and distinguish most
        charges. A change to them requires the kept outlines to be taken again.
    account_column : str
        Column of the account that a bill is for, where ``identity_columns`` are.
    currency_column : str
        Column that holds the currency of ``money_columns``.
    key : tuple of str
        Columns that identify a row within a load; empty where rows may repeat
        (a bill may hold two equal lines, and both count).
    money_predicate : str
        SQL predicate over canonical columns: rows with money that counts. Others only
        repeat the money of another row.
    subject_columns : tuple of str
        Columns that name the subject of a charge, the best first; empty where the
        stream holds no money.
    checks : tuple of (str, str)
        Reason code and SQL predicate over canonical columns; a row for which it
        is true goes to quarantine.
    one_value : str
        Column that rows with the same ``key`` and otherwise the same texts must agree
        on: where two differ, nothing decides which counts.
    keeps_declared_only : bool
        True if nothing that is delivered beside its columns is kept, neither of good
        rows nor of bad rows: for streams about the actions of people.
    """

    name: str
    columns: tuple[Column, ...]
    period_column: str
    money_columns: tuple[str, ...] = ()
    identity_columns: tuple[str, ...] = ()
    outlined_columns: tuple[str, ...] = ()
    account_column: str = ""
    currency_column: str = ""
    key: tuple[str, ...] = ()
    money_predicate: str = "true"
    subject_columns: tuple[str, ...] = ()
    amount_columns: tuple[str, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    keeps_declared_only: bool = False
    one_value: str = ""

    def column(self, name: str) -> Column:
        """Return the column called ``name``; :class:`KeyError` if there is none."""
        return next(column for column in self.columns if column.name == name)


def texts(*names: str) -> tuple[Column, ...]:
    """Return optional text columns."""
    return tuple(Column(name) for name in names)


def typed(type_: str, *names: str) -> tuple[Column, ...]:
    """Return optional columns of a single type."""
    return tuple(Column(name, type_) for name in names)


def required(type_: str, name: str, *aliases: str) -> Column:
    """Return a column that the header must have and every row must fill."""
    return Column(name, type_, is_required=True, aliases=aliases)


_EARLIEST = "TIMESTAMP '2000-01-01'"
_LATEST_START = "(CAST(now() AS TIMESTAMP) + INTERVAL 400 DAY)"
LATEST_END = "TIMESTAMP '2100-01-01'"


def starts_in_range(column: str) -> tuple[str, str]:
    """Return the check of a time at which something starts: no typing error."""
    return (
        "date_out_of_range",
        f'"{column}" < {_EARLIEST} OR "{column}" > {_LATEST_START}',
    )
