"""Lineage of a mart drawn from left to right, from evidence to the mart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.pages.lineage.queries import Node
    from dashboard.shared.charts import Chart, Palette

#: Layers in the order of their colours.
LAYERS = ("evidence", "staging", "intermediate", "marts")
_ROW_HEIGHT = 36
_LEAST_HEIGHT = 170
#: Names are cut to the width of their column; hovering and the table have them whole.
_LEAST_LABEL = 40
_PADDING = {"left": 5, "right": 5, "top": 5, "bottom": 5}


def layer_of(node: Node) -> str:
    """Return which of the four layers a node belongs to."""
    return node.layer if node.layer in LAYERS else "marts"


def within(nodes: Sequence[Node], steps: int) -> list[Node]:
    """Return the nodes that a number of steps lead to."""
    return [node for node in nodes if node.distance <= steps]


def left_to_right(nodes: Sequence[Node], colours: Palette) -> Chart:
    """Return nodes in columns, each to the left of all that read it."""
    column_of = _columns(nodes)
    placed = _placed(nodes, column_of)
    base = alt.Chart(pd.DataFrame(list(placed.values())))
    furthest = max(column_of.values())
    x = alt.X(
        "x:Q",
        axis=None,
        # Names begin at their point, and the last column needs room for them.
        scale=alt.Scale(domain=[-furthest, 0.95], nice=False),
    )
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(reverse=True, nice=False, zero=True))
    tooltip = [
        alt.Tooltip("name:N", title="Name"),
        alt.Tooltip("layer:N", title="Layer"),
        alt.Tooltip("description:N", title="What it is"),
    ]
    lines = (
        alt.Chart(pd.DataFrame(_edges(nodes, placed)))
        .mark_rule(color=colours.other, opacity=0.45, strokeWidth=1)
        .encode(x=x, y=y, x2="x2:Q", y2="y2:Q")
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=x,
        y=y,
        color=alt.Color(
            "layer:N",
            scale=alt.Scale(
                domain=list(LAYERS), range=list(colours.categories[: len(LAYERS)])
            ),
            legend=alt.Legend(title=None, orient="top"),
        ),
        shape=alt.Shape(
            "layer:N",
            scale=alt.Scale(
                domain=list(LAYERS),
                range=["square", "triangle-right", "circle", "diamond"],
            ),
            legend=None,
        ),
        tooltip=tooltip,
    )
    names = base.mark_text(
        align="left",
        dx=-4,
        dy=-11,
        fontSize=11,
        limit=alt.ExprRef(f"max(width / {furthest + 1} - 8, {_LEAST_LABEL})"),
        color=colours.ink,
    ).encode(x=x, y=y, text="name:N", tooltip=tooltip)
    counts = list(column_of.values())
    most = max(counts.count(column) for column in counts)
    return alt.layer(
        lines,
        points,
        names,
        height=max(most * _ROW_HEIGHT, _LEAST_HEIGHT),
        padding=_PADDING,
    )


def _columns(nodes: Sequence[Node]) -> dict[str, int]:
    """Return how many lines lead from each node to the mart, the longest way."""
    column_of = {node.name: 0 for node in nodes}
    # A way visits no node twice, so it has fewer lines than there are nodes.
    for _ in nodes:
        for node in nodes:
            for parent in node.parents:
                if parent in column_of:
                    further = column_of[node.name] + 1
                    column_of[parent] = max(column_of[parent], further)
    return column_of


def _placed(
    nodes: Sequence[Node], column_of: dict[str, int]
) -> dict[str, dict[str, Any]]:
    """Return each node with its place; a short column is centred."""
    columns: dict[int, list[Node]] = {}
    for node in nodes:
        columns.setdefault(column_of[node.name], []).append(node)
    most = max(len(column) for column in columns.values())
    return {
        node.name: {
            "name": node.name,
            "layer": layer_of(node),
            "description": node.description or "a stream of evidence",
            "x": -column_number,
            "y": (position + 0.5) * most / len(column),
        }
        for column_number, column in columns.items()
        for position, node in enumerate(column)
    }


def _edges(
    nodes: Sequence[Node], placed: dict[str, dict[str, Any]]
) -> list[dict[str, float]]:
    found = [
        {
            "x": placed[parent]["x"],
            "y": placed[parent]["y"],
            "x2": placed[node.name]["x"],
            "y2": placed[node.name]["y"],
        }
        for node in nodes
        for parent in node.parents
        if parent in placed
    ]
    # A chart of no lines still has their columns.
    return found or [{"x": 0.0, "y": 0.0, "x2": 0.0, "y2": 0.0}]
