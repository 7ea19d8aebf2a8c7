"""Cost by model: costliest models, unit costs, and the way from bills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

import streamlit as st

from dashboard.pages.cost_by_model import (
    assistant_queries,
    assistants,
    drill_down,
    queries,
    sentences,
    tasks,
    unit_cost_queries,
    units,
)
from dashboard.pages.cost_by_model import tokens as token_section
from dashboard.pages.summary import figures as summary_figures
from dashboard.shared import acting, charts, explaining, filters, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import ORGANISATION, Origin, Stated, Where
from dashboard.shared.selection_queries import AMOUNTS
from triptych.core.warehouse.figures import ANY

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_LOADINGS: tuple[queries.Loading, ...] = get_args(queries.Loading)
_COSTS = "cost.fct_daily_model_costs"


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    top = st.container()
    loading = cast(
        "queries.Loading",
        filters.segments(
            "Parts of a model's cost",
            "loading",
            _LOADINGS,
            default="Fully loaded",
        ),
    )
    headline = queries.headline(view.snapshot, view.selection, loading)
    costs = queries.model_costs(view.snapshot, view.selection, loading)
    with top:
        show_tiles(view, headline, loading)

    def show_models() -> None:
        show_trend(view, headline, costs.to_pylist(), loading)
        drill_down.show(view, costs, loading)
        acting.offer("name_model", acting.Form(listed=("id", "team")))

    def show_units() -> None:
        units.show_unit_costs(view)
        token_section.show_token_costs(view)

    sections = {
        "Models": show_models,
        "Unit cost": show_units,
        "Tasks": lambda: tasks.show_tasks(view),
        "From bills to models": lambda: show_waterfall(view),
        "Lifecycle": lambda: show_lifecycle(view, loading),
        "Unallocated": lambda: show_unallocated(view, headline),
    }
    if assistant_queries.has_seats(view.snapshot):
        sections["Coding assistants"] = lambda: assistants.show(view)
    tabs.show("cost", sections)


def show_tiles(
    view: Page, headline: queries.Headline, loading: queries.Loading
) -> None:
    """Draw the four figures on top."""
    columns = st.columns(4)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_cost(view, headline, loading)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_idle(view, headline)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        _tile_unallocated(view, headline)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        _tile_unit_cost(view)


def _tile_cost(
    view: Page, headline: queries.Headline, loading: queries.Loading
) -> None:
    name = {"Direct": "direct", "+ shared": "direct + shared"}.get(
        loading, "fully loaded"
    )
    st.metric(
        view.total_label(f"Cost of models, {name}", headline.model_cost),
        fmt.money(headline.model_cost, view.currency)
        if headline.model_count
        else fmt.unknown("no model is named"),
        delta=None
        if headline.change is None
        else f"{fmt.signed_money(headline.change, view.currency)}"
        f"{fmt.in_brackets(headline.change_ratio)}",
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(
        f"{fmt.plural(headline.model_count, 'model')}, {view.period}"
        + (f", against {view.compared_period}" if headline.change is not None else "")
        + ("" if headline.model_count else ": name models in Set-up")
    )
    explaining.show(
        view,
        Origin(
            formula=f"Sum of {_column(view)} where a model is named and the component"
            f" is one of {', '.join(queries.COMPONENTS[loading])}.",
            mart="cost.fct_daily_model_costs",
            row_count=headline.row_count,
            figures=(
                # A scope of a single model is more specific than the presence of a
                # model.
                view.scoped_figure(
                    "Cost of models",
                    f"{_COSTS}/{_column(view)}",
                    model_id=ANY,
                    component=queries.COMPONENTS[loading],
                ),
            ),
        ),
    )


def _tile_idle(view: Page, headline: queries.Headline) -> None:
    st.metric(
        view.total_label("Idle, charged to no model", headline.idle_shown),
        fmt.money(headline.idle_shown, view.currency),
    )
    if headline.idle_shown is not None:
        st.caption("Never part of the cost of models.")
    elif view.selection.covers_everything:
        st.caption("No pool shows idle capacity: declare pools in allocation.yml.")
    else:
        st.caption("Of no model, so in no scope; *GPU & idle* shows who requested it.")
    explaining.show(
        view,
        Origin(
            formula=f"Sum of {_column(view)} of component idle where no model is named:"
            " pools with the policy show.",
            mart="cost.fct_daily_model_costs",
            row_count=headline.idle_row_count,
            figures=(
                view.figure(
                    "Idle",
                    f"{_COSTS}/{_column(view)}",
                    component="idle",
                    model_id=None,
                ),
            )
            if headline.idle_shown is not None
            else (),
        ),
    )


def _tile_unallocated(view: Page, headline: queries.Headline) -> None:
    st.metric(
        view.total_label("Unallocated", headline.unallocated),
        fmt.money(headline.unallocated, view.currency),
    )
    if headline.unallocated:
        st.caption(f"{fmt.percent(headline.unallocated_ratio)} of usage cost")
    elif view.selection.covers_everything:
        st.caption("No charge is unallocated.")
    else:
        st.caption("Unallocated cost is in no scope.")
    explaining.show(
        view,
        Origin(
            formula=f"Sum of {_column(view)} of component unallocated; the ratio is to"
            " all components except tax and credit.",
            mart="cost.fct_daily_model_costs",
            row_count=headline.unallocated_row_count,
            figures=(
                view.figure(
                    "Unallocated",
                    f"{_COSTS}/{_column(view)}",
                    component="unallocated",
                ),
            )
            if headline.unallocated
            else (),
        ),
    )


def _tile_unit_cost(view: Page) -> None:
    unit: unit_cost_queries.Unit = "1,000 requests"
    summary = unit_cost_queries.unit_summary(view.snapshot, view.selection, unit)
    label = "Cost per 1,000 requests"
    st.metric(
        view.tile_label(label)
        if summary.left_out
        else view.total_label(label, summary.cost),
        fmt.short_unit_cost(summary.unit_cost, view.currency),
        delta=None
        if summary.change_ratio is None
        else f"{fmt.signed_percent(summary.change_ratio)} against {view.prior_period}",
        delta_color="off",
        delta_arrow="off",
    )
    if summary.unit_cost is None:
        st.caption(summary.without_requests)
    else:
        st.caption(
            f"{sentences.at_least(view, summary)}"
            f"{fmt.money(summary.cost, view.currency)} ÷"
            f" {fmt.count(summary.quantity)} requests;"
            f" covers {fmt.percent(summary.metered_cost_ratio)} of model cost"
            f"{summary_figures.with_idle(summary, view.currency)}"
            f"{summary_figures.limits(summary)}"
        )
    explaining.show(
        view,
        Origin(
            formula="Fully loaded effective cost of metered days ÷ their requests"
            " × 1,000; idle capacity that is charged to no model is not in it."
            " Unit costs are always amortised, whatever the basis above.",
            mart="cost.mart_model_unit_costs",
            row_count=summary.model_count,
            figures=() if summary.moved_model_count else _unit_cost_figures(view, unit),
        ),
    )


def _unit_cost_figures(view: Page, unit: unit_cost_queries.Unit) -> tuple[Stated, ...]:
    """Return the cost and the requests of the models that are metered."""
    rows = unit_cost_queries.unit_costs(view.snapshot, view.selection, unit).to_pylist()
    metered = tuple(row["model_id"] for row in rows if row["unit_cost"] is not None)
    if not metered:
        return ()
    mart = "cost.mart_model_unit_costs"
    where: dict[str, Where] = {"model_id": metered, "requests": ANY}
    return (
        view.figure("Cost (numerator)", f"{mart}/request_metered_cost", **where),
        view.figure("Requests (denominator)", f"{mart}/requests", **where),
    )


def show_trend(
    view: Page,
    headline: queries.Headline,
    models: list[dict[str, Any]],
    loading: queries.Loading,
) -> None:
    """Draw cost by month with its sentence, table and download."""
    st.header("Trend", anchor=False)
    charged = [row for row in models if row["row_count"]]
    st.markdown(sentences.trend(view, headline, charged))
    monthly = queries.monthly_costs(view.snapshot, view.selection, loading)
    if monthly.num_rows == 0:
        if view.selection.covers_everything:
            page.link_to("setup", label="Set-up: Models")
        else:
            st.info("No model has cost in this scope. Choose another scope above.")
        return
    charts.show(
        charts.monthly_costs(monthly, view.currency, charts.palette()),
        description="Stacked bars: cost of models by month, largest models apart."
        " The same figures are in the table below.",
    )
    st.caption(
        "Above each bar: all models; where there is room, idle capacity that is charged"
        " to none. Paler bars (est.) hold charges that are not final; \u2265 marks a"
        " month that lacks something."
    )
    months = tables.months_across(monthly)
    tables.show(
        months,
        tables.month_columns(monthly),
        page=view,
        is_folded=True,
        name="cost-by-month",
        caption=f"{view.currency}, {loading.lower()}, {view.selection.basis.lower()}",
        origin=Origin(
            formula=f"Sum of {_column(view)} by month and model. The largest models of"
            " the chosen period have a colour, the rest are one series.",
            mart="cost.fct_daily_model_costs",
            row_count=sum(monthly["row_count"].to_pylist()),
        ),
        total_rows={months.num_rows - 2: tables.LOWER_BOUND},
    )


def show_waterfall(view: Page) -> None:
    """Draw the way from the bills to the models."""
    st.header("From the bills to the models", anchor=False)
    table = queries.waterfall(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        st.info("Bills belong to the whole organisation, and to no single cost centre.")
        return
    st.markdown(sentences.waterfall(view, rows))
    if not view.selection.covers_everything:
        st.caption("Bills belong to the whole organisation: the scope does not narrow.")
    charts.show(
        charts.waterfall(table, view.currency, charts.palette()),
        description="Bars from the bills to the cost charged to models, one per step."
        " The same figures are in the table below.",
        of=view.drawn(scope=ORGANISATION),
    )
    steps = tables.steps_with_total(table, charts.STEP_NAMES)
    tables.show(
        steps,
        [
            tables.Column("step", "Step"),
            tables.Column("amount", "On the bills", "money"),
            tables.Column("charged", "Charged to models", "money"),
            tables.Column("left_out", "Not charged to a model", "money"),
        ],
        page=view,
        name="bills-to-models",
        caption="The steps add up to the bills, to the last digit",
        origin=Origin(
            formula=f"Ledger ({_column(view)} of the current loads) less what no model"
            " carries of each step = fully loaded cost of models.",
            mart="cost.mart_cost_waterfall",
            row_count=sum(row["row_count"] for row in rows),
        ),
        total_rows={steps.num_rows - 1: tables.LOWER_BOUND},
    )


def show_lifecycle(view: Page, loading: queries.Loading) -> None:
    """Draw the split into training, serving and experiments."""
    st.header("Lifecycle stages", anchor=False)
    table = queries.lifecycle_costs(view.snapshot, view.selection, loading)
    st.markdown(sentences.lifecycle(view, table.to_pylist()))
    if table.num_rows == 0:
        return
    charts.show(
        charts.lifecycle_costs(table, view.currency, charts.palette()),
        description="Bars: cost of models by lifecycle stage.",
    )
    tables.show(
        table,
        [
            tables.Column("lifecycle_stage", "Stage"),
            tables.Column("amount", "Cost", "money"),
            tables.Column("share_ratio", "Share", "percent"),
            tables.Column("prior_amount", "Period before", "money"),
            tables.Column("model_count", "Models", "count"),
        ],
        page=view,
        name="lifecycle-stages",
        caption=f"Cost by lifecycle stage, {loading.lower()}",
        origin=Origin(
            formula=f"Sum of {_column(view)} by the stage that the assignment rule"
            " names; unknown where a rule names none.",
            mart="cost.fct_daily_model_costs",
            row_count=sum(table["row_count"].to_pylist()),
        ),
    )


def show_unallocated(view: Page, headline: queries.Headline) -> None:
    """Draw the cost that no rule caught, with the rules that would."""
    st.header("Unallocated", anchor=False)
    if not view.selection.covers_everything:
        st.markdown("Unallocated cost is in no scope; choose the scope everything.")
        return
    st.markdown(sentences.unallocated(view, headline))
    causes = queries.unallocated_causes(view.snapshot, view.selection)
    if causes.num_rows == 0:
        return
    tables.show(
        causes,
        [
            tables.Column("service_name", "Service"),
            tables.Column("resource_type", "Resource type"),
            tables.Column("source", "Source"),
            tables.Column("amount", "Cost", "money"),
            tables.Column("share_ratio", "Share", "percent"),
            tables.Column("row_count", "Line items", "count"),
        ],
        page=view,
        name="unallocated-causes",
        caption="Causes, largest first",
    )
    rules = dict.fromkeys(filter(None, causes["suggested_rule"].to_pylist()))
    text = "assignments:\n" + "\n".join(f"  {rule}" for rule in rules)
    tabs.fold("Suggested rules", "rules", lambda: _show_rules(text))
    explaining.show(
        view,
        Origin(
            formula=f"Sum of {_column(view)} of AI spend that matches no rule.",
            mart="cost.mart_unallocated_causes",
            row_count=causes.num_rows,
        ),
    )


def _show_rules(text: str) -> None:
    st.code(text, "yaml", wrap_lines=True)


def _column(view: Page) -> str:
    return AMOUNTS[view.selection.basis]


main()
