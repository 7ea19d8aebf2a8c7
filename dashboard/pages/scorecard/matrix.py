"""The matrix of *Platform scorecard*: platforms by metric, all or 1 model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.scorecard import queries
from dashboard.pages.scorecard import sentences as words
from dashboard.shared import filters, names, tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dashboard.shared.context import Page

ALL_MODELS: Final = "All models"
_SCORECARD: Final = "roi.mart_platform_scorecard"
_COMPARISONS: Final = "roi.mart_platform_comparisons"


def show(view: Page, rows: Sequence[dict[str, Any]], platforms: Sequence[str]) -> None:
    """Draw the matrix of the choice: everything that ran, or a single model."""
    compared = queries.platform_comparisons(view.snapshot).to_pylist()
    known = names.names_of(view.snapshot, "model")
    ids = {str(row["unit_id"]) for row in compared if row["unit_id"]}
    models = {known.get(each, each): each for each in sorted(ids)}
    former = {each: name for name, each in models.items()}
    offered = [ALL_MODELS, *sorted(models)]
    chosen = filters.choice(
        "Model", "platform_model", offered, width=320, former=former
    )
    if chosen == ALL_MODELS:
        st.markdown(
            "Everything that ran on a platform, whatever its models and load: these"
            " figures describe, and do not compare. A model above compares."
            f" {words.UNIT_COSTS}"
        )
        lines = of_everything(rows, platforms)
    else:
        st.markdown(
            "Only what two platforms served of this model in the same band of load and"
            " under one threshold."
        )
        lines = of_model(compared, models[chosen])
    if not lines:
        return
    platforms = [name for name in lines[0] if name != "metric_name"]
    tables.show(
        pa.Table.from_pylist(lines),
        [
            tables.Column("metric_name", "Metric"),
            *(tables.Column(name, name, "month") for name in platforms),
        ],
        page=view,
        name="platform-matrix",
        caption=f"{chosen}, to date; a dash is not measured",
        origin=Origin(
            formula="Each figure of everything that ran on a platform; of one model,"
            " those of its pairs of platforms: *Same models* has their intervals.",
            mart=_SCORECARD if chosen == ALL_MODELS else _COMPARISONS,
        ),
        is_of_period=False,
    )


def of_everything(
    rows: Sequence[dict[str, Any]], platforms: Sequence[str]
) -> list[dict[str, Any]]:
    """Return a row for each metric that is known, with a cell for each platform."""
    lines = []
    for metrics in words.DRAWN.values():
        for metric in metrics:
            known = {row["subject_name"]: row for row in words.of_metric(rows, metric)}
            if not known:
                continue
            cells = {
                name: words.figure(
                    known[name]["metric_value"],
                    known[name]["unit"],
                    known[name]["currency"],
                )
                if name in known
                else None
                for name in platforms
            }
            lines.append({"metric_name": words.METRICS[metric], **cells})
    return lines


def of_model(rows: Iterable[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """Return a row for each metric of a model, with a cell for each platform.

    Pairs of platforms are compared in the bands of load of both, so that a platform of
    several pairs may have several figures: all are written.
    """
    known: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        if row["unit_id"] != model or row["platform_figure"] is None:
            continue
        cells = known.setdefault(row["metric"], {})
        for side in ("platform", "reference"):
            name = "platform_name" if side == "platform" else "reference_platform_name"
            written = words.compared_figure(row, row[f"{side}_figure"])
            figures = cells.setdefault(row[name], [])
            if written not in figures:
                figures.append(written)
    names = sorted({name for cells in known.values() for name in cells})
    return [
        {"metric_name": words.METRICS[metric]}
        | {name: " or ".join(known[metric].get(name, ())) or None for name in names}
        for metric in words.METRICS
        if metric in known
    ]
