"""Section of *Platform scorecard*: two platforms by the models that both served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard.pages.scorecard import queries
from dashboard.pages.scorecard import sentences as words
from dashboard.shared import format as fmt
from dashboard.shared import tables, tabs
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page

_MART: Final = "roi.mart_platform_comparisons"
_CHARGED: Final = "charged_per_thousand_inferences"
_TOTAL: Final = "cost_per_thousand_inferences"


def show_comparisons(view: Page) -> None:
    """Draw each pair of platforms, model by model, and the incomparable."""
    st.header("Platforms compared on the same models", anchor=False)
    table = queries.platform_comparisons(view.snapshot)
    rows = table.to_pylist()
    st.markdown(headline(rows))
    if not rows:
        return
    shown = (
        table.append_column(
            "metric_name", [[words.METRICS[row["metric"]] for row in rows]]
        )
        .append_column(
            "pair", [[f"{row['platform_name']} vs {_other(row)}" for row in rows]]
        )
        .append_column("unit_name", [[row["unit_id"] or "mean" for row in rows]])
        .append_column("change", [[change(row) for row in rows]])
        .append_column("figures", [[figures(row) for row in rows]])
    )
    is_absent = [row["metric_value"] is None for row in rows]
    tables.show(
        shown.filter([not absent for absent in is_absent]),
        [
            tables.Column("pair", "Platforms"),
            tables.Column("metric_name", "Metric"),
            tables.Column("unit_name", "Model"),
            tables.Column("change", "Change [90 %]", "prose"),
            tables.Column("figures", "From → to", "prose"),
            tables.Column("n_observed", "n", "count"),
        ],
        page=view,
        name="platform-comparisons",
        caption="Like for like: same model, band of load and threshold",
        origin=Origin(
            formula="Of each model that both served in the same band of load the ratio"
            " of its figures (of shares, their difference). Of the platforms the mean"
            " over these models, of ratios by their logarithms. Intervals come from"
            " months or weeks and say nothing of other models.",
            mart=_MART,
            row_count=table.num_rows,
        ),
    )
    if any(is_absent):

        def draw() -> None:
            tables.show(
                shown.filter(is_absent),
                [
                    tables.Column("pair", "Platforms"),
                    tables.Column("metric_name", "Metric"),
                    tables.Column("reason", "Why", "prose"),
                ],
                page=view,
                name="platform-comparisons-absent",
                caption="Pairs of platforms without a comparison",
            )

        tabs.fold("Not comparable, with the reason", "not-compared", draw)


def headline(rows: Sequence[dict[str, Any]]) -> str:
    """Compare charges per inference on models that two platforms served.

    Parameters
    ----------
    rows : sequence of dict
        Rows of ``roi.mart_platform_comparisons``, of models and of their means.

    Returns
    -------
    str
        A sentence for each pair of platforms, or why there is none.
    """
    means = [
        row
        for row in rows
        if row["metric"] == _CHARGED
        and row["unit_id"] is None
        and row["metric_value"] is not None
    ]
    if not means:
        return (
            "No two platforms served the same model under the same load for a whole"
            " month, so what they charge per inference cannot be compared."
        )
    return "  \n".join(_sentence(mean, rows) for mean in means)


def _sentence(mean: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """Write charges of two platforms, and total cost of the same models."""
    models = [
        f"{fmt.markdown(row['unit_id'])} {figures(row)}"
        for row in rows
        if row["metric"] == _CHARGED
        and row["unit_id"] is not None
        and _pair(row) == _pair(mean)
    ]
    totals = [
        row
        for row in rows
        if row["metric"] == _TOTAL
        and row["unit_id"] is None
        and row["metric_value"] is not None
        and set(_pair(row)) == set(_pair(mean))
    ]
    text = (
        f"**{fmt.markdown(mean['platform_name'])}: {change(mean)}** charged per 1,000"
        f" inferences against {fmt.markdown(_other(mean))}, on"
        f" {fmt.plural(mean['unit_count'], 'model')} ({', '.join(models)})."
    )
    for total in totals:
        text += (
            f" Their total cost, on every platform and without training, is"
            f" {change(total)} on {fmt.markdown(total['platform_name'])}."
        )
    return text


def change(row: dict[str, Any]) -> str:
    """Return how two figures compare, with the interval, or why they do not."""
    value, low, high = (
        row[name] for name in ("metric_value", "interval_low", "interval_high")
    )
    if value is None:
        return fmt.unknown(str(row["reason"]))
    bounds = "" if low is None else f" [{_written(row, low)}, {_written(row, high)}]"
    return f"{_written(row, value)}{bounds}"


def figures(row: dict[str, Any]) -> str:
    """Return both figures of a model, the reference first."""
    if row["platform_figure"] is None:
        return ""
    before, after = (
        words.compared_figure(row, row[name])
        for name in ("reference_figure", "platform_figure")
    )
    return f"{before} → {after}"


def _written(row: dict[str, Any], value: float) -> str:
    if row["measure"] == "ratio":
        return fmt.signed_percent(value - 1)
    return f"{fmt.signed_percent(value)} points".replace("\u00a0% points", " points")


def _other(row: dict[str, Any]) -> str:
    return str(row["reference_platform_name"])


def _pair(row: dict[str, Any]) -> tuple[str, str]:
    return row["platform_id"], row["reference_platform_id"]
