"""Section of *Platform scorecard*: load of each model, unmetered models."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.scorecard import queries
from dashboard.shared import format as fmt
from dashboard.shared import names, tables, tabs
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.shared.context import Page

_MART: Final = "roi.mart_workload_profiles"
#: Figures that may be unknown, and the column with the reason.
_REASONS: Final = {
    "Load": "load_reason",
    "Input tokens per request": "context_reason",
    "Batch share": "batch_reason",
}


def show_workloads(view: Page) -> None:
    """Draw the profile of each model's load in the last three complete months."""
    table = queries.workload_profiles(view.snapshot)
    rows = table.to_pylist()
    if not rows:
        return
    st.subheader("Workload profiles", anchor=False)
    st.markdown(headline(rows, names.names_of(view.snapshot, "model")))
    origin = Origin(
        formula="Percentiles of the nearest rank over the hours, or days, that the"
        " meter of a model reports in the last three whole months. Input tokens ÷"
        " requests; tokens in a batch tier ÷ tokens whose tier is known.",
        mart=_MART,
        row_count=table.num_rows,
    )
    tables.show(
        table.append_column("load_name", [[_load(row) for row in rows]]),
        [
            tables.Column("model_id", "Model"),
            tables.Column("platform_id", "Platform"),
            tables.Column("load_name", "Load"),
            tables.Column("load_p50", "Median", "count"),
            tables.Column("load_p95", "p95", "count"),
            tables.Column("load_peak", "Peak", "count"),
            tables.Column("p95_to_p50_ratio", "p95 ÷ median", "decimal"),
            tables.Column("peak_to_mean_ratio", "Peak ÷ mean", "decimal"),
            tables.Column("mean_input_tokens", "Input tokens per request", "decimal"),
            tables.Column("batch_ratio", "Batch", "percent"),
            tables.Column("active_ratio", "Time with load", "percent"),
            tables.Column("period_count", "n", "count"),
        ],
        page=view,
        name="workload-profiles",
        caption="Load by model and platform",
        origin=origin,
    )

    def draw() -> None:
        tables.show(
            unknowns(rows),
            [
                tables.Column("model_id", "Model"),
                tables.Column("figure", "Figure"),
                tables.Column("reason", "Why, and what shows it", "prose"),
            ],
            page=view,
            name="workload-profiles-unknown",
            caption="Figures that are absent, or by the day only",
        )

    tabs.fold("Not metered, with the data needed", "not-metered", draw)


def headline(
    rows: Sequence[dict[str, Any]], models: Mapping[str, str] = MappingProxyType({})
) -> str:
    """Name the model with the most uneven load; count those metered hourly.

    Parameters
    ----------
    rows : sequence of dict
        Rows of ``roi.mart_workload_profiles``.
    models : mapping of str to str, optional
        Names of models by their ids.
    """
    first, end = rows[0]["first_day"], rows[0]["end_day"]
    metered = [row for row in rows if row["period_count"]]
    hourly = [row for row in metered if row["load_grain"] == "hour"]
    daily_count, unmetered_count = len(metered) - len(hourly), len(rows) - len(metered)
    begin = (
        f"From {fmt.day(first)} to before {fmt.day(end)},"
        f" {fmt.plural(len(rows), 'profile')}: {len(hourly)} by the hour,"
        f" {daily_count} by the day, {unmetered_count} without a meter."
    )
    uneven = [row for row in hourly if row["p95_to_p50_ratio"] is not None]
    if not uneven:
        return begin
    most = max(uneven, key=lambda row: float(row["p95_to_p50_ratio"]))
    name = models.get(most["model_id"], most["model_id"])
    return (
        f"{begin} Burstiest: **{fmt.markdown(name)}**, whose busy hours"
        f" (p95) have {fmt.decimal(most['p95_to_p50_ratio'])} times the load of its"
        " median hour."
    )


def unknowns(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return a row per model and missing figure, with the required source."""
    absent = [
        {"model_id": row["model_id"], "figure": figure, "reason": row[reason]}
        for figure, reason in _REASONS.items()
        for row in rows
        if row[reason] is not None
    ]
    columns = ("model_id", "figure", "reason")
    return pa.table({name: [row[name] for row in absent] for name in columns})


def _load(row: dict[str, Any]) -> str:
    if row["load_unit"] is None:
        return fmt.UNKNOWN
    return f"{row['load_unit']} per {row['load_grain']}"
