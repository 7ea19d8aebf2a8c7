"""Second page of the board pack: evidence for the first page's message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.exports.board_pack.moves import change_rows
from dashboard.exports.board_pack.parts import Heading, PackPage, Table, Text
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.impact import decisions
from dashboard.pages.lineage import assumption_queries
from dashboard.pages.scorecard import payback
from dashboard.pages.scorecard import queries as scorecard_queries
from dashboard.pages.scorecard import sentences as scorecard
from dashboard.pages.velocity import organisation
from dashboard.pages.velocity import organisation_queries as velocity_queries
from dashboard.shared import format as fmt
from dashboard.shared.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard.exports.board_pack.parts import Part
    from dashboard.shared.context import Page

#: Rows of each table that fit on the page; the annex has all of them.
_PRINTED = 6


def evidence_page(view: Page) -> PackPage:
    """Return the tables that cost, delivery, migration and return rest on."""
    return PackPage(
        "Evidence",
        "Evidence",
        (
            *_migration(view),
            *_returns(view),
            *_delivery(view),
            *_costs(view),
            *_assumptions(view),
        ),
    )


def _migration(view: Page) -> Iterator[Part]:
    if not scorecard_queries.has_scorecard(view.snapshot):
        return
    moves = scorecard_queries.moves(view.snapshot)
    if not moves:
        return
    rows = scorecard_queries.changes(view.snapshot, moves[0].migration_id).to_pylist()
    yield Heading("Platform migration")
    yield Text(scorecard.headline(moves[0], rows))
    yield Text(payback.sentence(moves[0]))
    asked = change_rows(rows)
    yield Table(
        "Equal windows on either side; the migration is separate",
        (
            Column("metric_name", "Metric"),
            Column("before", "Before"),
            Column("after", "After"),
            Column("change", "After to before [90 %]", "prose"),
            Column("grade_name", "Grade"),
        ),
        tuple(asked),
        min(len(asked), _PRINTED),
        (2.6, 1.1, 1.1, 2.4, 1.2),
    )


def _returns(view: Page) -> Iterator[Part]:
    yield Heading("Return of each feature")
    found = decisions.rows(view)
    if not found:
        yield Text("No return of a feature has been measured yet.")
        return
    yield Text(decisions.sentence(view, found))
    yield Table(
        "Net value of the measured months",
        decisions.COLUMNS,
        tuple(found),
        min(len(found), _PRINTED),
        (1.7, 1.2, 1.6, 0.9, 1.5, 2.6),
    )


def _delivery(view: Page) -> Iterator[Part]:
    found = organisation.compared(view)
    if found is None:
        return
    yield Heading("Delivery, quarter against quarter")
    yield Text(found.headline)
    teams = velocity_queries.slowest_teams(view.snapshot, found.quarters[0])
    if teams is not None and teams.num_rows:
        yield Text(organisation.slowest(teams.to_pylist(), found.quarters[0]))
    yield Table(
        "A change is one beyond the 90 % intervals of both quarters",
        found.columns,
        found.rows,
        min(len(found.rows), _PRINTED),
        (2.3, 1.6, 1.6, 1.8),
    )


def _costs(view: Page) -> Iterator[Part]:
    rows = cost_by_model_queries.model_costs(
        view.snapshot, view.selection, "Fully loaded"
    ).to_pylist()
    yield Heading("Cost by model")
    yield Table(
        f"{view.period}, fully loaded, without idle capacity",
        (
            Column("model", "Model"),
            Column("amount", "Cost", "money"),
            Column("share_ratio", "Share", "percent"),
        ),
        tuple(rows),
        min(len(rows), _PRINTED),
        (3.0, 1.4, 0.8),
    )


def _assumptions(view: Page) -> Iterator[Part]:
    month = max(view.selection.period.months)
    found = assumption_queries.assumptions(view.snapshot, month)
    if found is None or not found.num_rows:
        return
    proposed = sum(not row["is_approved"] for row in found.to_pylist())
    held = fmt.plural(found.num_rows, "assumption holds", "assumptions hold")
    yield Text(
        f"{held} in {fmt.month(month)}; {proposed} not approved, and not counted. The"
        " annex has each of them, the methods, and hashes of all inputs.",
        is_quiet=True,
    )
