"""Cost by model: which models cost most, per what, and how the bills lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

import streamlit as st

from dashboard.pages.cost_by_model import (
    drill_down,
    queries,
    sentences,
    unit_cost_queries,
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

_UNIT_NAMES: tuple[unit_cost_queries.Unit, ...] = get_args(unit_cost_queries.Unit)
_LOADINGS: tuple[queries.Loading, ...] = get_args(queries.Loading)
_COSTS = "cost.fct_daily_model_costs"
_DENOMINATORS = {
    "1,000 requests": "Requests",
    "1M tokens": "Tokens, in and out",
    "GPU-hour": "GPU-hours",
}


def main() -> None:
    """Draw the page."""
    here = page.current(__file__)
    top = st.container()
    loading = cast(
        "queries.Loading",
        filters.segments(
            "What counts as a model's cost",
            "loading",
            _LOADINGS,
            default="Fully loaded",
        ),
    )
    headline = queries.headline(here.snapshot, here.selection, loading)
    costs = queries.model_costs(here.snapshot, here.selection, loading)
    with top:
        show_tiles(here, headline, loading)

    def show_models() -> None:
        show_trend(here, headline, costs.to_pylist(), loading)
        drill_down.show(here, costs, loading)
        acting.offer("name_model", acting.Form(listed=("id", "team")))

    def show_units() -> None:
        show_unit_costs(here)
        token_section.show_token_costs(here)

    tabs.show(
        "cost",
        {
            "Models": show_models,
            "Unit cost": show_units,
            "From bills to models": lambda: show_waterfall(here),
            "Lifecycle": lambda: show_lifecycle(here, loading),
            "Unallocated": lambda: show_unallocated(here, headline),
        },
    )


def show_tiles(
    here: Page, headline: queries.Headline, loading: queries.Loading
) -> None:
    """Draw the four figures on top."""
    columns = st.columns(4)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_cost(here, headline, loading)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_idle(here, headline)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        _tile_unallocated(here, headline)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        _tile_unit_cost(here)


def _tile_cost(
    here: Page, headline: queries.Headline, loading: queries.Loading
) -> None:
    name = {"Direct": "direct", "+ shared": "direct + shared"}.get(
        loading, "fully loaded"
    )
    st.metric(
        here.total_label(f"Cost of models, {name}", headline.model_cost),
        fmt.money(headline.model_cost, here.currency),
        delta=None
        if headline.change is None
        else f"{fmt.signed_money(headline.change, here.currency)}"
        f" ({fmt.signed_percent(headline.change_ratio)})",
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(
        f"{fmt.plural(headline.model_count, 'model')}, {here.period}"
        + (f", against {here.prior_period}" if headline.change is not None else "")
    )
    explaining.show(
        here,
        Origin(
            formula=f"Sum of {_column(here)} where a model is named and the component"
            f" is one of {', '.join(queries.COMPONENTS[loading])}.",
            mart="cost.fct_daily_model_costs",
            row_count=headline.row_count,
            figures=(
                # A scope of one model says more than that there is one.
                here.scoped_figure(
                    "Cost of models",
                    f"{_COSTS}/{_column(here)}",
                    model_id=ANY,
                    component=queries.COMPONENTS[loading],
                ),
            ),
        ),
    )


def _tile_idle(here: Page, headline: queries.Headline) -> None:
    st.metric(
        here.total_label("Idle, charged to no model", headline.idle_shown),
        fmt.money(headline.idle_shown, here.currency),
    )
    if headline.idle_shown is not None:
        st.caption("Never part of the cost of models.")
    elif here.selection.covers_everything:
        st.caption("No pool shows idle capacity in this period.")
    else:
        st.caption("Idle belongs to no team or model, so a scope cannot show it.")
    explaining.show(
        here,
        Origin(
            formula=f"Sum of {_column(here)} of component idle where no model is named:"
            " pools with the policy show.",
            mart="cost.fct_daily_model_costs",
            row_count=headline.idle_row_count,
            figures=(
                here.figure(
                    "Idle",
                    f"{_COSTS}/{_column(here)}",
                    component="idle",
                    model_id=None,
                ),
            )
            if headline.idle_shown is not None
            else (),
        ),
    )


def _tile_unallocated(here: Page, headline: queries.Headline) -> None:
    st.metric(
        here.total_label("Unallocated", headline.unallocated),
        fmt.money(headline.unallocated, here.currency),
    )
    if headline.unallocated is not None:
        st.caption(f"{fmt.percent(headline.unallocated_ratio)} of usage cost")
    elif here.selection.covers_everything:
        st.caption("Every charge has an owner.")
    else:
        st.caption("What has no owner is in no scope.")
    explaining.show(
        here,
        Origin(
            formula=f"Sum of {_column(here)} of component unallocated; the ratio is to"
            " all components except tax and credit.",
            mart="cost.fct_daily_model_costs",
            row_count=headline.unallocated_row_count,
            figures=(
                here.figure(
                    "Unallocated",
                    f"{_COSTS}/{_column(here)}",
                    component="unallocated",
                ),
            )
            if headline.unallocated is not None
            else (),
        ),
    )


def _tile_unit_cost(here: Page) -> None:
    unit: unit_cost_queries.Unit = "1,000 requests"
    summary = unit_cost_queries.unit_summary(here.snapshot, here.selection, unit)
    st.metric(
        here.total_label("Cost per 1,000 requests", summary.cost),
        fmt.short_unit_cost(summary.unit_cost, here.currency),
        delta=None
        if summary.change_ratio is None
        else f"{fmt.signed_percent(summary.change_ratio)} against {here.prior_period}",
        delta_color="off",
        delta_arrow="off",
    )
    if summary.unit_cost is None:
        st.caption("No requests are metered in this period.")
    else:
        st.caption(
            f"{here.at_least(summary.cost)}{fmt.money(summary.cost, here.currency)} ÷"
            f" {fmt.count(summary.quantity)} requests;"
            f" covers {fmt.percent(summary.metered_cost_ratio)} of model cost"
            f"{summary_figures.with_idle(summary, here.currency)}"
        )
    explaining.show(
        here,
        Origin(
            formula="Fully loaded effective cost of metered models ÷ requests × 1,000;"
            " idle capacity that is charged to no model is not in it."
            " Unit costs are always amortised, whatever the basis above.",
            mart="cost.mart_model_unit_costs",
            row_count=summary.model_count,
            figures=_unit_cost_figures(here, unit),
        ),
    )


def _unit_cost_figures(here: Page, unit: unit_cost_queries.Unit) -> tuple[Stated, ...]:
    """Return the cost and the requests of the models that are metered."""
    rows = unit_cost_queries.unit_costs(here.snapshot, here.selection, unit).to_pylist()
    metered = tuple(row["model_id"] for row in rows if row["unit_cost"] is not None)
    if not metered:
        return ()
    mart = "cost.mart_model_unit_costs"
    where: dict[str, Where] = {"model_id": metered, "requests": ANY}
    return (
        here.figure("Cost (numerator)", f"{mart}/fully_loaded_cost", **where),
        here.figure("Requests (denominator)", f"{mart}/requests", **where),
    )


def show_trend(
    here: Page,
    headline: queries.Headline,
    models: list[dict[str, Any]],
    loading: queries.Loading,
) -> None:
    """Draw cost by month with its sentence, table and download."""
    st.header("Trend", anchor=False)
    largest = models[0] if models and models[0]["row_count"] else None
    st.markdown(sentences.trend(here, headline, largest))
    monthly = queries.monthly_costs(here.snapshot, here.selection, loading)
    if monthly.num_rows == 0:
        if here.selection.covers_everything:
            page.link_to("setup", label="Set-up: Models")
        else:
            st.info("No model has cost in this scope. Choose another scope above.")
        return
    charts.show(
        charts.monthly_costs(monthly, here.currency, charts.palette()),
        description="Stacked bars: cost of models by month, largest models apart."
        " The same figures are in the table below.",
    )
    st.caption(
        "Above each bar: all models, then idle capacity that is charged to none."
        " Paler bars marked est. hold charges that are not final; \u2265 marks a month"
        " that lacks something."
    )
    months = tables.months_across(monthly)
    tables.show(
        months,
        tables.month_columns(monthly),
        page=here,
        is_folded=True,
        name="cost-by-month",
        caption=f"{here.currency}, {loading.lower()}, {here.selection.basis.lower()}",
        origin=Origin(
            formula=f"Sum of {_column(here)} by month and model. The largest models of"
            " the chosen period have a colour, the rest are one series.",
            mart="cost.fct_daily_model_costs",
            row_count=sum(monthly["row_count"].to_pylist()),
        ),
        total_rows={months.num_rows - 2: tables.LOWER_BOUND},
    )


def show_unit_costs(here: Page) -> None:
    """Draw cost per unit with numerator, denominator and coverage."""
    st.header("Unit cost", anchor=False)
    unit = cast(
        "unit_cost_queries.Unit",
        filters.segments("Per", "unit", _UNIT_NAMES, default=_UNIT_NAMES[0]),
    )
    summary = unit_cost_queries.unit_summary(here.snapshot, here.selection, unit)
    st.markdown(sentences.unit_cost(here, summary, unit))
    if here.selection.basis == "Billed":
        st.caption(sentences.UNIT_COST_BASIS)
    trend = unit_cost_queries.unit_trend(here.snapshot, here.selection, unit)
    if any(value is not None for value in trend["unit_cost"].to_pylist()):
        charts.show(
            charts.unit_costs(trend, here.currency, unit, charts.palette()),
            description=f"Line: cost per {unit} by month over all metered models.",
            of=here.drawn(basis="amortised"),
        )
    models = unit_cost_queries.unit_costs(here.snapshot, here.selection, unit)
    tables.show(
        models,
        [
            tables.Column("model", "Model"),
            tables.Column("unit_cost", f"Per {unit}", "unit_cost", "reason"),
            tables.Column("cost", "Cost (numerator)", "money"),
            tables.Column("quantity", f"{_DENOMINATORS[unit]} (denominator)", "count"),
            tables.Column("coverage_ratio", "Meter coverage", "coverage"),
            tables.Column("prior_unit_cost", "Period before", "unit_cost"),
            tables.Column("change_ratio", "Change", "signed_percent"),
        ],
        page=here,
        name="unit-costs",
        caption=f"Cost per {unit} by model, fully loaded, amortised",
        origin=Origin(
            formula=f"Fully loaded effective cost ÷ {_DENOMINATORS[unit].lower()}. A"
            " month without a meter is in neither. Coverage is metered days ÷ days with"
            " cost, of the month that has the least.",
            mart="cost.mart_model_unit_costs",
            row_count=models.num_rows,
        ),
    )


def show_waterfall(here: Page) -> None:
    """Draw the way from the bills to the models."""
    st.header("From the bills to the models", anchor=False)
    table = queries.waterfall(here.snapshot, here.selection)
    rows = table.to_pylist()
    if not rows:
        st.info("Bills belong to the whole organisation, and to no single cost centre.")
        return
    st.markdown(sentences.waterfall(here, rows))
    if not here.selection.covers_everything:
        st.caption("Bills belong to the whole organisation: the scope does not narrow.")
    charts.show(
        charts.waterfall(table, here.currency, charts.palette()),
        description="Bars from the bills to the cost charged to models, one per step."
        " The same figures are in the table below.",
        of=here.drawn(scope=ORGANISATION),
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
        page=here,
        name="bills-to-models",
        caption="The steps add up to the bills, to the last digit",
        origin=Origin(
            formula=f"Ledger ({_column(here)} of the current loads) less what no model"
            " carries of each step = fully loaded cost of models.",
            mart="cost.mart_cost_waterfall",
            row_count=sum(row["row_count"] for row in rows),
        ),
        total_rows={steps.num_rows - 1: tables.LOWER_BOUND},
    )


def show_lifecycle(here: Page, loading: queries.Loading) -> None:
    """Draw the split into training, serving and experiments."""
    st.header("Lifecycle stages", anchor=False)
    table = queries.lifecycle_costs(here.snapshot, here.selection, loading)
    st.markdown(sentences.lifecycle(here, table.to_pylist()))
    if table.num_rows == 0:
        return
    charts.show(
        charts.lifecycle_costs(table, here.currency, charts.palette()),
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
        page=here,
        name="lifecycle-stages",
        caption=f"Cost by lifecycle stage, {loading.lower()}",
        origin=Origin(
            formula=f"Sum of {_column(here)} by the stage that the assignment rule"
            " names; unknown where a rule names none.",
            mart="cost.fct_daily_model_costs",
            row_count=sum(table["row_count"].to_pylist()),
        ),
    )


def show_unallocated(here: Page, headline: queries.Headline) -> None:
    """Draw what no rule caught, with the rules that would."""
    st.header("Unallocated", anchor=False)
    if not here.selection.covers_everything:
        st.markdown("What has no owner is in no scope; choose the scope everything.")
        return
    st.markdown(sentences.unallocated(here, headline))
    causes = queries.unallocated_causes(here.snapshot, here.selection)
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
        page=here,
        name="unallocated-causes",
        caption="Causes, largest first",
    )
    rules = dict.fromkeys(filter(None, causes["suggested_rule"].to_pylist()))
    text = "assignments:\n" + "\n".join(f"  {rule}" for rule in rules)
    tabs.fold("Suggested rules", "rules", lambda: _show_rules(text))
    explaining.show(
        here,
        Origin(
            formula=f"Sum of {_column(here)} of AI spend that matches no rule.",
            mart="cost.mart_unallocated_causes",
            row_count=causes.num_rows,
        ),
    )


def _show_rules(text: str) -> None:
    st.code(text, "yaml", wrap_lines=True)


def _column(here: Page) -> str:
    return AMOUNTS[here.selection.basis]


main()
