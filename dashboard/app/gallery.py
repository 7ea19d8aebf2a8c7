"""The gallery: each part that pages are made of, with made-up figures.

Served at ``/gallery``, with no menu entry: developers who change a part check it there
in each size and scheme. The duties of a part are in ``docs/design.md``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import streamlit as st

from dashboard.shared import bar, charts, tables
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.drawing import cost_story, step_charts, stepper
from dashboard.shared.drawing.stepper import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

_CURRENCY: Final = "EUR"
_MONTHS: Final = ("2026-07", "2026-08", "2026-09", "2026-10")
_COSTS: Final = (Decimal(41_900), Decimal(42_300), Decimal(41_470), Decimal(41_550))
_STEPS: Final = (
    Step("Month over, every rate known", "done", "triptych run", "ended 2026-10-31"),
    Step("Bills and invoices tie", "next", "finance", "", "5 of 6 bills tie"),
    Step("Lock proposed", "later", "finance"),
    Step("Approved and locked", "later", "a second person of finance"),
)
#: Budget, spending over or under it, and the actual.
_VARIANCE: Final = (
    ("budget", Decimal(48_475), True, Decimal(0), Decimal(48_475)),
    ("variance", Decimal(-6_925), False, Decimal(48_475), Decimal(41_550)),
    ("actual", Decimal(41_550), True, Decimal(0), Decimal(41_550)),
)
_LABELS: Final = {"budget": "Budget", "variance": "Variance", "actual": "Actual"}
_PARTS_OF_COST: Final = (
    ("Inference", Decimal(24_930), 0.6),
    ("Training", Decimal(12_465), 0.3),
    ("Evaluation", Decimal(4_155), 0.1),
)
_MATRIX: Final = (
    {"metric": "Cost per 1,000 requests", "a": "EUR 7.15", "b": "EUR 3.40"},
    {"metric": "p95 latency ÷ threshold", "a": "3.00 ×", "b": "0.98 ×"},
    {"metric": "Firefighting", "a": "60.0 %", "b": None},
)


def show() -> None:
    """Draw every part once."""
    page.prepare_without_run()
    bar.show_ribbon()
    with st.container(horizontal=True, key="bar", vertical_alignment="center"):
        st.markdown(":green-badge[Reconciled]", width="content")
        st.markdown(":orange-badge[Estimated · not complete]", width="content")
    _show_tiles()
    st.subheader("Stepper", anchor=False)
    stepper.show(_STEPS, label="Steps of Oct 2026")
    left, right = st.columns(2)
    with left:
        _show_story()
    with right, st.container(border=True):
        st.markdown("**Impact needs a study.** No feature has one yet.")
        st.button("Plan a study", key="action", type="primary")
    _show_charts()
    _show_tables()


def _show_tiles() -> None:
    columns = st.columns(3)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        total = sum(_COSTS, Decimal(0))
        st.metric(
            "AI cost, four months",
            fmt.short_money(total, _CURRENCY),
            "+0.2 % against Sep 2026",
            delta_color="off",
            delta_arrow="off",
            help=f"Exactly {fmt.money(total, _CURRENCY)}",
        )
        st.caption("86 % of the budget")
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        st.metric("Net value, Nov 2025 to Jun 2026", fmt.estimate(79_500.0, _CURRENCY))
        st.caption(f"90 %: {fmt.interval(25_200.0, 124_000.0, _CURRENCY)}")
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        st.metric("Time to restore", fmt.unknown("fewer than five"))
        st.caption("What is unknown is a dash with its reason")


def _show_story() -> None:
    with st.container(border=True):
        st.markdown("AI cost **EUR 41.6k** in Oct 2026, 14.3 % under budget.")
        months = [
            {"month": month, "amount": cost, "budget": Decimal(48_475)}
            for month, cost in zip(_MONTHS, _COSTS, strict=True)
        ]
        launches = (("2026-08", "Invoice reading"),)
        charts.show(
            cost_story.draw(
                cost_story.Story(months, _CURRENCY, launches), charts.palette()
            ),
            description="AI cost by month, with budget and launches.",
        )


def _show_charts() -> None:
    st.subheader("Bars", anchor=False)
    names = ("lifecycle_stage", "amount", "share_ratio")
    table = _table_of(names, _PARTS_OF_COST)
    charts.show(
        charts.lifecycle_costs(table, _CURRENCY, charts.palette()),
        description="Bars: cost by lifecycle stage.",
    )
    st.subheader("Waterfall", anchor=False)
    steps = _table_of(("step", "amount", "is_total", "starts_at", "ends_at"), _VARIANCE)
    charts.show(
        step_charts.steps(steps, _LABELS, _CURRENCY, charts.palette()),
        description="A waterfall from the budget by the variance to the actual.",
    )


def _table_of(names: Sequence[str], rows: Sequence[Sequence[object]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def _show_tables() -> None:
    st.subheader("Table and matrix", anchor=False)
    rows = [
        {"month": month, "cost": cost}
        for month, cost in zip(_MONTHS[::-1], _COSTS[::-1], strict=True)
    ]
    rows.append({"month": "All months", "cost": sum(_COSTS, Decimal(0))})
    columns = [
        tables.Column("month", "Month", "month"),
        tables.Column("cost", "Cost", "money"),
    ]
    table = pa.Table.from_pylist(rows)
    st.html(
        tables.html_table(
            table, columns, _CURRENCY, "Cost by month", {len(rows) - 1: ""}
        )
    )
    columns = [
        tables.Column("metric", "Metric"),
        tables.Column("a", "Managed Kubernetes", "month"),
        tables.Column("b", "GPU cloud", "month"),
    ]
    table = pa.Table.from_pylist(list(_MATRIX))
    st.html(tables.html_table(table, columns, _CURRENCY, "A dash is not measured"))
