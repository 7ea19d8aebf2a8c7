"""Sections on infra hours per deployment and on training times, over months."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.velocity import sentences as words
from dashboard.shared import format as fmt
from dashboard.shared import operations_queries, tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_NOT_STATED: Final = "not stated"


def show_infra_hours(
    view: Page,
    kind: str,
    months: tuple[str, ...] | None = None,
    only: str | None = None,
) -> None:
    """Draw infra hours per deployment of teams or platforms, and of everybody."""
    table = operations_queries.infra_hours(view.snapshot, kind, months)
    rows = [
        _hours(row)
        for row in table.to_pylist()
        if only in (None, row["scope_id"]) or row["scope_kind"] != kind
    ]
    if not rows:
        st.markdown("No infra hours are known: deliver `worklogs` of category `infra`.")
        return
    unknown = max(row["unknown_deployment_count"] for row in rows)
    is_filling = any(row["is_filling"] for row in rows)
    filling = "; hours are still being booked" if is_filling else ""
    st.markdown(_infra_sentence(kind, unknown))
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("scope_name", kind.capitalize()),
            tables.Column("window", "Window", "month"),
            tables.Column("infra_hours", "Infra, h", "decimal"),
            tables.Column("known_by", "Known by"),
            tables.Column("deployment_count", "Deployments", "count"),
            tables.Column("unknown_deployment_count", "Unknown", "count"),
            tables.Column(
                "infra_hours_per_deployment", "Per deployment, h", "decimal", "reason"
            ),
            tables.Column(
                "infra_hours_per_deployment_at_least", "At least, h", "decimal"
            ),
            tables.Column("way_out", "Way out", "prose"),
        ],
        page=view,
        name=f"infra-hours-by-{kind}",
        caption=f"Months to {fmt.month(rows[-1]['month'])}{filling}",
        origin=Origin(
            formula="Infra hours ÷ deployments of known outcome in the same months. At"
            " least: if every deployment of unknown outcome had succeeded.",
            mart="delivery.mart_infra_hours",
        ),
    )


def _infra_sentence(kind: str, unknown: int) -> str:
    left_out = (
        f" Up to {fmt.plural(unknown, 'deployment')} of unknown outcome"
        f" {'is' if unknown == 1 else 'are'} in no figure; *at least* counts them."
        if unknown
        else ""
    )
    if kind != "platform":
        return f"Infra hours ÷ deployments over three and twelve months.{left_out}"
    return (
        "Hours booked on a platform are its own. The others are its team's; where the"
        " team runs several platforms they are divided by the deployments on each in"
        " the month: *estimated*. A deployment then takes as long on each of them, so"
        f" platforms of one team cannot be compared by it.{left_out}"
    )


def _hours(row: dict[str, Any]) -> dict[str, Any]:
    known_by = None
    if row["infra_hours"] is not None:
        known_by = "estimated" if row["is_estimated"] else "booked"
    return {**row, "window": words.window(row), "known_by": known_by}


def show_training_times(view: Page) -> None:
    """Draw how long training takes by architecture, and by that with its hardware."""
    st.header("Training time by architecture", anchor=False)
    table = operations_queries.training_times(view.snapshot)
    if table.num_rows == 0:
        st.markdown(
            "No finished training run is known: deliver `training_runs`, or connect"
            " MLflow."
        )
        return
    rows = [_training(row) for row in table.to_pylist()]
    names = {row["architecture"] for row in rows}
    st.markdown(
        f"Median hours of finished runs of {fmt.plural(len(names), 'architecture')},"
        " and of each on its hardware as far as the runs state it. A faster GPU is no"
        " better architecture."
    )
    tables.show(
        pa.Table.from_pylist(rows),
        [
            tables.Column("architecture", "Architecture"),
            tables.Column("hardware", "On"),
            tables.Column("window", "Window", "month"),
            tables.Column("training_hours_p50", "Median, h", "decimal", "reason"),
            tables.Column("interval_low", "90 % from", "decimal"),
            tables.Column("interval_high", "to", "decimal"),
            tables.Column("training_hours_p90", "Nine of ten within, h", "decimal"),
            tables.Column("gpu_hours_per_run", "GPU-hours per run", "decimal"),
            tables.Column("n_used", "n", "count"),
            tables.Column("way_out", "Way out", "prose"),
        ],
        page=view,
        name="training-times",
        caption=f"Months to {fmt.month(rows[-1]['month'])}",
        origin=Origin(
            formula="Finished runs without runs below them, by linear interpolation."
            " The platform is where catalog.yml places the training of the model.",
            mart="delivery.mart_training_times",
        ),
    )


def _training(row: dict[str, Any]) -> dict[str, Any]:
    gpus = row["gpu_count"]
    parts = [
        row["platform_name"],
        row["instance_type"],
        row["accelerator"],
        None if gpus is None else fmt.plural(int(gpus), "GPU"),
    ]
    stated = ", ".join(part for part in parts if part)
    is_all = row["breakdown"] == "architecture"
    return {
        **row,
        "window": words.window(row),
        "hardware": "all hardware" if is_all else stated or _NOT_STATED,
    }
