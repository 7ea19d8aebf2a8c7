"""Changes from platform moves, in the evidence and in the annex."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.exports.board_pack.parts import Heading, Table, Text
from dashboard.pages.scorecard import payback
from dashboard.pages.scorecard import queries as scorecard_queries
from dashboard.pages.scorecard import sentences as words
from dashboard.shared.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dashboard.exports.board_pack.parts import Part
    from dashboard.shared.context import Page

#: Metrics of a move that a board asks for; the workbook has every metric.
_PRINTED = (
    *("spend_to_budget_ratio", "spend_per_month", "p95_to_threshold_ratio"),
    *("delivered_p95_to_threshold_ratio", "cost_per_thousand_inferences"),
    "firefighting_booked_ratio",
)


def moves(view: Page) -> Iterator[Part]:
    """Yield the newest platform move, as *Platform scorecard* describes it."""
    found = (
        scorecard_queries.moves(view.snapshot)
        if scorecard_queries.has_scorecard(view.snapshot)
        else []
    )
    if not found:
        return
    rows = scorecard_queries.changes(view.snapshot, found[0].migration_id).to_pylist()
    yield Heading("Changes by moving between platforms")
    yield Text(words.summary(found[0], rows))
    yield Text(payback.sentence(found[0]))
    yield _table(rows)
    yield Text(words.grounds(rows), is_quiet=True)


def _table(rows: list[dict[str, Any]]) -> Table:
    asked = _asked(rows)
    rest = [row for row in rows if not any(row is one for one in asked)]
    return Table(
        "Equal windows on either side; the migration is separate",
        (
            Column("metric_name", "Metric"),
            Column("basis_name", "Compared"),
            Column("before", "Before"),
            Column("migration", "Migration"),
            Column("after", "After"),
            Column("change", "After to before [90 %]", "prose"),
            Column("grade_name", "Grade"),
        ),
        tuple(_told(row) for row in (*asked, *rest)),
        len(asked),
        (2.6, 1.1, 1.0, 1.0, 1.0, 2.4, 1.2),
        in_workbook=(
            Column("before_figure", "Before, number", "decimal"),
            Column("after_figure", "After, number", "decimal"),
            Column("since_figure", "All since, number", "decimal"),
            Column("change_ratio", "Change, number", "percent"),
        ),
    )


def _asked(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    first = words.by_metric(rows)
    return [first[metric] for metric in _PRINTED if metric in first]


def change_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the metrics of a move that a board asks for, as written."""
    return [_told(row) for row in _asked(rows)]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    figures = {
        period: words.figure(row[f"{period}_figure"], row["unit"], row["currency"])
        for period in ("before", "migration", "after")
    }
    return {
        **row,
        **figures,
        "metric_name": words.METRICS[row["metric"]],
        "basis_name": words.BASES[row["basis"]],
        "change": words.change(row),
        "grade_name": words.GRADES[row["grade"]],
    }
