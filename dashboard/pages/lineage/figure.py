"""Origin of a figure: its meaning, its sources and its verification.

A figure is chosen by mart and column, its rows by the bar and by conditions as
addresses have them. All of it is in the link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st

from dashboard.pages.lineage import assumption_queries, queries
from dashboard.pages.lineage import charts as lineage_charts
from dashboard.shared import access, charts, explaining, filters, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin, Stated
from triptych.core.errors import TriptychError
from triptych.core.explanation import ColumnMeaning, find_column, read_value, unit_of
from triptych.core.warehouse.figures import Figure, parse_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page
    from triptych.core.explanation import Explanation, PublishedValue

#: Default for a link that names no figure: AI cost by model, day and component.
_FIRST = "cost.fct_daily_model_costs/effective_cost"
#: Marts valued by assumptions; the others of their schema compare platforms.
_OF_RETURNS = frozenset(
    {
        *("roi.mart_feature_roi", "roi.mart_model_roi", "roi.mart_portfolio_roi"),
        *("roi.mart_evidence_mix", "roi.mart_roi_overlaps", "roi.mart_roi_sensitivity"),
        "roi.mart_study_ledger",
    }
)
_STEPS = ("1", "2", "3", "4")
_CHECKSUM_DIGITS = 12


def show(view: Page) -> None:
    """Draw the chosen figure, its lineage, and the way to work it out again."""
    st.header("Where a figure comes from", anchor=False)
    columns = queries.documented_columns(view.snapshot)
    if columns is None:
        st.info("**This run has no explanations.** Publish it again: `triptych build`.")
        return
    meaning = _chosen(columns)
    st.markdown(_meaning(meaning))
    of_mart = {
        column.column: column for column in columns if column.mart == meaning.mart
    }
    figure = _addressed(view, meaning, of_mart)
    if figure is not None:
        _show_value(view, figure, columns, of_mart)
    show_lineage(view, meaning)


def _chosen(columns: Sequence[ColumnMeaning]) -> ColumnMeaning:
    by_address = {f"{one.mart}/{one.column}": one for one in columns if one.is_figure}
    ordered = sorted(by_address, key=lambda address: (address != _FIRST, address))
    return by_address[filters.choice("Figure", "figure", ordered, width=560)]


def _meaning(meaning: ColumnMeaning) -> str:
    parts = ""
    if meaning.numerator and meaning.denominator:
        parts = f" It is `{meaning.numerator}` ÷ `{meaning.denominator}`."
    formula = meaning.formula or ""
    said = fmt.markdown(meaning.description)
    return (
        f"{said} {fmt.markdown(formula) if formula != meaning.description else ''}"
        f"{parts}\n\n`{meaning.mart}`: {fmt.markdown(meaning.mart_description)}"
        f" It has {fmt.markdown(meaning.grain)}."
    )


def _addressed(
    view: Page, meaning: ColumnMeaning, of_mart: dict[str, ColumnMeaning]
) -> Figure | None:
    """Return the figure with its rows: those of the bar and the typed rows."""
    typed = st.text_input(
        "Only rows with",
        key="rows",
        bind="query-params",
        placeholder="step=ledger&source=aws",
        help="Conditions as in an address: several values with commas, `*` for any"
        " known one, nothing for rows without one. Month, currency and scope are those"
        " of the bar, unless they are named here.",
        width=560,
    )
    try:
        own = parse_figure(f"{meaning.mart}/{meaning.column}?{(typed or '').strip()}")
    except TriptychError as error:
        st.warning(fmt.markdown(str(error)))
        return None
    named = {condition.column for condition in own.conditions}
    of_bar = Figure.of(
        meaning.mart,
        meaning.column,
        {
            name: value
            for name, value in _of_bar(view, of_mart).items()
            if name not in named
        },
    )
    both = (*of_bar.conditions, *own.conditions)
    return Figure(meaning.mart, meaning.column, both)


def _of_bar(
    view: Page, of_mart: dict[str, ColumnMeaning]
) -> dict[str, str | Sequence[str] | None]:
    """Return the conditions of the bar that the mart has columns for."""
    chosen: dict[str, str | Sequence[str] | None] = {
        "billing_month": view.selection.period.months,
        "month": view.selection.period.months,
        "currency": view.currency,
        "window": "to_date",
    }
    scoped = {
        "model": "model_id",
        "team": "team_id",
        "cost centre": "cost_center",
    }.get(view.selection.scope_kind)
    if scoped:
        chosen[scoped] = view.selection.scope_id
    return {name: value for name, value in chosen.items() if name in of_mart}


def _show_value(
    view: Page,
    figure: Figure,
    columns: Sequence[ColumnMeaning],
    of_mart: dict[str, ColumnMeaning],
) -> None:
    """Draw the published value, its derivation and the value by evidence."""
    try:
        find_column(list(columns), figure)
        published = read_value(view.snapshot, figure, of_mart)
    except TriptychError as error:
        # The message names the missing condition, or the value that does not exist.
        st.info(fmt.markdown(str(error)))
        return
    origin = _origin(figure, published, of_mart)
    with st.container(border=True):
        st.metric(
            view.tile_label(f"{figure.column} of {figure.mart}"),
            explaining.exact(view, figure, published.value).replace("\\", ""),
        )
        unit = unit_of(figure.column, published, view.run.currency)
        is_told = unit != figure.column.replace("_", " ")
        st.caption(f"{f'in {unit}; ' if is_told else ''}{_standing(published)}")
        buttons = st.container()
        st.code(explaining.command(figure), language=None, wrap_lines=True)
        st.markdown(explaining.facts(view, origin))
        _show_register(view, figure)
        with buttons, st.container(horizontal=True, gap="medium"):
            if st.button(
                "Source rows", key="rows-behind", icon=":material/table_rows:"
            ):
                explaining.show_sources(view, origin)
            is_asked = _offer_working_out(view)
    if is_asked:
        _show_again(view, figure)


def _standing(published: PublishedValue) -> str:
    rows = fmt.plural(published.row_count, "row")
    estimated = "; part of it is estimated" if published.is_estimated else ""
    months = ", ".join(fmt.month(month) for month in published.months)
    return f"{rows} of the mart{f', {months}' if months else ''}{estimated}"


def _origin(
    figure: Figure,
    published: PublishedValue,
    of_mart: dict[str, ColumnMeaning],
) -> Origin:
    meaning = of_mart[figure.column]
    return Origin(
        formula=meaning.formula or meaning.description,
        mart=figure.mart,
        row_count=published.row_count,
        figures=(Stated(figure.column, figure),),
    )


def _show_register(view: Page, figure: Figure) -> None:
    """Name the assumptions that a return rests on: their versions, and who approved."""
    register = assumption_queries.assumptions(view.snapshot)
    if figure.mart not in _OF_RETURNS or register is None:
        return
    features = figure.condition("feature_id")
    rows = [
        row
        for row in register.to_pylist()
        if row["fed_ids"]
        and (
            features is None
            or features.is_any
            or set(features.values).intersection(row["fed_ids"].split(", "))
        )
    ]
    if rows:
        named = "; ".join(
            f"{fmt.markdown(row['assumption_id'])} `{row['assumption_version']}`,"
            f" approved by {fmt.markdown(row['approved_by'] or row['nobody'])}"
            for row in rows
        )
        st.markdown(f"- Assumptions: {named}")


def _offer_working_out(view: Page) -> bool:
    if view.snapshot.viewed_as:
        st.caption("Only users who see the whole run can recalculate.")
        return False
    return st.button(
        "Work it out again",
        key="again",
        icon=":material/calculate:",
        help="From the evidence files of the run. Adding up line items takes seconds;"
        " where the models of the run are run again, a minute or more.",
    )


def _show_again(view: Page, figure: Figure) -> None:
    """Draw the value by evidence part by part, with files and loads."""
    root = str(access.workspace_root().resolve())
    try:
        with st.spinner("Working it out from the evidence …"):
            told = queries.worked_out_again(view.snapshot, root, str(figure))
    except TriptychError as error:
        st.info(fmt.markdown(str(error)))
        return
    again = told.rederivation
    if told.problem:
        st.error(f"**Not the same.** {fmt.markdown(told.problem)}")
    elif again.is_equal is None:
        st.info(fmt.markdown(again.verdict[:1].upper() + again.verdict[1:] + "."))
    else:
        by = (
            again.method
            if again.line_item_count is None
            else fmt.plural(again.line_item_count, "line item")
        )
        value = explaining.exact(view, figure, again.value)
        st.success(f"Worked out again from {by}: **{value}**, {again.verdict}.")
    _show_parts(view, told)
    _show_files(view, told)


def _show_parts(view: Page, told: Explanation) -> None:
    if not told.rederivation.parts:
        return
    rows = [
        {
            "part": part.name,
            "published": _digits(part.published),
            "again": _digits(part.rederived),
            "whole": _digits(part.share_of),
            "verdict": "equal" if part.is_equal else "different",
        }
        for part in told.rederivation.parts
    ]
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("part", "Part"),
            tables.Column("published", "Published"),
            tables.Column("again", "Worked out again"),
            tables.Column("whole", "Of"),
            tables.Column("verdict", "Result"),
        ],
        page=view,
        name="parts",
        caption="Its parts, with every digit",
    )


def _digits(value: object) -> str | None:
    return None if value is None else f"{value}"


def _show_files(view: Page, told: Explanation) -> None:
    files = told.files
    st.markdown(
        f"{fmt.plural(files.checked_count, 'file')} of evidence compared with their"
        f" checksums, {len(files.changed)} changed"
        + (
            f"; {files.unknown_count} cannot be compared."
            if files.unknown_count
            else "."
        )
    )
    if not told.loads:
        return
    rows = [
        {
            "source": load.source,
            "stream": load.stream,
            "label": load.label,
            "row_count": load.row_count,
            "quarantined_row_count": load.quarantined_row_count,
            "loaded_at": load.loaded_at,
            "checksum": load.checksums[0][:_CHECKSUM_DIGITS]
            if load.checksums
            else None,
        }
        for load in told.loads
    ]
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("source", "Source"),
            tables.Column("stream", "Stream"),
            tables.Column("label", "Delivered as"),
            tables.Column("row_count", "Rows", "count"),
            tables.Column("quarantined_row_count", "Refused", "count"),
            tables.Column("loaded_at", "Loaded", "moment"),
            tables.Column("checksum", "Checksum"),
        ],
        page=view,
        name="loads-behind",
        caption="Source files",
    )


def show_lineage(view: Page, meaning: ColumnMeaning) -> None:
    """Draw the lineage of the mart, from evidence on the left to the mart."""
    st.subheader(f"What {meaning.mart} is made of", anchor=False)
    nodes = queries.upstream(view.snapshot, meaning.model_name)
    streams = sum(node.layer == "evidence" for node in nodes)
    st.markdown(
        f"**{fmt.plural(len(nodes) - streams - 1, 'model')}** and"
        f" **{fmt.plural(streams, 'source')}** feed it."
    )
    steps = filters.segments("Steps back", "steps", _STEPS, default="3")
    shown = lineage_charts.within(nodes, int(steps))
    charts.show(
        lineage_charts.left_to_right(shown, charts.palette()),
        description=f"{len(shown)} of the models and streams that {meaning.mart} is"
        " made of, in columns from left to right, each joined to what it reads. The"
        " table below has all of them.",
        of=meaning.mart,
    )
    rows = [
        {
            "name": node.name,
            "layer": node.layer,
            "steps": node.distance,
            "kind": node.kind,
            "description": node.description or "a stream of evidence",
            "parents": ", ".join(node.parents) or None,
        }
        for node in nodes
    ]
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("name", "Model or stream"),
            tables.Column("layer", "Layer"),
            tables.Column("steps", "Steps back", "count"),
            tables.Column("kind", "Kept as"),
            tables.Column("description", "Description", "prose"),
            tables.Column("parents", "Reads", "prose"),
        ],
        page=view,
        name="lineage",
        caption="The nearest first",
    )
