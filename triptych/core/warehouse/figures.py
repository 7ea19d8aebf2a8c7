"""The address of a figure: a mart, a column, and which rows of it.

``cost.mart_cost_waterfall/billed_cost?billing_month=2026-09&step=ledger`` is short
enough to copy from a page into a command, and is complete::

    SCHEMA.MART/COLUMN?COLUMN=VALUE&COLUMN=VALUE,VALUE&COLUMN=*&COLUMN=

Several values are any of them, ``*`` is any value at all, nothing is *not known*
(NULL). A character that means something here is percent-encoded, as in any URL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from triptych.core.warehouse.reader import Snapshot

    Value = Decimal | float | int | None

ANY = "*"
_SAFE = ":@/"


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition on a column of the rows: in ``values``, or not NULL.

    An empty text among ``values`` means NULL.
    """

    column: str
    values: tuple[str, ...]

    @property
    def is_any(self) -> bool:
        """Return True if every known value will do."""
        return self.values == (ANY,)

    def written(self) -> list[str]:
        """Return its values as an address has them."""
        return (
            [ANY]
            if self.is_any
            else [quote(value, safe=_SAFE) for value in self.values]
        )

    def sql(self, expression: str, name: str) -> tuple[str, dict[str, list[str]]]:
        """Return the condition on ``expression``, and its parameter ``$name``."""
        if self.is_any:
            return f"{expression} IS NOT NULL", {}
        known = [value for value in self.values if value]
        text = f"list_contains(${name}, CAST({expression} AS VARCHAR))"
        parts = [text] if known else []
        if len(known) < len(self.values):
            parts.append(f"{expression} IS NULL")
        return f"({' OR '.join(parts)})", {name: known} if known else {}


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of a mart, over the rows that hold all conditions."""

    mart: str
    column: str
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def of(
        cls, mart: str, column: str, where: Mapping[str, str | Sequence[str] | None]
    ) -> Figure:
        """Return a figure; a value may be several, and ``None`` is NULL."""
        conditions = []
        for name, value in where.items():
            values = [value] if value is None or isinstance(value, str) else value
            conditions.append(Condition(name, tuple(one or "" for one in values)))
        return cls(mart, column, tuple(conditions))

    def __str__(self) -> str:
        """Return the address, fit for a command line within quotes."""
        query = "&".join(
            f"{condition.column}={','.join(condition.written())}"
            for condition in self.conditions
        )
        return f"{self.mart}/{self.column}{'?' if query else ''}{query}"

    @property
    def is_cost(self) -> bool:
        """Return True if it is spending: too low where a charge is missing.

        Invoiced, budgeted or metered amounts do not depend on the charges, and a
        difference may be too high as well.
        """
        return "cost" in self.column and not self.column.startswith("difference_")

    def condition(self, column: str) -> Condition | None:
        """Return the condition on a column, if there is any."""
        return next(
            (condition for condition in self.conditions if condition.column == column),
            None,
        )

    def where(self) -> tuple[str, dict[str, list[str]]]:
        """Return all conditions as SQL, with their parameters."""
        texts, parameters = ["true"], dict[str, list[str]]()
        for position, one in enumerate(self.conditions):
            text, given = one.sql(f'"{one.column}"', f"p{position}")
            texts.append(text)
            parameters |= given
        return " AND ".join(texts), parameters


def published_value(snapshot: Snapshot, figure: Figure) -> Value:
    """Return a run's value of a figure; None if a row of it is unknown."""
    where, given = figure.where()
    column = f'"{figure.column}"'
    [row] = snapshot.query(
        f"SELECT CASE WHEN count({column}) = count(*) THEN sum({column}) END AS value"
        f" FROM {figure.mart} WHERE {where}",
        given,
    ).to_pylist()
    value: Value = row["value"]
    return value


def parse_figure(text: str) -> Figure:
    """Read an address.

    Raises
    ------
    UsageError
        It is not of the form above; whether the mart exists is not looked at.
    """
    path, _, query = text.strip().partition("?")
    mart, slash, column = path.partition("/")
    if mart.count(".") != 1:
        raise _malformed(text, "It names no mart and column.")
    if not slash or not column:
        raise _malformed(text, "It names a mart and none of its columns.", mart)
    conditions: list[Condition] = []
    for part in filter(None, query.split("&")):
        name, equals, given = part.partition("=")
        if not equals or not name:
            raise _malformed(text, f"{part!r} is no condition.")
        if any(condition.column == name for condition in conditions):
            raise _malformed(text, f"{name} is said twice.")
        values = tuple(unquote(value) for value in given.split(","))
        conditions.append(Condition(name, values))
    return Figure(mart, column, tuple(conditions))


def _malformed(text: str, why: str, mart: str = "") -> UsageError:
    listed = f"triptych explain --list {mart}".rstrip()
    return UsageError(
        f"{text!r} is no figure. {why}",
        where="FIGURE",
        next_step="Write it as cost.mart_cost_waterfall/billed_cost?"
        f"billing_month=2026-03&step=ledger; '{listed}' shows what there is.",
    )
