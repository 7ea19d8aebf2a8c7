"""Scenarios: saved results side by side, and numbers to turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.scenarios import charts as drawn
from dashboard.pages.scenarios import forms, queries, tiles
from dashboard.pages.scenarios import reconciliation as scenario_reconciliation
from dashboard.pages.scenarios import sentences as words
from dashboard.shared import access, charts, filters, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin
from dashboard.shared.return_sentences import chance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from dashboard.shared.context import Page

    Result = dict[str, Any]

_FOLDER = "scenarios/results"
_FIRST = 2
#: Measure of a tornado: name of its columns, and of its axis.
_MEASURES = {
    "Gain against base": ("difference", "Mean gain at the ends of a 90 % interval"),
    "Net present value": ("npv", "Mean NPV at the ends of a 90 % interval"),
}
_COMMANDS = """\
triptych scenario new move-platform
triptych scenario run scenarios/move_platform.yml --by "Your name"
"""
_TEMPLATES = """
There are templates to `move-platform`, `swap-model`, `raise-utilisation`,
`commit-for-a-year`, `double-volume`, `build-or-buy` and `stop-feature`. A result is
saved under an id that depends on the file, the run and the seed alone, and shows up
here. It changes no published figure and no approved value.
"""


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    saved = queries.saved_scenarios(access.workspace_root())
    unreadable = queries.unreadable_scenarios(access.workspace_root())
    if unreadable:
        names = fmt.markdown(", ".join(unreadable))
        count = fmt.plural(len(unreadable), "saved result")
        st.caption(f"{count} cannot be read and left out: {names}. Run it again.")
    if not saved:
        show_nothing()
        return
    top = st.container()
    chosen = choose(saved)
    sections: dict[str, Callable[[], None]] = {}
    if chosen:
        sections = {
            "Outcome": lambda: show_outcomes(view, chosen),
            "Assumptions": lambda: show_assumed(view, chosen),
            "Over time": lambda: show_fan(view, chosen),
            "One scenario": lambda: show_one(view, chosen),
        }
    sections["Saved"] = lambda: show_saved(view, saved)
    if forms.are_offered():
        sections["Change"] = forms.show
    with top:
        tabs.show("scenarios_tab", sections)
    st.caption(
        "A scenario carries a published run forward: period, basis and scope above do"
        " not change it. Money is discounted to the first day of the horizon."
    )
    tabs.fold("How to make one", "how", show_how)


def show_nothing() -> None:
    """Show the data needed to fill the page."""
    st.info("**No scenario has been run in this workspace.**")
    forms.show()
    show_how()


def show_how() -> None:
    """Show the commands that make a scenario."""
    st.markdown(
        "Write one from a template, put in your own names and values, and run it:"
    )
    st.code(_COMMANDS, language=None, wrap_lines=True)
    st.markdown(_TEMPLATES)


def choose(saved: Sequence[Result]) -> list[Result]:
    """Draw the choice of results, bound to the URL, and return them."""
    labels = [queries.scenario_label(one) for one in saved]
    known_as = queries.label_by_link(saved)
    asked = [known_as.get(each, each) for each in st.query_params.get_all("scenarios")]
    if asked != st.query_params.get_all("scenarios"):
        known = [label for label in asked if label in labels]
        st.session_state.setdefault("scenarios", known)
    unknown = [label for label in asked if label not in labels]
    if unknown:
        told = ", ".join(fmt.markdown(label) for label in unknown)
        st.warning(f"The link asks for what is not saved here: {told}.")
    names = st.multiselect(
        "Scenarios, up to four",
        labels,
        default=labels[:_FIRST],
        max_selections=queries.MOST_COMPARED,
        key="scenarios",
        bind="query-params",
        placeholder="Choose up to four",
    )
    return [one for one in saved if queries.scenario_label(one) in names]


def show_outcomes(view: Page, chosen: Sequence[Result]) -> None:
    """Draw the outcomes of the chosen scenarios, the best first."""
    chosen = queries.best_first(chosen)
    for result in chosen:
        tiles.show(result)
    if any(result["base_run_id"] != view.run.run_id for result in chosen):
        st.caption("Of an earlier run: run again for today's figures.")
    table = queries.scenario_outcomes(chosen)
    if any(one["summary"]["npv_difference"] is not None for one in chosen):
        charts.show(
            drawn.outcomes(table, _currency(chosen), charts.palette()),
            description="Each scenario's net present value against its base. A dot, a"
            " thick bar for the 50 % and a thin one for the 90 % interval, with a"
            " line at zero. The table below has the same figures.",
            of=_labels(chosen),
        )
    tabs.fold("Total value, and notes", "notes", lambda: tiles.show_notes(view, chosen))
    tables.show(
        _with_chances(table),
        [
            tables.Column("scenario", "Scenario"),
            tables.Column("npv_difference", "Against base", "estimate"),
            tables.Column("npv_difference_low_90", "90 % from", "estimate"),
            tables.Column("npv_difference_high_90", "90 % to", "estimate"),
            tables.Column("chance", "P(gain)"),
            tables.Column("npv", "NPV", "estimate", "npv_reason"),
            tables.Column("npv_chance", "P(NPV > 0)"),
            tables.Column("payback", "Paid back by"),
            tables.Column("never", "Never"),
            tables.Column("monthly_cost", "Cost a month", "estimate"),
            tables.Column("base_monthly_cost", "Base, a month", "estimate"),
        ],
        page=view,
        is_of_period=False,
        name="scenario-outcomes",
        is_folded=True,
        caption="Present values; against base: less the same run carried forward"
        " unchanged, in the same draws",
        origin=_origin(
            "NPV = Σ (counted benefit − cost of these changes) of each month, and what"
            " the scenario changes of all other cost, discounted. Gains fade. Payback:"
            " the month from which on the sum of the difference stays above zero, in"
            " half of the draws.",
        ),
    )


def _with_chances(table: pa.Table) -> pa.Table:
    """Return outcomes with their probabilities in words, which are never certain."""
    for name, column in (
        ("chance", "probability_difference_positive"),
        ("npv_chance", "probability_npv_positive"),
        ("never", "difference_probability_never_paid_back"),
    ):
        parts = table.column(column).to_pylist()
        table = table.append_column(name, [[chance(part) for part in parts]])
    return table


def show_assumed(view: Page, chosen: Sequence[Result]) -> None:
    """Draw the differences between the assumptions of the chosen scenarios."""
    if len(chosen) > 1:
        st.header("Assumptions that differ", anchor=False)
        table = queries.scenario_differences(chosen)
        if not table.num_rows:
            st.markdown("Nothing: they are the same but for their names.")
            return
        st.markdown(
            f"{fmt.plural(table.num_rows, 'value is', 'values are')} not the same in"
            " all of them; an empty cell is what a scenario does not change."
        )
        tables.show(
            table,
            [
                tables.Column("assumed", "Assumed"),
                *(
                    tables.Column(queries.scenario_label(one), one["name"], "prose")
                    for one in chosen
                ),
            ],
            page=view,
            is_of_period=False,
            name="scenario-assumptions",
            caption="Values, with the ends of their 90 % intervals",
            origin=_origin("What the files say."),
        )


def show_fan(view: Page, chosen: Sequence[Result]) -> None:
    """Draw the money over the horizon."""
    st.header("Over the horizon", anchor=False)
    views = {
        "Gain so far": ("cumulative_difference", "Discounted gain so far"),
        "Cost": ("cost", "Cost of the month"),
        "Net value": ("net_value", "Net value of the month"),
    }
    chosen_view = filters.segments(
        "Shown", "scenario_measure", list(views), default="Gain so far"
    )
    measure, title = views[chosen_view]
    table = queries.scenario_months(chosen, measure)
    meaning = {
        "Gain so far": "Where a line crosses zero for good, a scenario has paid for"
        " what it cost to get there.",
        "Cost": "Cost of all that is in scope, by month and undiscounted.",
        "Net value": "Known benefit less all cost, by month and undiscounted.",
    }[chosen_view]
    st.markdown(f"{meaning} Bands hold 50 and 90 % of the draws.")
    if any(value is not None for value in table.column("value").to_pylist()):
        charts.show(
            drawn.fan(table, f"{title}, {_currency(chosen)}", charts.palette()),
            description=f"{title} by month for each scenario: a line for the mean, and"
            " bands of 50 and 90 %. The table below has the same figures.",
            of=_labels(chosen),
        )
    else:
        st.info("Not computable for any of them, for the reasons above.")
    tables.show(
        table,
        [
            tables.Column("scenario", "Scenario"),
            tables.Column("month", "Month", "month"),
            tables.Column("value", title, "estimate"),
            tables.Column("value_low_90", "90 % from", "estimate"),
            tables.Column("value_high_90", "90 % to", "estimate"),
        ],
        page=view,
        is_of_period=False,
        name="scenario-months",
        caption=f"{title}, by month",
        origin=_origin("Mean and quantiles of a thousand draws."),
    )


def show_one(view: Page, chosen: Sequence[Result]) -> None:
    """Draw drivers, break-even and composition of a single scenario."""
    st.header("What moves it", anchor=False)
    one = chosen[0]
    if len(chosen) > 1:
        labels = [queries.scenario_label(each) for each in chosen]
        label = filters.choice("Scenario", "scenario_of", labels, width=420)
        one = chosen[labels.index(label)]
    if one["tornado"]:
        _show_tornado(view, one)
    _show_changes(view, one)
    _show_features(view, one)
    scenario_reconciliation.show(view, one)
    _show_elasticity(view, one)


def _labels(chosen: Sequence[Result]) -> str:
    return ", ".join(queries.scenario_label(one) for one in chosen)


def _show_tornado(view: Page, one: Result) -> None:
    measure = filters.segments(
        "Measure", "scenario_driver", list(_MEASURES), default=next(iter(_MEASURES))
    )
    name, title = _MEASURES[measure]
    drivers = queries.scenario_drivers(one, name)
    rows = drivers.to_pylist()
    st.markdown(words.driver(rows, name, measure.lower(), one["currency"]))
    value = one["summary"]["npv" if name == "npv" else "npv_difference"]
    if value is not None and any(row[f"{name}_at_low"] is not None for row in rows):
        charts.show(
            drawn.tornado(
                drivers, name, value, f"{title}, {one['currency']}", charts.palette()
            ),
            description="A bar for each assumption, from the mean at one end of its"
            " 90 % interval to that at the other, the widest on top. The table below"
            " has the same figures.",
            of=queries.scenario_label(one),
        )
    tables.show(
        drivers,
        [
            tables.Column("driver", "Assumption or study"),
            tables.Column("standing", "Standing"),
            tables.Column("assumed", "Value", "decimal"),
            tables.Column("unit", "Unit"),
            tables.Column(f"{name}_at_low", "At its low end", "estimate"),
            tables.Column(f"{name}_at_high", "At its high end", "estimate"),
            tables.Column(f"{name}_variance_share", "Of its variance", "percent"),
            tables.Column(
                f"break_even_{name}",
                "Breaks even at",
                "decimal",
                f"{name}_break_even_reason",
            ),
        ],
        page=view,
        is_of_period=False,
        name="scenario-drivers",
        caption="Assumptions, and the value at which each breaks even",
        origin=_origin(
            "Var(E[NPV | this]) ÷ Var(NPV). Break-even: the mean is nothing there with"
            " all else as it is; looked for between a tenth and ten times the value.",
        ),
    )


def _show_changes(view: Page, one: Result) -> None:
    changes = queries.scenario_changes(one)
    if not changes.num_rows:
        return
    st.subheader("What it changes", anchor=False)
    st.markdown("Value of each change: the scenario less the same without it.")
    tables.show(
        changes,
        [
            tables.Column("change", "Change"),
            tables.Column("says", "Says", "prose"),
            tables.Column("rule", "Rule", "prose"),
            tables.Column("npv_gain", "Adds", "estimate"),
            tables.Column("npv_gain_low_90", "90 % from", "estimate"),
            tables.Column("npv_gain_high_90", "90 % to", "estimate"),
        ],
        page=view,
        is_of_period=False,
        name="scenario-changes",
        caption="Changes and their rules",
        origin=_origin("NPV with it − NPV without it."),
    )


def _show_features(view: Page, one: Result) -> None:
    features = queries.scenario_features(one)
    st.subheader("By feature", anchor=False)
    tables.show(
        features,
        [
            tables.Column("feature", "Feature"),
            tables.Column("grade", "Grade"),
            tables.Column("standing", "Standing"),
            tables.Column("benefit", "Benefit", "estimate"),
            tables.Column("cost", "Cost", "estimate"),
            tables.Column("other_cost", "People and one-offs", "estimate"),
            tables.Column("base_cost", "Cost of the base", "estimate"),
            tables.Column("npv", "NPV", "estimate", "no_npv"),
            tables.Column("npv_low_90", "90 % from", "estimate"),
            tables.Column("npv_high_90", "90 % to", "estimate"),
            tables.Column("base_npv", "NPV of the base", "estimate"),
        ],
        page=view,
        is_of_period=False,
        name="scenario-features",
        caption="Present values by feature; only counted ones are of grade A or B with"
        " approved values",
        origin=_origin("As for actual returns, over the horizon."),
    )


def _show_elasticity(view: Page, one: Result) -> None:
    found = one["elasticity"]
    st.subheader("How the bill grew with usage", anchor=False)
    st.markdown(words.elasticity(found, one["currency"]))
    bills = queries.scenario_bills(one)
    if found["reason"] is None:
        charts.show(
            drawn.cost_on_usage(bills, found, charts.palette()),
            description="A dot for each month: its bill against its requests, both on"
            " log axes, with the fitted line and one of slope 1.",
            of=queries.scenario_label(one),
        )
    tables.show(
        bills,
        [
            tables.Column("month", "Month", "month"),
            tables.Column("requests", "Successful requests", "count"),
            tables.Column("cost", "Bill", "estimate"),
        ],
        page=view,
        is_of_period=False,
        name="scenario-elasticity",
        caption="Complete months: the whole bill and the usage served",
        origin=_origin(
            "log(bill) on log(requests); the interval holds when months remember each"
            " other.",
        ),
    )


def show_saved(view: Page, saved: Sequence[Result]) -> None:
    """Draw the list of all that is saved."""
    st.header("Saved scenarios", anchor=False)
    table = queries.scenario_outcomes(saved)
    tables.show(
        table,
        [
            tables.Column("scenario", "Scenario"),
            tables.Column("horizon_months", "Months", "count"),
            tables.Column("first_month", "From", "month"),
            tables.Column("npv_difference", "Against base", "estimate"),
            tables.Column("author", "Run by"),
            tables.Column("created_at", "At, UTC"),
            tables.Column("base_run_id", "On run"),
        ],
        page=view,
        is_of_period=False,
        name="scenarios",
        caption="The newest first",
        origin=_origin("Read from the saved files."),
    )


def _currency(chosen: Sequence[Result]) -> str:
    return " / ".join(dict.fromkeys(str(one["currency"]) for one in chosen))


def _origin(formula: str) -> Origin:
    return Origin(formula=formula, mart=_FOLDER)


main()
