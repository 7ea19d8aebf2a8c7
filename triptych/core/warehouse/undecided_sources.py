"""Sources with loads that count but without an entry in the settings.

Somebody renamed or removed them in ``triptych.yml``. Their loads count as before, until
a decision on them: see :mod:`triptych.evidence.source_decisions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triptych.core.errors import TriptychError
from triptych.core.warehouse.bills import BILL_STREAMS
from triptych.core.warehouse.frozen_marts import LOCKED_STREAMS
from triptych.core.warehouse.inspection import ask_catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal
    from pathlib import Path

SOURCE_ADOPTED: Final = "source_adopted"
ADOPTION_UNDONE: Final = "source_adoption_undone"

_ADOPTED = (
    "SELECT source FROM (SELECT json_extract_string(detail, '$.target') AS source,"
    " arg_max(event, position) AS last_event FROM catalogue.audit_log"
    " WHERE event IN (?, ?) GROUP BY ALL) WHERE last_event = ?"
)
_COUNTING = (
    "SELECT source, count(*), sum(row_count) FROM catalogue.loads"
    " WHERE status = 'current' AND NOT starts_with(stream, ?)"
    " GROUP BY source ORDER BY source"
)
_MONEY = (
    "SELECT source, currency, sum(first_amount) FROM catalogue.load_totals"
    " JOIN catalogue.loads USING (load_id) WHERE status = 'current'"
    " AND list_contains(?, stream) AND first_amount IS NOT NULL"
    " GROUP BY ALL ORDER BY ALL"
)


@dataclass(frozen=True, slots=True)
class UndecidedSource:
    """A source that counts and is not configured.

    ``billed`` is the money of its bills by currency, as it was delivered.
    """

    source: str
    load_count: int
    row_count: int
    billed: tuple[tuple[str, Decimal], ...]

    @property
    def what(self) -> str:
        """Return the pending decision, with its money."""
        money = " and ".join(f"{amount:,.2f} {name}" for name, amount in self.billed)
        loads = f"{self.load_count:,} load{'' if self.load_count == 1 else 's'}"
        counts = f"{money} billed in {loads}" if money else f"{loads}"
        verb = "counts" if self.load_count == 1 and not money else "count"
        return (
            f"Source {self.source!r} is not in triptych.yml, and {counts} {verb}"
            " from it."
        )

    @property
    def next_step(self) -> str:
        """The commands that decide."""
        return (
            f'Decide: "triptych source rename {self.source} NEW" where it has another'
            f' name now, "triptych source retire {self.source}" takes it out of every'
            f' figure, "triptych source adopt {self.source}" lets it count. Each needs'
            " --because TEXT."
        )

    def __str__(self) -> str:
        """Return the pending decision, and the way to take it."""
        return f"{self.what} {self.next_step}"


class UndecidedSourcesError(TriptychError):
    """Sources count that the settings do not have, and nobody decided that they do."""


def refuse_undecided(undecided: Sequence[UndecidedSource]) -> None:
    """End a check where there is something to decide.

    Raises
    ------
    UndecidedSourcesError
        There is; it has the commands that decide about the first.
    """
    if undecided:
        raise UndecidedSourcesError(
            f"To be decided: {', '.join(each.source for each in undecided)}.",
            where="triptych.yml",
            next_step=undecided[0].next_step,
        )


def read_undecided(
    raw_database: Path, configured: Iterable[str]
) -> list[UndecidedSource]:
    """Return the sources that are to be decided.

    Parameters
    ----------
    raw_database : Path
        The catalogue; a missing catalogue has none.
    configured : iterable of str
        Names of the sources in the settings.
    """
    counting = ask_catalogue(raw_database, _COUNTING, [LOCKED_STREAMS])
    known = set(configured)
    if all(source in known for source, _, _ in counting):
        return []
    adopted = ask_catalogue(
        raw_database, _ADOPTED, [SOURCE_ADOPTED, ADOPTION_UNDONE, SOURCE_ADOPTED]
    )
    known |= {source for (source,) in adopted}
    bills = [stream.name for stream in BILL_STREAMS]
    money: dict[str, list[tuple[str, Decimal]]] = {}
    for source, currency, amount in ask_catalogue(raw_database, _MONEY, [bills]):
        money.setdefault(source, []).append((currency or "", amount))
    return [
        UndecidedSource(source, count, int(rows), tuple(money.get(source, ())))
        for source, count, rows in counting
        if source not in known
    ]
