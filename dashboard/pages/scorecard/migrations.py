"""Section of *Platform scorecard*: effects and cost of a move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.scorecard import charts as scorecard_charts
from dashboard.pages.scorecard import payback, queries
from dashboard.pages.scorecard import sentences as words
from dashboard.shared import charts, filters, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.scorecard.queries import Move
    from dashboard.shared.context import Page

_MIGRATIONS: Final = "roi.mart_platform_migrations"
_ACROSS: Final = 3
#: Slopes that are drawn at once.
_FIRST: Final = 6
#: Metrics drawn for a move.
_SLOPES: Final = (
    *("spend_per_month", "p95_to_threshold_ratio", "firefighting_booked_ratio"),
    *("delivered_p95_to_threshold_ratio", "spend_to_budget_ratio"),
    "cost_per_thousand_inferences",
    *("infra_hours_per_deployment", "windows_over_threshold_ratio"),
    *("proprietary_spend_ratio", "training_gpu_hours_per_run"),
)


def show_moves(view: Page) -> None:
    """Draw each migration: figures before, in and after it, and its cost."""
    found = queries.moves(view.snapshot)
    if not found:
        st.markdown(
            "No migration is declared. `migrations` in `catalog.yml` name the"
            " platforms, the models and the days of each."
        )
        return
    top = st.container()
    names = {move.name: move for move in found}
    chosen = names[filters.choice("Migration", "move", list(names), width=420)]
    table = words.in_order(queries.changes(view.snapshot, chosen.migration_id))
    rows = table.to_pylist()
    with top:
        st.markdown(payback.sentence(chosen))
        st.markdown(words.headline(chosen, rows))
        _draw_slopes(chosen.name, rows)

    def draw() -> None:
        st.markdown(words.summary(chosen, rows))
        st.caption(words.grounds(rows))

    tabs.fold("Windows, grades and their basis", "windows", draw)
    _show_cost_of_moving(view, chosen)
    _show_changes(view, table)


def _draw_slopes(move: str, rows: Sequence[dict[str, Any]]) -> None:
    first = words.by_metric(rows)
    drawn = [
        first[metric]
        for metric in _SLOPES
        if metric in first and first[metric]["before_figure"] is not None
    ]
    _draw_row(move, drawn[:_FIRST])
    if drawn[_FIRST:]:

        def draw() -> None:
            _draw_row(move, drawn[_FIRST:])

        tabs.fold("More measures of the migration", "more-measures", draw)


def _draw_row(move: str, drawn: Sequence[dict[str, Any]]) -> None:
    columns = st.columns(_ACROSS)
    for position, row in enumerate(drawn):
        with columns[position % _ACROSS]:
            st.markdown(f"**{words.METRICS[row['metric']]}**")
            charts.show(
                scorecard_charts.slope(row, charts.palette()),
                description=f"{words.METRICS[row['metric']]} before, in and after the"
                " migration, with 90 % intervals. The table below has the same.",
                of=move,
            )


def _show_changes(view: Page, table: pa.Table) -> None:
    rows = table.to_pylist()

    def told(period: str) -> list[str]:
        return [
            words.figure(row[f"{period}_figure"], row["unit"], row["currency"])
            for row in rows
        ]

    shown = table.append_column(
        "metric_name", [[words.METRICS[row["metric"]] for row in rows]]
    ).append_column("basis_name", [[words.BASES[row["basis"]] for row in rows]])
    for period in (*scorecard_charts.PERIODS, "since"):
        shown = shown.append_column(f"{period}_told", [told(period)])
    shown = shown.append_column(
        "change_told", [[words.change(row) for row in rows]]
    ).append_column("grade_name", [[words.GRADES[row["grade"]] for row in rows]])
    tables.show(
        shown,
        [
            tables.Column("metric_name", "Metric"),
            tables.Column("basis_name", "Compared"),
            tables.Column("before_told", "Before"),
            tables.Column("migration_told", "Migration"),
            tables.Column("after_told", "After"),
            tables.Column("since_told", "All since"),
            tables.Column("change_told", "After to before [90 %]", "prose"),
            tables.Column("check_flat_before", "Flat before"),
            tables.Column("grade_name", "Grade"),
        ],
        page=view,
        name="platform-move",
        is_folded=True,
        caption="Equal windows on either side; the migration is separate",
        origin=Origin(
            formula="After ÷ before − 1, with the error of both. B needs two"
            " comparable models that were not moved and every check passed; C six"
            " months that were flat before; else D. X is not comparable.",
            mart=_MIGRATIONS,
        ),
    )


def _show_cost_of_moving(view: Page, move: Move) -> None:
    row = move.figures
    parts = {
        "Hours of integration": row["integration_labour_amount"],
        "Charges for integration": row["integration_charges_amount"],
        "Dual running": row["dual_running_amount"],
        "Commitment that is unused": row["unused_commitment_amount"],
        "Cost of moving": row["cost_of_moving_amount"],
    }
    tables.show(
        pa.Table.from_pylist(
            [
                {"part": name, "amount": amount, "currency": row["currency"]}
                for name, amount in parts.items()
            ],
            schema=pa.schema(
                [
                    ("part", pa.string()),
                    ("amount", pa.decimal128(28, 10)),
                    ("currency", pa.string()),
                ]
            ),
        ),
        [tables.Column("part", "Part"), tables.Column("amount", "Amount", "money")],
        page=view,
        name="cost-of-moving",
        is_folded=True,
        caption="Cost of the move",
        total_rows={len(parts) - 1: ""},
        origin=Origin(
            formula=f"{fmt.count(row['month_count'])} months from the first of the"
            f" migration; {row['integration_hours']:,.1f} h at the loaded hourly rate."
            " Dual running is what old and new platforms cost in the migration beyond"
            " what the old ones did before.",
            mart="roi.mart_platform_migration_costs",
        ),
    )
