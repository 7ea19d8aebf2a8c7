"""Sections of *Platform scorecard*: platforms, models, funnel, readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard.pages.scorecard import charts as scorecard_charts
from dashboard.pages.scorecard import matrix, queries
from dashboard.pages.scorecard import sentences as words
from dashboard.shared import charts, filters, names, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared.context import ORGANISATION, Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.shared.context import Page

_SCORECARD: Final = "roi.mart_platform_scorecard"
#: Metrics drawn for a move: to several platforms, it is a single cost.
_OF_MOVES: Final = ("integration_share_ratio", "integration_to_rest_ratio")
_ACROSS: Final = 3


def show_platforms(view: Page) -> None:
    """Draw a row per platform, the criteria as three groups of columns."""
    table = queries.platform_figures(view.snapshot)
    rows = table.to_pylist()
    platforms = list(dict.fromkeys(row["subject_name"] for row in rows))
    matrix.show(view, rows, platforms)
    with_band = st.toggle(
        "Band of 30 to 50 %",
        value=True,
        key="band",
        bind="query-params",
        help=f"{words.BAND}.",
    )

    def draw() -> None:
        for criterion, metrics in words.DRAWN.items():
            st.subheader(words.CRITERIA[criterion], anchor=False)
            found = [words.of_metric(rows, metric) for metric in metrics]
            _draw_dots([one for one in found if one], platforms, with_band=with_band)

    tabs.fold("Charts with 90 % intervals", "intervals", draw)
    st.markdown(words.trajectory(queries.cost_trajectory(view.snapshot)))
    _show_integration(view, with_band=with_band)
    _show_figures(view, table)
    _show_terms(view)


def _show_integration(view: Page, *, with_band: bool) -> None:
    """Draw integration as a share of the investment: per move, paid once."""
    st.subheader(words.CRITERIA["integration"], anchor=False)
    moves = queries.moves(view.snapshot)
    found = [
        [
            words.of_move(move, metric)
            for move in moves
            if move.figures[metric] is not None
        ]
        for metric in _OF_MOVES
    ]
    names = [move.name for move in moves]
    _draw_dots([rows for rows in found if rows], names, with_band=with_band)


def _draw_dots(
    found: Sequence[list[dict[str, Any]]], platforms: list[str], *, with_band: bool
) -> None:
    if not found:
        st.markdown("Nothing of it is measured; the table below says why.")
        return
    known = {row["subject_name"] for rows in found for row in rows}
    drawn = [name for name in platforms if name in known]
    if len(drawn) < len(platforms):
        others = ", ".join(name for name in platforms if name not in known)
        st.caption(f"Nothing of it is known of {fmt.markdown(others)}.")
    columns = st.columns(_ACROSS)
    for position, rows in enumerate(found):
        metric = rows[0]["metric"]
        with columns[position % _ACROSS]:
            st.markdown(f"**{words.METRICS[metric]}**")
            charts.show(
                scorecard_charts.dots(
                    rows,
                    drawn,
                    charts.palette(),
                    with_band=with_band and metric == "integration_share_ratio",
                ),
                description=f"{words.METRICS[metric]} a dot and its"
                " 90 % interval. The table below has the same figures.",
                of=f"To date \u00b7 {ORGANISATION}",
            )


def _show_figures(view: Page, table: pa.Table) -> None:
    rows = table.to_pylist()
    told = (
        table.append_column(
            "metric_name", [[words.METRICS[row["metric"]] for row in rows]]
        )
        .append_column(
            "criterion_name", [[words.CRITERIA[row["criterion"]] for row in rows]]
        )
        .append_column("basis_name", [[words.BASES[row["basis"]] for row in rows]])
        .append_column("told", [[words.with_interval(row) for row in rows]])
        .append_column("grade_name", [[words.GRADES[row["grade"]] for row in rows]])
    )
    chosen = filters.choice(
        "Figures of",
        "platform",
        list(dict.fromkeys(row["subject_name"] for row in rows)),
        width=320,
    )
    kept = words.in_order(told.filter([row["subject_name"] == chosen for row in rows]))
    is_absent = [one is None for one in kept["metric_value"].to_pylist()]
    measured = kept.filter([not one for one in is_absent])
    columns = [
        tables.Column("metric_name", "Metric"),
        tables.Column("criterion_name", "Criterion"),
        tables.Column("basis_name", "Compared"),
        tables.Column("told", "Figure [90 %]", "prose"),
        tables.Column("n_observed", "n", "count"),
        tables.Column("missing_ratio", "Missing", "percent"),
        tables.Column("grade_name", "Grade"),
    ]
    origin = Origin(
        formula="Sums of numerators ÷ sums of denominators; a percentile from"
        " histograms that were added up. Intervals count months, weeks or runs and not"
        " requests. docs/how_to/read_platform_scorecard.md has each formula.",
        mart=_SCORECARD,
        row_count=table.num_rows,
    )
    tables.show(
        measured,
        columns,
        page=view,
        name="platform-scorecard",
        is_folded=True,
        caption=f"{chosen}, to date",
        origin=origin,
    )
    _show_absent(view, chosen, kept.filter(is_absent))


def _show_absent(view: Page, platform: str, absent: pa.Table) -> None:
    def draw() -> None:
        tables.show(
            absent,
            [
                tables.Column("metric_name", "Metric"),
                tables.Column("basis_name", "Compared"),
                tables.Column("reason", "Why", "prose"),
                tables.Column("way_out", "Data that would show it", "prose"),
            ],
            page=view,
            name="platform-scorecard-absent",
            caption=f"{platform}: figures that are absent",
        )

    tabs.fold(
        f"What is not known of {fmt.markdown(platform)}, and why", "not-known", draw
    )


def _show_terms(view: Page) -> None:
    table = queries.platform_terms(view.snapshot)
    tables.show(
        table,
        [
            tables.Column("platform_name", "Platform"),
            tables.Column("team_id", "Run by"),
            tables.Column("required_skills", "Skills that takes", "prose"),
            tables.Column("remaining_commitment_amount", "Still committed", "money"),
            tables.Column("last_commitment_ends_on", "Until", "day"),
            tables.Column(
                "integration_cost_amount", "Integration", "money", "integration_reason"
            ),
        ],
        page=view,
        name="platform-terms",
        is_folded=True,
        caption="Cost of a platform outside its bill",
        origin=Origin(
            formula="Team and skills as catalog.yml declares them; commitments that"
            " still run, of the platforms whose charges draw on them.",
            mart="roi.mart_platform_terms",
        ),
    )


def show_composition(view: Page) -> None:
    """Draw which models ran where, and which were left out of a comparison."""
    st.header("What runs where", anchor=False)
    table = queries.composition(view.snapshot)
    rows = table.to_pylist()
    models = names.names_of(view.snapshot, "model")
    ids = {row["model_id"] for row in rows if row["is_compared"]}
    compared = sorted(models.get(each, each) for each in ids)
    st.markdown(
        (
            f"The latency of **{fmt.markdown(', '.join(compared))}** can be compared:"
            " known on several platforms, with one threshold and band of load. "
            if compared
            else "No model can be compared between platforms. "
        )
        + "Models are not placed at random: what runs on a platform decides what it"
        " seems to cost. Every other row says why it is left out."
    )
    tables.show(
        table,
        [
            tables.Column("platform_id", "Platform"),
            tables.Column("model_id", "Model"),
            tables.Column("effective_cost", "Cost to date", "money"),
            tables.Column("placed_stages", "Placed for"),
            tables.Column("placed_from", "From", "day"),
            tables.Column("placed_to", "To", "day"),
            tables.Column("window_count", "Windows", "count"),
            tables.Column("compared_window_count", "Compared", "count"),
            tables.Column("left_out_reason", "Left out, for", "prose"),
        ],
        page=view,
        name="platform-models",
        caption="Models by platform; cost before tax and credits",
        origin=Origin(
            formula="Cost of each model on each platform; windows of latency in bands"
            " of load that another platform saw too are compared.",
            mart="roi.mart_platform_models",
        ),
    )


def show_funnel(view: Page) -> None:
    """Draw the share of pilots and registered models in production."""
    st.header("From pilot to production", anchor=False)
    table = queries.funnel(view.snapshot)
    if table.num_rows == 0:
        st.markdown(
            "No pilot and no registered version is known. *Velocity* says which"
            " events it takes."
        )
        return
    rows = table.to_pylist()
    began = fmt.plural(len(rows), "row")
    st.markdown(
        f"Pilots by service and registered versions by model, {began}. A share after"
        " 90 days counts what is still open for as long as it was seen."
    )
    nouns = {
        "pilot_to_production": "pilot",
        "registration_to_production": "registered version",
    }
    tables.show(
        table.append_column("noun", [[nouns[row["metric"]] for row in rows]]),
        [
            tables.Column("noun", "What began"),
            tables.Column("scope_id", "Of"),
            tables.Column("item_count", "Began", "count"),
            tables.Column("event_count", "In production", "count"),
            tables.Column("ratio_30", "Within 30 days", "percent"),
            tables.Column("ratio_90", "Within 90 days", "percent"),
            tables.Column("ratio_90_low", "90 % from", "percent"),
            tables.Column("ratio_90_high", "to", "percent"),
        ],
        page=view,
        name="pilot-to-production",
        caption="All cohorts together",
        origin=Origin(
            formula="Those that came by then, of all: one less the Kaplan-Meier curve"
            " where some are still open.",
            mart="delivery.mart_conversions",
        ),
    )


def show_readiness(view: Page) -> None:
    """Draw the measurements of each feature, and those to start on day 1."""
    st.header("Readiness", anchor=False)
    table = queries.readiness(view.snapshot)
    if table.num_rows == 0:
        st.markdown(
            "No feature is declared: `features` in `catalog.yml` name what the models"
            " are for. `triptych check --measurement` then says what is missing."
        )
        return
    rows = table.to_pylist()
    missing = [row for row in rows if not row["is_measured"]]
    known = names.names_of(view.snapshot, "feature")
    ids = {row["feature_id"] for row in missing}
    features = sorted(known.get(each, each) for each in ids)
    whose = f" of {fmt.markdown(', '.join(features))}" if features else ""
    st.markdown(
        f"**{fmt.plural(len(missing), 'measurement')}** of {len(rows):,}"
        f" that would be needed{' is' if len(missing) == 1 else ' are'} missing{whose}."
        " What is not measured on day one cannot be had later."
        " `triptych check --measurement` prints the same."
    )
    tables.show(
        table,
        [
            tables.Column("feature_id", "Feature"),
            tables.Column("measurement_name", "Measurement"),
            tables.Column("standing", "State"),
            tables.Column("measured_since", "Since", "day"),
            tables.Column("next_step", "Start with", "prose"),
        ],
        page=view,
        name="measurement-readiness",
        caption="Missing first",
        origin=Origin(
            formula="The first and last day of each kind of evidence that belongs to"
            " the feature, its models or its team.",
            mart="roi.mart_measurement_readiness",
        ),
    )
