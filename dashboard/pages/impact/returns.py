"""Returns on *Impact*, with intervals and the amounts not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.pages.summary import returns as return_summary
from dashboard.shared import charts, return_queries, tables
from dashboard.shared import format as fmt
from dashboard.shared import return_sentences as words
from dashboard.shared.context import ORGANISATION, Origin
from dashboard.shared.drawing import return_ladder

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.charts import Chart, Palette
    from dashboard.shared.context import Page

_FEATURES = "roi.mart_feature_roi"
_ROW_HEIGHT = 34
#: Measures that drivers move: money of the first day where a rate is approved.
_MEASURES = {"net_value": "Net value", "npv": "Present value"}
#: Height of axis, title and legend.
_BESIDE_ROWS = 100


def show(view: Page) -> None:
    """Draw the returns of features; nothing if the run has no returns."""
    row = return_summary.headline(view)
    if row is None:
        return
    st.header("Return", anchor=False)
    st.markdown(f"{view.organisation_prefix}{words.headline(row)}")
    if row["begins"] is not None:
        return
    st.caption(words.beside(row))
    st.caption(words.shrunk(row))
    if text := words.run_rate(row):
        st.caption(text)
    return_ladder.show(
        view,
        return_queries.return_ladder(view.snapshot, row["window"]),
        mart="roi.mart_return_ladder",
    )
    returns = return_queries.feature_returns(view.snapshot, row["until_month"])
    if returns.num_rows:
        charts.show(
            net_values(returns, charts.palette()),
            description="Each feature's net value in its measured months. A dot, a"
            " thick bar for the 50 % and a thin one for the 90 % interval; a line"
            " at break-even. The table below has the same figures.",
            of=ORGANISATION,
        )
        _show_features(view, returns)
        _show_outside(view, returns)
    _show_not_counted(view, row["until_month"])
    if row["window"] != words.TO_DATE:
        st.caption(
            "How strong the evidence is and what moves the headline most are worked"
            " out for the latest month only: choose it above."
        )
        return
    _show_evidence(view)
    _show_drivers(view)


def net_values(returns: pa.Table, colours: Palette) -> Chart:
    """Return a dot and two bars for each feature, beside the line of break-even."""
    rows = pd.DataFrame([_bar(row) for row in returns.to_pylist()])
    named = alt.Axis(labelLimit=240, labelOverlap=False)
    y = alt.Y("name:N", sort=list(rows["name"]), title=None, axis=named)
    currency = returns["currency"][0].as_py()
    title = f"Net value of the measured months, {currency}"
    x = alt.X("net:Q", title=title, axis=alt.Axis(format="~s"))
    colour = alt.Color(
        "standing:N",
        scale=alt.Scale(
            domain=["counted", "not counted"],
            range=[colours.categories[0], colours.other],
        ),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    base = alt.Chart(rows).encode(
        y=y,
        color=colour,
        tooltip=[
            alt.Tooltip("name:N", title="Feature"),
            alt.Tooltip("text:N", title="Net value"),
            alt.Tooltip("chance:N", title="Chance of a gain"),
            alt.Tooltip("measured:N", title="Months"),
        ],
    )
    line = (
        alt.Chart(pd.DataFrame({"net": [0.0]}))
        .mark_rule(color=colours.ink, strokeDash=[4, 3])
        .encode(x="net:Q")
    )
    return alt.layer(
        line,
        base.mark_rule(strokeWidth=2).encode(x="low_90:Q", x2="high_90:Q"),
        base.mark_rule(strokeWidth=7, opacity=0.55).encode(
            x="low_50:Q", x2="high_50:Q"
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x),
        height=max(len(rows), 2) * _ROW_HEIGHT + _BESIDE_ROWS,
    )


def _bar(row: dict[str, object]) -> dict[str, object]:
    currency = str(row["currency"])
    span = words.between(row, "net_value", currency)
    net = row["net_value"]
    assert isinstance(net, float)  # noqa: S101  (rows without one are not drawn)
    probability = row["probability_net_positive"]
    return {
        "name": f"{row['feature']} ({row['grade']})",
        "standing": row["standing"],
        "net": net,
        "text": f"{fmt.estimate(net, currency)} ({span})",
        "measured": words.measured(row),
        "chance": words.chance(probability if isinstance(probability, float) else None),
        **{
            f"{end}_{level}": row[f"net_value_{end}_{level}"]
            for end in ("low", "high")
            for level in (50, 90)
        },
    }


def _show_features(view: Page, returns: pa.Table) -> None:
    rows = returns.to_pylist()
    chances = [words.chance(row["probability_net_positive"]) for row in rows]
    months = [words.window(row) for row in rows]
    status = [words.effect_status(row) for row in rows]
    tables.show(
        returns.append_column("chance", [chances])
        .append_column("months", [months])
        .append_column("status", [status]),
        [
            tables.Column("feature", "Feature"),
            tables.Column("grade", "Grade"),
            tables.Column("standing", "Standing"),
            tables.Column("months", "Months"),
            tables.Column("benefit", "Benefit", "estimate"),
            tables.Column("cost", "Cost", "money"),
            tables.Column("other_cost", "People, integration", "estimate"),
            tables.Column("replaced_cost", "Replaced", "estimate"),
            tables.Column("net_value", "Net value", "estimate"),
            tables.Column("net_value_low_90", "90 % from", "estimate"),
            tables.Column("net_value_high_90", "90 % to", "estimate"),
            tables.Column("roi", "ROI", "percent", "reason"),
            tables.Column("chance", "P(net > 0)"),
            tables.Column("run_rate_net", "A month now", "estimate"),
            tables.Column("status", "Effect"),
        ],
        page=view,
        name="returns",
        caption="Benefit and cost of the months in which the effect was measured; a"
        " month that a study saw in part has its whole cost",
        origin=Origin(
            formula="Benefit = effect × conversion × margin, draw by draw. Net value ="
            " benefit − cost of the change, which is cost, people and integration less"
            " the cost of what it replaced. ROI = net value ÷ cost of the change.",
            mart=_FEATURES,
        ),
    )


def _show_outside(view: Page, returns: pa.Table) -> None:
    """Draw baseline, investment and the months since, for each feature."""
    rows = returns.to_pylist()
    sources = [words.BASELINES.get(row["baseline_source"], "") for row in rows]
    tables.show(
        returns.append_column("baseline", [sources]),
        [
            tables.Column("feature", "Feature"),
            tables.Column("baseline_cost", "Replaced, a month", "estimate", "baseline"),
            tables.Column("baseline", "From", "prose"),
            tables.Column("first_month", "Measured from", "month"),
            tables.Column("investment_cost", "Invested before", "money"),
            tables.Column("other_investment", "People, integration", "estimate"),
            tables.Column("net_after_investment", "Net value less both", "estimate"),
            tables.Column("last_month", "Measured until", "month"),
            tables.Column("since_month_count", "Months since", "count"),
            tables.Column("carried_benefit", "Benefit since", "estimate"),
            tables.Column("cost_since", "Cost since", "money"),
            tables.Column("other_cost_since", "People, integration", "estimate"),
            tables.Column("replaced_cost_since", "Replaced since", "estimate"),
            tables.Column("net_to_date", "Net to date", "estimate"),
        ],
        page=view,
        name="returns-outside",
        caption="Replaced cost, investment, and the months since",
        origin=Origin(
            formula="Invested: cost before the launch of what had not served by then."
            f" What had served is running cost of what was there. {return_ladder.RULE}",
            mart=_FEATURES,
        ),
    )


def _show_not_counted(view: Page, until: str) -> None:
    left = return_queries.not_counted_returns(view.snapshot, until)
    if not left.num_rows:
        return
    st.subheader("Not counted, with the reason", anchor=False)
    tables.show(
        left,
        [
            tables.Column("feature", "Feature"),
            tables.Column("grade", "Grade"),
            tables.Column("why", "Why", "prose"),
            tables.Column("cost", "Cost", "money"),
            tables.Column("other_cost", "People, integration", "estimate"),
            tables.Column("replaced_cost", "Replaced", "estimate"),
            tables.Column("net_value", "Net value", "estimate", "why"),
            tables.Column("break_even_effect", "Effect that would pay", "decimal"),
            tables.Column("outcome_unit", "in"),
        ],
        page=view,
        name="returns-not-counted",
        caption="Not in the headline; the cost is spent all the same",
        origin=Origin(
            formula="Counted: grade A or B, valued by assumptions that somebody other"
            " than their owner approved.",
            mart=_FEATURES,
        ),
    )


def _show_evidence(view: Page) -> None:
    mix = return_queries.evidence_mix(view.snapshot)
    st.subheader("How strong the evidence is", anchor=False)
    tables.show(
        mix,
        [
            tables.Column("grade", "Grade"),
            tables.Column("standing", "Standing"),
            tables.Column("feature_count", "Features", "count"),
            tables.Column("benefit", "Benefit", "estimate"),
            tables.Column("cost", "Cost", "money"),
            tables.Column("other_cost", "People, integration", "estimate"),
            tables.Column("replaced_cost", "Replaced", "estimate"),
            tables.Column("net_value", "Net value", "estimate"),
            tables.Column("net_value_low_90", "90 % from", "estimate"),
            tables.Column("net_value_high_90", "90 % to", "estimate"),
        ],
        page=view,
        name="evidence-mix",
        caption="Measured months by grade",
        origin=Origin(
            formula="Sums over features, draw by draw; what they claim of one outcome"
            " is counted once, so that the grades in the headline add up to it.",
            mart="roi.mart_evidence_mix",
        ),
    )


def _show_drivers(view: Page) -> None:
    drivers = return_queries.return_drivers(view.snapshot)
    if not drivers.num_rows:
        return
    measure = _MEASURES[drivers["measure"][0].as_py()]
    st.subheader("Strongest drivers", anchor=False)
    tables.show(
        drivers,
        [
            tables.Column("driver", "Study or assumption"),
            tables.Column("variance_share", "Part of the variance", "percent"),
            tables.Column("assumed", "Now", "decimal"),
            tables.Column("break_even", "Breaks even at", "decimal"),
            tables.Column("unit", "Unit"),
            tables.Column("measure_at_low", f"{measure} at its low end", "estimate"),
            tables.Column("measure_at_high", f"{measure} at its high end", "estimate"),
        ],
        page=view,
        name="return-drivers",
        caption="Basis of the headline",
        origin=Origin(
            formula=f"Var(E[value | this]) ÷ Var(value); the value is the"
            f" {measure.lower()} of what counts, with what features claim of one"
            " outcome counted once. Break-even: its mean is nothing there, with all"
            " else as it is.",
            mart="roi.mart_roi_sensitivity",
        ),
    )
