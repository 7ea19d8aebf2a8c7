"""Section of *Velocity*: figures over three and twelve months, with their n."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.velocity import queries, window_queries
from dashboard.pages.velocity import sentences as words
from dashboard.shared import format as fmt
from dashboard.shared import tables, tabs
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.pages.velocity.queries import VelocityScope
    from dashboard.shared.context import Page

#: The whole organisation has figures of windows alone.
_ORGANISATION: Final = "organisation"


def windows_by_metric(view: Page, scope: VelocityScope) -> dict[str, list[Any]]:
    """Return the windows of a scope by metric, the shorter first."""
    windows: dict[str, list[Any]] = {}
    for row in window_queries.velocity_windows(view.snapshot, scope).to_pylist():
        windows.setdefault(row["metric"], []).append(row)
    return windows


def show_windows(view: Page, scope: VelocityScope) -> None:
    """Draw the windows of a scope, and those of the whole organisation."""
    st.header("Over three and twelve months", anchor=False)
    rows = window_queries.velocity_windows(view.snapshot, scope).to_pylist()
    if not rows:
        st.markdown(
            "This run has no windows of several months: `triptych run` makes them."
        )
        return
    st.markdown(
        "What is too rare for a month has a median over three or twelve months, always"
        " with its n. Fewer than five have none: the narrowest scope with enough is"
        " named instead."
    )
    _table(view, rows, scope.shown, "velocity-windows")
    _each_unit(view, scope)
    everyone = queries.VelocityScope(_ORGANISATION, _ORGANISATION, scope.months)
    whole = window_queries.velocity_windows(view.snapshot, everyone).to_pylist()
    if not whole:  # for who sees single cost centres
        return

    def draw() -> None:
        st.markdown(
            "Over all models, services and teams: how often such things happen at"
            " all. It is no yardstick for one team."
        )
        _table(view, whole, "Organisation", "velocity-windows-organisation")

    tabs.fold("The whole organisation", "organisation", draw)


def _each_unit(view: Page, scope: VelocityScope) -> None:
    """Draw all units of a kind side by side over twelve months, each with its n."""
    table = window_queries.rare_over_units(view.snapshot, scope.kind, scope.months)
    if table.num_rows < 2:  # noqa: PLR2004  (one alone has nothing to stand with)
        return
    months = words.window(table.to_pylist()[0])
    tables.show(
        table,
        [
            tables.Column("scope_id", scope.kind.capitalize(), ids_of=scope.ids_of),
            tables.Column("time_to_restore", "Time to restore, h", "decimal"),
            tables.Column("time_to_restore_n", "n", "count"),
            tables.Column("failed_deployment_recovery", "Recovery, h", "decimal"),
            tables.Column("failed_deployment_recovery_n", "n", "count"),
            tables.Column("training_to_production", "Training to prod., h", "decimal"),
            tables.Column("training_to_production_n", "n", "count"),
            tables.Column("iterations_per_feature", "Iterations", "decimal"),
            tables.Column("iterations_per_feature_n", "n", "count"),
        ],
        page=view,
        name="velocity-windows-by-unit",
        caption=f"Each {scope.kind}, {months}; a dash is fewer than five",
        origin=Origin(
            formula="Medians of each, never of all together. They serve to see where to"
            " ask, not to rank teams.",
            mart="delivery.mart_velocity_windows",
        ),
    )


def _table(view: Page, rows: list[dict[str, Any]], whose: str, name: str) -> None:
    newest = rows[-1]
    so_far = "" if newest["is_over"] else ", so far"
    tables.show(
        pa.Table.from_pylist([_written(row) for row in rows]),
        [
            tables.Column("name", "Figure"),
            # Of months, and on a single line.
            tables.Column("window", "Window", "month"),
            tables.Column("figure", "Median", "text", "why"),
            tables.Column("interval", "90 % interval", "month"),
            tables.Column("ninth", "Nine of ten within"),
            tables.Column("n_used", "n", "count"),
            tables.Column("n_open", "Open", "count"),
            tables.Column("n_excluded", "Left out", "count"),
            tables.Column("way_out", "Way out", "prose"),
        ],
        page=view,
        name=name,
        caption=f"{whose}, months to {fmt.month(newest['month'])}{so_far}",
        origin=Origin(
            formula="Median of what ended in the months, by linear interpolation, never"
            " of monthly medians. Windows are whole months, half-open.",
            mart="delivery.mart_velocity_windows",
        ),
    )


def _written(row: dict[str, Any]) -> dict[str, Any]:
    """Write a row: unit, interval, and in place of a figure why there is none."""
    unit = row["unit"]
    has_interval = row["low"] is not None and row["high"] is not None
    bounds = [words.quantity(unit, row[side]) for side in ("low", "high")]
    return {
        "name": words.METRICS[row["metric"]][0],
        "window": words.window(row),
        "figure": None if row["value"] is None else words.quantity(unit, row["value"]),
        "why": row["reason"],
        "interval": " to ".join(bounds) if has_interval else None,
        "ninth": None if row["p90"] is None else words.quantity(unit, row["p90"]),
        **{name: row[name] for name in ("n_used", "n_open", "n_excluded")},
        "way_out": words.way_out(row),
    }
