"""From a model's figure to its resources and line items, in two clicks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.cost_by_model import drill_queries, queries
from dashboard.shared import downloads, explaining, filters, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin
from triptych.core.warehouse.reader import LineItemsOutOfReachError

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa
    from streamlit.elements.lib.column_types import ColumnConfig

    from dashboard.shared.context import Page

_COMPONENTS = {
    "direct": "Its own charges",
    "shared": "Part of pool",
    "idle": "Idle part of pool",
    "unused_commitment": "Unused commitment",
    "overhead": "Overhead",
}
_WHOLE_TABLE_ROWS = 15
_NO_RESOURCE = "(no resource named)"


def show(view: Page, costs: pa.Table, loading: queries.Loading) -> None:
    """Draw the table of models, and beneath it the opened model."""
    st.header("Models", anchor=False)
    if costs.num_rows == 0:
        st.markdown(f"No model has cost in {view.period}.")
        return
    st.markdown("Click a model to see the parts of its cost.")
    models = costs["model_id"].to_pylist()
    _show_costs(view, costs, models)
    opened = filters.optional_choice(
        "Opened model", "model", models, placeholder="None: click one in the table"
    )
    if opened is not None:
        row = costs.to_pylist()[models.index(opened)]
        with st.container(border=True):
            _show_model(view, row, loading)


def _show_costs(view: Page, costs: pa.Table, models: list[str]) -> None:
    st.dataframe(
        costs.drop_columns(["row_count"]),
        height="content" if len(models) <= _WHOLE_TABLE_ROWS else "auto",
        hide_index=True,
        key="costs_table",
        on_select=lambda: _open("costs_table", "model", models),
        selection_mode=["single-row", "single-cell"],
        column_order=[
            *("rank", "model", "amount", "share_percent", "prior_amount"),
            *("change", "change_percent", "note", "team"),
        ],
        column_config={
            "rank": st.column_config.NumberColumn("#", width=44, pinned=True),
            "model": st.column_config.TextColumn("Model", pinned=True),
            "team": "Team",
            "amount": _number(f"Cost, {view.currency}", "accounting"),
            "share_percent": _number("Share", "%.1f %%"),
            "prior_amount": _number(view.prior_period or "Period before", "accounting"),
            "change": _number("Change", "accounting"),
            "change_percent": _number("Change, %", "%+.1f %%"),
            "note": "Note",
        },
        placeholder=fmt.UNKNOWN,
        alt="Models by cost. The same rows are in the download.",
    )
    tables.show_footer(
        costs.drop_columns(["share_percent", "change_percent"]),
        page=view,
        name="cost-by-model",
        origin=Origin(
            formula="Sum by model; change is this period less the one before, and a"
            " model without cost now stays in so that changes add up.",
            mart="cost.fct_daily_model_costs",
            row_count=sum(costs["row_count"].to_pylist()),
        ),
    )


def _number(label: str, pattern: str) -> ColumnConfig:
    return st.column_config.NumberColumn(label, format=pattern)


def _open(table_key: str, choice_key: str, options: list[str]) -> None:
    """Choose the row clicked in a table."""
    chosen = st.session_state[table_key].selection
    rows = chosen.rows or [cell[0] for cell in chosen.cells]
    if rows:
        st.session_state[choice_key] = options[rows[0]]


def _show_model(view: Page, row: dict[str, Any], loading: queries.Loading) -> None:
    st.subheader(fmt.markdown(row["model"]), anchor=False)
    parts = drill_queries.model_parts(
        view.snapshot, view.selection, loading, row["model_id"]
    )
    if parts.num_rows == 0:
        st.markdown(f"No cost in {view.period}.")
        return
    figure = fmt.money(row["amount"], view.currency)
    st.markdown(
        f"**{figure}** in {view.period}, {loading.lower()},"
        f" {view.selection.basis.lower()}. Its parts:"
    )
    rows = parts.to_pylist()
    tables.show(
        parts.add_column(0, "part", [[_part(part) for part in rows]]),
        [
            tables.Column("part", "Part"),
            tables.Column("amount", "Cost", "money"),
            tables.Column("share_ratio", "Share", "percent"),
        ],
        page=view,
        name="parts",
        caption="These add up to the figure above",
        origin=Origin(
            formula="Sum of the model's rows by component and pool.",
            mart="cost.fct_daily_model_costs",
            row_count=sum(part["row_count"] for part in rows),
        ),
    )
    try:
        _show_origins(view, row["model_id"], rows)
    except LineItemsOutOfReachError as error:
        st.info(fmt.markdown(str(error)))


def _part(part: dict[str, Any]) -> str:
    name = _COMPONENTS.get(part["component"], part["component"])
    return f"{name} {part['pool_id']}" if part["pool_id"] else name


def _show_origins(view: Page, model_id: str, parts: list[dict[str, Any]]) -> None:
    """Draw the resources and pools behind the parts, and the chosen items."""
    direct = [part["amount"] for part in parts if part["component"] == "direct"]
    pools = dict.fromkeys(
        f"pool {part['pool_id']}" for part in parts if part["pool_id"]
    )
    with st.spinner("Reading line items …"):
        resources = drill_queries.resources(
            view.snapshot, view.selection, model_id=model_id
        )
    names = [name or _NO_RESOURCE for name in resources["resource_id"].to_pylist()]
    if direct and names:
        _show_resources(view, resources, names, direct[0])
    chosen = filters.optional_choice(
        "Line items of",
        "item",
        [*dict.fromkeys(names), *pools],
        placeholder="Choose a resource or a pool",
    )
    if chosen in pools:
        _show_pool(view, chosen.removeprefix("pool "), parts)
    elif chosen is not None:
        resource_id = "" if chosen == _NO_RESOURCE else chosen
        _show_line_items(
            view,
            drill_queries.line_items(
                view.snapshot,
                view.selection,
                model_id=model_id,
                resource_id=resource_id,
            ),
            [
                (row["amount"], row["billing_currency"])
                for row in resources.to_pylist()
                if row["resource_id"] == resource_id
            ],
        )


def _show_resources(
    view: Page, resources: pa.Table, names: list[str], direct: Decimal
) -> None:
    rows = resources.to_pylist()
    totals = {row["billing_currency"]: row["total_amount"] for row in rows}
    count = rows[0]["total_count"]
    shown = "" if count == len(rows) else f", the largest {len(rows):,} shown"
    st.markdown(
        f"**{fmt.plural(count, 'resource')}**{shown}, together {_amounts(totals)}"
        f"{_compared(totals, direct, view, 'its own charges above')}."
        " Click one to see its line items."
    )
    st.dataframe(
        resources.drop_columns(["total_amount", "total_count"]),
        hide_index=True,
        key="resources_table",
        on_select=lambda: _open("resources_table", "item", names),
        selection_mode=["single-row", "single-cell"],
        column_order=[
            *("resource_name", "amount", "billing_currency", "line_item_count"),
            *("service_name", "resource_id"),
        ],
        column_config={
            "resource_name": st.column_config.TextColumn("Resource", width="medium"),
            "resource_id": "Resource id",
            "amount": st.column_config.NumberColumn("Cost", format="accounting"),
            "billing_currency": "Currency",
            "line_item_count": "Line items",
            "service_name": "Service",
        },
        placeholder=fmt.UNKNOWN,
        alt="Resources by cost. The same rows are in the download.",
    )
    downloads.download(resources, page=view, name="resources")


def _show_pool(view: Page, pool_id: str, parts: list[dict[str, Any]]) -> None:
    carried = " and ".join(
        f"**{fmt.money(part['amount'], view.currency)}** ({part['component']})"
        for part in parts
        if part["pool_id"] == pool_id
    )
    whole = drill_queries.pool_cost(view.snapshot, view.selection, pool_id)
    st.markdown(
        f"This model carries {carried} of the {fmt.money(whole, view.currency)} of pool"
        f" {fmt.markdown(pool_id)}. A pool is divided by its meter, not by line item,"
        " so these are the line items of the whole pool."
    )
    items = drill_queries.line_items(view.snapshot, view.selection, pool_id=pool_id)
    _show_line_items(view, items, [(whole, view.currency)])


def _show_line_items(
    view: Page, items: pa.Table, figure: list[tuple[Decimal | None, str]]
) -> None:
    rows = items.to_pylist()
    if not rows:
        st.markdown("The evidence of this run has no line item for it.")
        return
    totals = {row["billing_currency"]: row["total_amount"] for row in rows}
    count = rows[0]["total_count"]
    shown = "" if count == len(rows) else f"; the largest {len(rows):,} are shown"
    verdict = _verdict(totals, figure)
    st.markdown(
        f"**{fmt.plural(count, 'line item')}**, together {_amounts(totals)}{verdict}"
        f"{shown}."
    )
    st.dataframe(
        items.drop_columns(["total_amount", "total_count"]),
        hide_index=True,
        key="items_table",
        column_config=explaining.ROW_COLUMNS,
        placeholder=fmt.UNKNOWN,
        alt="Line items by cost. The same rows are in the download.",
    )
    tables.show_footer(
        items,
        page=view,
        name="line-items",
        origin=Origin(
            formula="The line items that the run's own rules assigned, read again from"
            " the evidence it was built from, in the currency of the bill.",
            mart="line_items",
            row_count=count,
        ),
    )


def _verdict(
    totals: dict[str, Decimal], figure: list[tuple[Decimal | None, str]]
) -> str:
    chosen = {currency: amount for amount, currency in figure}
    if chosen == totals:
        return ", equal to the figure chosen"
    written = " and ".join(fmt.money(amount, currency) for amount, currency in figure)
    if chosen.keys() != totals.keys():
        return f" on the bills, which is {written} converted"
    return f"; the figure chosen is {written}"


def _amounts(totals: dict[str, Decimal]) -> str:
    return " and ".join(
        f"**{fmt.money(amount, currency)}**" for currency, amount in totals.items()
    )


def _compared(
    totals: dict[str, Decimal], figure: Decimal, view: Page, name: str
) -> str:
    if totals == {view.currency: figure}:
        return f", equal to {name}"
    if set(totals) != {view.currency}:
        return f" on the bills, which is {fmt.money(figure, view.currency)} converted"
    return f"; {name} are {fmt.money(figure, view.currency)} in this scope"
