"""The third layer on *Summary*: net value, its evidence, and what cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import charts, data, page, sparks
from dashboard import format as fmt
from dashboard import return_sentences as words
from dashboard.summary_figures import Tile
from dashboard.summary_sentences import Gap

if TYPE_CHECKING:
    from dashboard.page import Page

_PORTFOLIO = "roi.mart_portfolio_roi"
_EVIDENCE = "roi.mart_evidence_mix"
#: Returns and studies are of the organisation, in its currency, over their own months.
_COUNTED_GRADES = "A and B"


def sentence(here: Page) -> str:
    """Say what the headline counts; nothing where no return is known."""
    row = data.return_headline(here.snapshot)
    if row is None or row["net_value"] is None:
        return ""
    amount = fmt.estimate(row["net_value"], row["currency"])
    span = words.between(row, "net_value", row["currency"])
    return (
        f" Value counted (grades {_COUNTED_GRADES}) nets **{amount}** to date ({span}),"
        f" P(net > 0) = {words.chance(row['probability_net_positive'])}."
    )


def net_value_tile(here: Page) -> Tile:
    """Return net value to date, with its interval and the chance of a gain."""
    row = data.return_headline(here.snapshot)
    label = here.tile_label("Net value to date")
    if row is None or row["net_value"] is None:
        return Tile(label, fmt.UNKNOWN, _why_nothing_counts(row), kind="estimate")
    return Tile(
        label,
        fmt.estimate(row["net_value"], row["currency"]),
        f"{words.between(row, 'net_value', row['currency'])};"
        f" P(> 0) {words.chance(row['probability_net_positive'])}",
        None,
        row["net_value"],
        "estimate",
        (
            ("90 % interval from", row["net_value_low_90"], "estimate"),
            ("90 % interval to", row["net_value_high_90"], "estimate"),
            (
                "Chance that it is above zero",
                row["probability_net_positive"],
                "percent",
            ),
        ),
        row["counted_feature_count"],
    )


def tile_net_value(here: Page) -> None:
    """Draw net value to date, with its interval and the chance of a gain."""
    tile = net_value_tile(here)
    st.metric(tile.label, tile.value)
    st.caption(tile.note)
    here.show_origin(
        page.Origin(
            formula="Benefit less AI cost, people and integration, draw by draw, of the"
            f" features whose evidence is of grade {_COUNTED_GRADES} and whose"
            " assumptions somebody other than their owner approved. Nulls and harms"
            " count as wins do.",
            mart=_PORTFOLIO,
            row_count=tile.row_count,
        )
    )


def _why_nothing_counts(row: dict[str, Any] | None) -> str:
    if row is None:
        return "No study is registered: plan one to learn what a feature returns."
    return "No feature has both evidence of grade A or B and approved assumptions."


def evidence_tile(here: Page) -> Tile:
    """Return how many features have strong evidence, and how many have which grade."""
    rows = _grades(here)
    label = here.tile_label("Strong evidence")
    if not rows:
        return Tile(label, fmt.UNKNOWN, "No feature has a study yet.", kind="count")
    strong = sum(rows.get(grade, 0) for grade in "AB")
    mix = " · ".join(f"{grade} {count}" for grade, count in rows.items())
    return Tile(
        label,
        f"{strong} of {sum(rows.values())}",
        f"features of grade A or B: {mix}; {_counted(here)} in net value",
        None,
        strong,
        "count",
        tuple((f"Features of grade {one}", n, "count") for one, n in rows.items()),
        len(rows),
    )


def tile_evidence(here: Page) -> None:
    """Draw how many features have strong evidence, and how many have which grade."""
    tile = evidence_tile(here)
    st.metric(tile.label, tile.value)
    st.caption(tile.note)
    here.show_origin(
        page.Origin(
            formula="Features by the grade of their evidence, which follows from"
            " recorded checks by rule: A randomised, B controlled, C modelled, D"
            " assumed, X not estimable.",
            mart=_EVIDENCE,
            row_count=tile.row_count,
        )
    )


def _grades(here: Page) -> dict[str, int]:
    """Return the number of features by grade, the strongest first."""
    if data.return_headline(here.snapshot) is None:
        return {}
    found: dict[str, int] = {}
    for row in data.evidence_mix(here.snapshot).to_pylist():
        found[row["grade"]] = found.get(row["grade"], 0) + row["feature_count"]
    return dict(sorted(found.items()))


def _counted(here: Page) -> int:
    row = data.return_headline(here.snapshot)
    return 0 if row is None else int(row["counted_feature_count"])


def column(here: Page) -> None:
    """Draw the layer: what returned most and least, month by month, and the way on."""
    page.link_to("impact", label="**Return** · effects, evidence, money")
    row = data.return_headline(here.snapshot)
    if row is None:
        st.markdown(layer_sentence(here))
        return
    st.markdown(layer_sentence(here))
    months = data.return_months(here.snapshot)
    if len(months) > 1:
        charts.show(
            sparks.net_values(months, row["currency"], charts.palette()),
            description="Net value of what counts by month, with its 90 % interval.",
        )


def layer_sentence(here: Page) -> str:
    """Name what returned most and least, and say what stands beside it."""
    row = data.return_headline(here.snapshot)
    if row is None:
        return _why_nothing_counts(row)
    return f"{_most_and_least(here)} {_beside(row)}"


def _beside(row: dict[str, Any]) -> str:
    count = row["beside_feature_count"]
    if not count:
        return "Nothing stands beside."
    amount = fmt.estimate(row["beside_net_value"], row["currency"])
    named = fmt.plural(count, "feature stands", "features stand")
    return f"{named} beside, at {amount}."


def _most_and_least(here: Page) -> str:
    """Name the feature that returned most and the one that returned least."""
    rows = [
        row
        for row in data.feature_returns(here.snapshot).to_pylist()
        if row["standing"] == "counted"
    ]
    if not rows:
        return "Nothing counts yet."
    rows.sort(key=lambda row: -row["net_value"])
    ends = rows if len(rows) == 1 else [rows[0], rows[-1]]
    said = ", ".join(
        f"{fmt.markdown(row['feature'])} ({row['grade']})"
        f" {fmt.estimate(row['net_value'], row['currency'])}"
        for row in ends
    )
    return f"Most and least: {said}." if len(rows) > 1 else f"Counted: {said}."


def gaps(here: Page) -> list[Gap]:
    """Return the features of which nothing can be told, with the reason."""
    if data.return_headline(here.snapshot) is None:
        return [Gap("No study says what any feature returns", "impact")]
    return [
        Gap(
            f"{fmt.markdown(row['feature'])} is of grade X: {fmt.markdown(row['why'])}",
            "impact",
        )
        for row in data.not_counted_returns(here.snapshot).to_pylist()
        if row["grade"] == "X"
    ]


__all__ = [
    "column",
    "evidence_tile",
    "gaps",
    "layer_sentence",
    "net_value_tile",
    "sentence",
    "tile_evidence",
    "tile_net_value",
]
