"""The table from the measured months to date, on *Impact* and *Scenarios*."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared import return_sentences as words
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

#: Derivation of the lines from each other.
RULE = (
    "Measured months, less what was invested, plus the months since. Since its last"
    " measured month a gain is between all of it and what a linear fade to nothing in"
    " twelve months leaves; a harm lasts."
)


def show(view: Page, lines: pa.Table, *, mart: str, is_of_period: bool = True) -> None:
    """Draw each line from benefit to value to date, and the month now.

    Parameters
    ----------
    lines : pyarrow.Table
        Rows of ``roi.mart_return_ladder``.
    mart : str
        Place of the lines: the mart, or the folder of saved scenarios.
    is_of_period : bool
        True if they are of the period on top of the page.
    """
    rows = lines.to_pylist()
    names = [words.LADDER[row["line"]] for row in rows]
    chances = [words.chance(row["probability_positive"]) for row in rows]
    tables.show(
        lines.append_column("name", [names]).append_column("chance", [chances]),
        [
            tables.Column("name", "Line"),
            tables.Column("until_month", "To", "month"),
            tables.Column("amount", "Amount", "estimate"),
            tables.Column("amount_low_90", "90 % from", "estimate"),
            tables.Column("amount_high_90", "90 % to", "estimate"),
            tables.Column("chance", "P(> 0)"),
        ],
        page=view,
        is_of_period=is_of_period,
        name="return-ladder",
        caption="From the measured months to date, and a month now; scenarios go on"
        " from there by the same rule",
        origin=Origin(formula=RULE, mart=mart),
        total_rows={n: "" for n, row in enumerate(rows) if row["is_sum"]},
    )
