"""The tiles of Velocity: a period, and the period before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.velocity import queries
from dashboard.pages.velocity import sentences as words
from dashboard.pages.velocity import windows as window_section
from dashboard.shared import explaining
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.velocity.queries import (
        VelocityFigure,
        VelocityPeriod,
        VelocityScope,
    )
    from dashboard.shared.context import Page


def show_tiles(
    view: Page,
    scope: VelocityScope,
    period: VelocityPeriod | None,
    metrics: Sequence[str],
) -> None:
    """Draw figures of a month or quarter with their intervals."""
    if period is None:
        st.info(
            f"**Nothing of {fmt.markdown(scope.shown)} ended in {view.period}.** No"
            " figure is drawn from nothing: a month without data is unknown, not zero."
        )
        return
    figures = queries.velocity_figures(view.snapshot, scope, period)
    so_far = "" if period.is_over else ", so far"
    st.subheader(
        f"{fmt.markdown(scope.shown)}, {fmt.period(period.label)}{so_far}", anchor=False
    )
    with_bands = bool(st.session_state.get("bands"))
    windows = window_section.windows_by_metric(view, scope)
    for column, metric in zip(st.columns(len(metrics)), metrics, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            figure = figures.get(metric)
            rows = windows.get(metric, [])
            _tile(view, scope, period, metric, figure, rows, with_bands=with_bands)


def _tile(
    view: Page,
    scope: VelocityScope,
    period: VelocityPeriod,
    metric: str,
    figure: VelocityFigure | None,
    windows: list[dict[str, Any]],
    *,
    with_bands: bool,
) -> None:
    name, formula = words.METRICS[metric]
    value = None if figure is None else figure.value
    prior = _prior(view, scope, period, figure)
    st.metric(
        view.tile_label(name),
        fmt.UNKNOWN if figure is None else words.value(figure, value),
        delta=prior,
        delta_color="off",
        delta_arrow="off",
    )
    if figure is None or value is None:
        st.caption(words.absence(figure))
    else:
        band = words.band(figure) if with_bands else None
        st.caption(words.evidence(figure) + (f" · {band}, 2023" if band else ""))
    if windows:
        st.caption(words.over_windows(windows))
    reasons = "" if figure is None else figure.excluded_by_reason or ""
    left_out = f" Left out: {reasons.replace('_', ' ')}." if reasons else ""
    version = f" Definition {figure.definition_version}." if figure else ""
    explaining.show(
        view,
        Origin(
            formula=f"{formula}{left_out}{version}",
            mart=period.mart,
            row_count=0 if figure is None else figure.n_used,
        ),
    )


def _prior(
    view: Page,
    scope: VelocityScope,
    period: VelocityPeriod,
    figure: VelocityFigure | None,
) -> str | None:
    """Write the same figure of the newest period before."""
    if figure is None:
        return None
    table = queries.velocity_series(view.snapshot, scope, figure.metric, period.kind)
    before = [
        row
        for row in table.to_pylist()
        if row["period"] < figure.period and row["value"] is not None
    ]
    if not before:
        return None
    last = before[-1]
    return f"{words.value(figure, last['value'])} in {fmt.period(last['period'])}"
