"""Third layer of *Summary*: net value, its evidence and open questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.summary.figures import Tile
from dashboard.pages.summary.sentences import Gap
from dashboard.shared import explaining, return_queries
from dashboard.shared import format as fmt
from dashboard.shared import return_sentences as words
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page
    from dashboard.shared.tables import Kind

_PORTFOLIO = "roi.mart_portfolio_roi"
_FEATURES = "roi.mart_feature_roi"
#: Returns are of the organisation, in its currency, over the months that were measured.
_COUNTED_GRADES = "A and B"


def headline(view: Page) -> dict[str, Any] | None:
    """Return the counted returns by the end of the period; ``None`` without."""
    return return_queries.return_headline(view.snapshot, _last_month(view))


def _last_month(view: Page) -> str:
    return max(view.selection.period.months)


def story(view: Page) -> str:
    """State the proven net value, the AI cost that it covers, and the extremes."""
    row = headline(view)
    if row is None or row["net_value"] is None:
        return _why_nothing_counts(row)
    amount = fmt.estimate(row[words.proven_measure(row)], row["currency"])
    proven = (
        f"{view.organisation_prefix}**Proven: {amount}** net value in"
        f" {words.window(row)}, {words.coverage(row)}."
    )
    return " ".join(filter(None, (proven, _to_date(row), _most_and_least(view))))


def net_value_tile(view: Page) -> Tile:
    """Return the proven net value, its chance, and the AI cost it covers."""
    row = headline(view)
    if row is None or row["net_value"] is None:
        label = view.organisation_label("Net value")
        return Tile(label, fmt.UNKNOWN, _why_nothing_counts(row), kind="estimate")
    name = words.proven_measure(row)
    return Tile(
        view.organisation_label(f"Net value, {words.window(row)}"),
        fmt.estimate(row[name], row["currency"]),
        f"{words.between(row, name, row['currency'])};"
        f" P(> 0) {words.chance(words.proven_chance(row))}; {words.covered(row)}",
        None,
        row[name],
        "estimate",
        (
            ("90 % interval from", row[f"{name}_low_90"], "estimate"),
            ("90 % interval to", row[f"{name}_high_90"], "estimate"),
            ("Chance that it is above zero", words.proven_chance(row), "percent"),
            ("Part of AI cost", row["counted_cost_ratio"], "percent"),
            ("After shrinkage", row["shrunk_net_value"], "estimate"),
            *_ladder(view, row),
        ),
        row["counted_feature_count"],
    )


def _ladder(view: Page, row: dict[str, Any]) -> list[tuple[str, Any, Kind]]:
    """Return each line from benefit to value to date, and the month now."""
    lines = return_queries.return_ladder(view.snapshot, row["window"]).to_pylist()
    return [(words.LADDER[one["line"]], one["amount"], "estimate") for one in lines]


def tile_net_value(view: Page) -> None:
    """Draw net value, with its window, its interval and the chance of a gain."""
    tile = net_value_tile(view)
    st.metric(tile.label, tile.value)
    st.caption(tile.note)
    explaining.show(
        view,
        Origin(
            formula="Benefit less the cost of the change in the measured months, less"
            " what was invested, draw by draw. The cost of the change is running cost,"
            " people and integration, less the cost of what it replaced. It is over the"
            " features"
            f" whose evidence is of grade {_COUNTED_GRADES} and whose assumptions"
            " somebody other than their owner approved. Nulls and harms count as wins"
            " do.",
            mart=_PORTFOLIO,
            row_count=tile.row_count,
        ),
    )


def _why_nothing_counts(row: dict[str, Any] | None) -> str:
    if row is None:
        return "No study is registered: plan one to learn what a feature returns."
    if row["begins"] is not None:
        return words.not_yet(row)
    return (
        "No feature has both evidence of grade A or B and approved assumptions"
        ": plan a study."
    )


def evidence_tile(view: Page) -> Tile:
    """Return how many features have strong evidence, and how many have which grade."""
    row = headline(view)
    grades = (
        return_queries.return_grades(view.snapshot, _last_month(view)) if row else {}
    )
    label = view.organisation_label("Strong evidence")
    if row is None or not grades:
        note = "No feature has a study yet: plan one on Impact."
        if row is not None and row["begins"] is not None:
            note = words.not_yet(row)
        return Tile(label, fmt.UNKNOWN, note, kind="count")
    strong = sum(grades.get(grade, 0) for grade in "AB")
    mix = ", ".join(f"{grade}{count}" for grade, count in grades.items())
    return Tile(
        label,
        f"{strong} of {sum(grades.values())}",
        f"grades {mix}",
        None,
        strong,
        "count",
        tuple((f"Features of grade {one}", n, "count") for one, n in grades.items()),
        len(grades),
    )


def tile_evidence(view: Page) -> None:
    """Draw how many features have strong evidence, and how many have which grade."""
    tile = evidence_tile(view)
    st.metric(tile.label, tile.value)
    st.caption(tile.note)
    explaining.show(
        view,
        Origin(
            formula="Features by the grade of their evidence, which follows from"
            " recorded checks by rule: A randomised, B controlled, C modelled, D"
            " assumed, X not estimable.",
            mart=_FEATURES,
            row_count=tile.row_count,
        ),
    )


def layer_sentence(view: Page) -> str:
    """Name the best and worst returns, and the amounts not counted."""
    row = headline(view)
    if row is None or row["begins"] is not None:
        return _why_nothing_counts(row)
    parts = (_to_date(row), _most_and_least(view), _not_counted(row))
    return f"{view.organisation_prefix}{' '.join(filter(None, parts))}"


def _to_date(row: dict[str, Any]) -> str:
    """State the net value with the months since, if known."""
    if row["net_to_date"] is None or not row["since_month_count"]:
        return ""
    amount = fmt.estimate(row["net_to_date"], row["currency"])
    return f"To {fmt.month(row['to_date_month'])}, as gains fade: **{amount}**."


def _not_counted(row: dict[str, Any]) -> str:
    count = row["beside_feature_count"]
    if not count:
        return ""
    amount = fmt.estimate(row["beside_net_value"], row["currency"])
    return f"Not yet proven: {fmt.plural(count, 'feature')}, {amount}."


def _most_and_least(view: Page) -> str:
    """Name the feature that returned most and the feature that returned least."""
    rows = [
        row
        for row in return_queries.feature_returns(
            view.snapshot, _last_month(view)
        ).to_pylist()
        if row["standing"] == "counted"
    ]
    if not rows:
        return "No returns are proven yet."
    rows.sort(key=lambda row: -row[words.proven_measure(row)])
    named = ("Proven",) if len(rows) == 1 else ("Best", "Worst")
    return " ".join(
        f"{name}: {fmt.markdown(row['feature'])} ({row['grade']})"
        f" {fmt.estimate(row[words.proven_measure(row)], row['currency'])},"
        f" {words.decision_of(row).partition(':')[0].lower()}."
        for name, row in zip(named, (rows[0], rows[-1]), strict=False)
    )


def gaps(view: Page) -> list[Gap]:
    """Return the features without a known return, with the reason."""
    if headline(view) is None:
        return [Gap("No feature has a study of its return", "impact")]
    return [
        Gap(
            f"{fmt.markdown(row['feature'])} is of grade X: not estimable yet",
            "impact",
        )
        for row in return_queries.not_counted_returns(
            view.snapshot, _last_month(view)
        ).to_pylist()
        if row["grade"] == "X"
    ]
