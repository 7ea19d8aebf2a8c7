"""Budget & forecast: is it as planned, why did it change, where will it end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.budget import anomalies, forecast_queries, queries
from dashboard.pages.budget import burn_down as burn_down_section
from dashboard.pages.budget import charts as budget_charts
from dashboard.pages.budget import sentences as budget_sentences
from dashboard.pages.budget.tiles import BUDGETS, OUTTURNS, show_tiles
from dashboard.shared import acting, charts, comments, filters, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import ORGANISATION, Origin
from dashboard.shared.drawing import step_charts

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_BRIDGE = "cost.mart_cost_bridge"
_FORECASTS = "cost.mart_cost_forecasts"
_ALL_BARS = "All"
#: Former names of bars in links: a price was cost over use.
_FORMER_LABELS = {
    "Price": "Efficiency of use",
    "Volume": "Quantity",
    "Mix": "Model or kind mix",
    "Not invoiced": "Not invoiced yet",
}


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    budgets = queries.budgets(view.snapshot, view.selection)
    landings = forecast_queries.landings(view.snapshot, view.selection)
    show_tiles(view, budgets.to_pylist(), landings.to_pylist())

    def show_variance() -> None:
        show_budgets(view, budgets)
        month = max(view.selection.period.months)
        acting.offer("enter_budget", acting.Form(defaults={"month": month}))
        acting.offer("import_budgets")

    def show_ahead() -> None:
        if forecast_queries.is_past(view.snapshot, view.selection):
            known = forecast_queries.known_month(view.snapshot, view.selection)
            st.markdown(budget_sentences.nothing_ahead(view, known))
            return
        if not forecast_queries.is_forecast(view.selection):
            st.markdown(budget_sentences.NOT_FORECAST)
            return
        show_landings(view, landings)
        show_forecast(view)

    tabs.show(
        "budget",
        {
            "Variance": show_variance,
            "What changed": lambda: show_bridge(view),
            "Forecast": show_ahead,
            "Commitments": lambda: burn_down_section.show(view),
            "Anomalies": lambda: anomalies.show(view),
        },
    )
    st.caption(
        "Budgets and forecasts are of AI spend: amortised, before tax and credits,"
        " whatever the basis above. The bridge follows the basis."
    )


def show_budgets(view: Page, budgets: pa.Table) -> None:
    """Draw the budget and the cost of each scope."""
    st.header("Budgets", anchor=False)
    rows = budgets.to_pylist()
    if not rows:
        _say_no_budget(view)
        return
    st.markdown(budget_sentences.budgets(view, rows))
    charts.show(
        budget_charts.bullets(budgets, view.currency, charts.palette()),
        description="A bar for each scope's cost with a line at its budget."
        " The same figures are in the table below.",
        of=view.drawn(basis="amortised"),
    )
    st.caption("Bar: actual. Upright line: budget.")
    tables.show(
        budgets,
        [
            tables.Column("scope", "Scope"),
            tables.Column("budget", "Budget", "money"),
            tables.Column("actual", "Actual", "money", "reason"),
            tables.Column("variance", "Variance", "change"),
            tables.Column("variance_ratio", "Over or under budget", "signed_percent"),
            tables.Column("times_budget", "Actual is", "times"),
            tables.Column("state", "State"),
        ],
        page=view,
        name="budgets",
        caption=f"{view.period}, AI spend, amortised, before tax and credits",
        origin=Origin(
            formula="Variance = actual − budget, positive is over. Over; within;"
            " running while the month runs; ahead before its first bill. Stale where a"
            " bill has not come as far; incomplete where one lacks something; unknown.",
            mart=BUDGETS,
            row_count=sum(row["row_count"] for row in rows),
        ),
    )


def _say_no_budget(view: Page) -> None:
    months = queries.budget_months(view.snapshot, view.selection)
    if months:
        st.markdown(
            f"**{budget_sentences.no_budget(view)}** Budgets in {view.currency}"
            f" begin in {fmt.month(months[-1])} and end in {fmt.month(months[0])}."
        )
        return
    st.markdown(
        "**No budget yet.** Deliver a table of the stream `budgets` with a month, a"
        " scope and an amount, then run `triptych ingest` and `triptych build`."
    )


def show_bridge(view: Page) -> None:
    """Draw the bridge from an earlier month to the last month of the period."""
    month = max(view.selection.period.months)
    st.header(f"Why {fmt.month(month)} cost what it did", anchor=False)
    months = queries.bridge_months(view.snapshot, view.selection)
    if not months:
        st.markdown(f"No month before {fmt.month(month)} has cost to compare it with.")
        return
    against = filters.choice("Against", "against", months, width=160)
    steps = queries.bridge_steps(view.snapshot, view.selection, against)
    rows = steps.to_pylist()
    if not rows:
        st.markdown("This scope has no cost in either month.")
        return
    is_narrowed = view.selection.scope_kind in {"everything", "model"}
    if not is_narrowed:
        st.caption("The bridge is that of the whole organisation.")
    st.markdown(budget_sentences.bridge(view, rows, against))
    beyond = budget_sentences.beyond_ai_cost(
        view, queries.beyond_ai_cost(view.snapshot, view.selection, against)
    )
    uneven = budget_sentences.unevenly_metered(
        view,
        queries.unevenly_metered(view.snapshot, view.selection, against).to_pylist(),
        against,
    )
    unknown = budget_sentences.unknown_rates(view, rows)
    for remark in filter(None, (unknown, beyond, uneven)):
        st.caption(fmt.markdown(remark))
    names = budget_sentences.STEP_NAMES | {
        "earlier": fmt.month(against),
        "later": fmt.month(month),
    }
    charts.show(
        step_charts.steps(steps, names, view.currency, charts.palette()),
        description="A waterfall from no change to the change between the months,"
        " a bar for each cause that the table below names and explains.",
        of=view.drawn(
            period=f"{fmt.month(month)} against {fmt.month(against)}",
            scope="" if is_narrowed else ORGANISATION,
        ),
    )
    _show_bridge_steps(view, steps, names, against)
    _show_bridge_lines(view, against)
    st.subheader("Comments on it", anchor=False)
    comments.show(view, against=against)


def _show_bridge_steps(
    view: Page, steps: pa.Table, names: dict[str, str], against: str
) -> None:
    named = tables.named_steps(steps, names, meanings=budget_sentences.BAR_MEANINGS)
    tables.show(
        named,
        [
            tables.Column("step", "Step"),
            tables.Column("amount", "Amount", "money"),
            tables.Column("meaning", "It says", "prose"),
        ],
        page=view,
        name="bridge",
        caption=f"{view.selection.basis}, {view.currency}",
        origin=Origin(
            formula="Sums of the bars over all lines. Rates, purchases and kinds are"
            " of the SKUs on the bill, quantity and model mix of two rounded quotients,"
            " C0·q1/q0 and C0·Q1/Q0. The last bar is the rest: they add up exactly.",
            mart=_BRIDGE,
            row_count=steps["row_count"][0].as_py(),
        ),
        total_rows={
            0: tables.LOWER_BOUND if view.not_complete(against) else "",
            steps.num_rows - 2: tables.PARTIAL_CHANGE,
            steps.num_rows - 1: tables.LOWER_BOUND,
        },
    )


def _show_bridge_lines(view: Page, against: str) -> None:
    known = queries.bridge_bars(view.snapshot, view.selection.basis)
    bars = {budget_sentences.STEP_NAMES[bar]: bar for bar in known}
    label = filters.choice(
        "Lines behind", "step", (_ALL_BARS, *bars), width=220, former=_FORMER_LABELS
    )
    lines = queries.bridge_lines(
        view.snapshot, view.selection, against, bars.get(label)
    )
    if lines.num_rows == 0:
        st.markdown(f"No line has anything under {label.lower()}.")
        return
    tables.show(
        lines,
        [
            tables.Column("model", "Model"),
            tables.Column("cost_line", "Line"),
            tables.Column("chosen_amount", _heading(label), "change"),
            tables.Column("prior_cost", "Cost before", "amount"),
            tables.Column("cost", "Cost", "amount"),
            tables.Column("unit", "Unit"),
            tables.Column("prior_quantity", "Quantity before", "count"),
            tables.Column("quantity", "Quantity", "count"),
            tables.Column("reason", "Why it is other", "prose"),
        ],
        page=view,
        name="bridge-lines",
        caption=f"The largest first, against {fmt.month(against)}",
        origin=Origin(
            formula="One line per model and part of its cost; each in its own unit.",
            mart=_BRIDGE,
        ),
    )


def _heading(label: str) -> str:
    return "Change" if label == _ALL_BARS else label


def show_landings(view: Page, landings: pa.Table) -> None:
    """Draw where the running month, quarter and fiscal year will end."""
    st.header("Where it will end", anchor=False)
    rows = landings.to_pylist()
    if not rows:
        st.markdown(budget_sentences.NOTHING_FORECAST)
        return
    # The whole, or the single model of the scope.
    totals = [row for row in rows if row["name"] == rows[0]["name"]]
    quality = forecast_queries.forecast_quality(view.snapshot, view.selection)
    by_name = {row["name"]: row for row in quality.to_pylist()}
    whole = by_name.get(rows[0]["name"])
    st.markdown(budget_sentences.outturn(view, totals, whole))
    for row in totals:
        st.markdown(budget_sentences.landing(view, row))
    tables.show(
        landings,
        [
            tables.Column("period", "Period", "month"),
            tables.Column("name", "Of"),
            tables.Column("known", "Known", "money"),
            tables.Column("expected", "Will end at", "estimate"),
            tables.Column("low", "At least", "estimate"),
            tables.Column("high", "At most", "estimate"),
            tables.Column("budget", "Budget", "money"),
            tables.Column("outlook", "Outlook"),
            tables.Column("sum_count", "Past sums", "count"),
            tables.Column("held_ratio", "Held", "percent"),
            tables.Column("widening", "Widened", "decimal"),
        ],
        page=view,
        is_folded=True,
        name="landings",
        caption="90 % intervals; amortised, before tax and credits",
        origin=Origin(
            formula="Known cost, exactly, and the forecast of the remaining days.",
            mart=OUTTURNS,
        ),
    )


def show_forecast(view: Page) -> None:
    """Draw the days ahead, and how wrong the method has been."""
    st.header("Forecast", anchor=False)
    series = forecast_queries.forecast_series(view.snapshot, view.selection)
    if not series:
        st.markdown(
            "Nothing is forecast: that takes a bill with a charge on most of the last"
            " 28 days."
        )
        return
    chosen = filters.choice("Of", "series", series, width=280)
    quality = forecast_queries.forecast_quality(view.snapshot, view.selection)
    rows = quality.to_pylist()
    by_name = {row["name"]: row for row in rows}
    st.markdown(budget_sentences.forecast(chosen, by_name[chosen]))
    days = forecast_queries.forecast_days(view.snapshot, view.selection, chosen)
    charts.show(
        budget_charts.fan(days, view.currency, charts.palette()),
        description="A line of the known cost per day, then a dashed line of what is"
        " expected within a band that is its 90 % interval.",
        of=f"{chosen} \u00b7 amortised",
    )
    st.caption("Line: known. Dashed: expected. Band: 90 % interval.")
    tables.show(
        days,
        [
            tables.Column("charge_date", "Day", "day"),
            tables.Column("kind", "Kind"),
            tables.Column("actual", "Known", "money"),
            tables.Column("expected", "Expected", "estimate"),
            tables.Column("low", "At least", "estimate"),
            tables.Column("high", "At most", "estimate"),
        ],
        page=view,
        name="forecast",
        caption=f"{chosen}, by day; the days ahead first",
        origin=Origin(
            formula="Made when the run was built, never in a page; models add up to the"
            " whole.",
            mart=_FORECASTS,
        ),
    )
    _show_quality(view, quality)


def _show_quality(view: Page, quality: pa.Table) -> None:
    st.subheader("How wrong past forecasts were", anchor=False)
    st.markdown(budget_sentences.methods(quality.to_pylist()))
    tables.show(
        quality,
        [
            tables.Column("name", "Of"),
            tables.Column("method", "Method"),
            tables.Column("error_ratio", "Error", "percent", "reason"),
            tables.Column("naive_error_ratio", "Naive error", "percent"),
            tables.Column("coverage_ratio", "Days in the interval", "percent"),
            tables.Column("origin_count", "Tried from", "count"),
            tables.Column("last_complete_day", "Known up to", "day"),
        ],
        page=view,
        name="forecast-quality",
        caption="Back-test on days that were held out; naive repeats last week",
        origin=Origin(
            formula="Mean absolute error on held-out days ÷ the typical size of a day."
            " A good 90 % interval holds about 90 % of the days.",
            mart=_FORECASTS,
            row_count=sum(quality["row_count"].to_pylist()),
        ),
    )


main()
