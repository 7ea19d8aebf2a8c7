"""First table of *Impact*: return of each feature in money, and decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.summary import returns as return_summary
from dashboard.shared import format as fmt
from dashboard.shared import return_queries, tables
from dashboard.shared import return_sentences as words
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dashboard.shared.context import Page


#: Most features that the first sentence names.
_NAMED: Final = 5
#: Format of the columns of `rows`.
COLUMNS: Final = (
    tables.Column("feature", "Feature"),
    tables.Column("net_value", "Gain or harm", "estimate", "unknown"),
    tables.Column("range", "Likely range (90 %)", "month"),
    tables.Column("grade", "Evidence"),
    tables.Column("window", "Window", "month"),
    tables.Column("decision", "Decision", "prose"),
)


def rows(view: Page) -> list[dict[str, Any]]:
    """Return gain or harm of each feature; nothing where the run has no returns."""
    headline = return_summary.headline(view)
    if headline is None or headline["begins"] is not None:
        return []
    until = headline["until_month"]
    valued = return_queries.feature_returns(view.snapshot, until).to_pylist()
    names = {row["feature"] for row in valued}
    left_out = return_queries.not_counted_returns(view.snapshot, until).to_pylist()
    reasons = {row["feature"]: row["why"] for row in left_out}
    return [
        *(_valued(row, reasons.get(row["feature"])) for row in valued),
        *(_unknown(row) for row in left_out if row["feature"] not in names),
    ]


def sentence(view: Page, found: Sequence[dict[str, Any]]) -> str:
    """Count features proven to pay, and name the others by finding.

    Each feature is in a single part of it, by the finding of the mart.
    """
    of = {name: [row for row in found if row["finding"] == name] for name in _FINDINGS}
    paying = sum(row["finding"] == "pays" for row in found)
    named = [
        f"{title}: {_named(members, _FINDINGS[name][1])}."
        for name, (title, _) in _FINDINGS.items()
        if (members := of[name])
    ]
    return (
        f"{view.organisation_prefix}**{paying} of"
        f" {fmt.plural(len(found), 'feature')}** proven to pay."
        f" {' '.join(named)}".rstrip()
    )


def _named(
    found: Sequence[dict[str, Any]], name: Callable[[dict[str, Any]], str]
) -> str:
    """Name the first features, the lowest net value first."""
    lowest = sorted(found, key=lambda row: row["net_value"] or 0.0)
    named = ", ".join(map(name, lowest[:_NAMED]))
    rest = len(lowest) - _NAMED
    return f"{named}{f' and {rest:,} more' if rest > 0 else ''}"


def _name(row: dict[str, Any]) -> str:
    """Write the name of a feature."""
    return fmt.markdown(row["feature"])


def _name_and_amount(row: dict[str, Any]) -> str:
    """Write the name of a feature with its net value."""
    return f"{_name(row)} {fmt.estimate(row['net_value'], row['currency'])}"


#: Finding of a feature that is not proven to pay → its title, and the format of its
#: name.
_FINDINGS: Final = {
    "loses": ("Proven loss", _name_and_amount),
    "cannot_tell": ("Gain or loss, cannot tell", _name),
    "not_proven": ("Not proven", _name_and_amount),
    "unknown": ("Unknown", _name),
}


def show(view: Page) -> bool:
    """Draw gain or harm by feature; return whether the run has any returns."""
    found = rows(view)
    if not found:
        return False
    st.markdown(sentence(view, found))
    tables.show(
        pa.Table.from_pylist(found),
        COLUMNS,
        page=view,
        name="decisions",
        caption="Net value of the measured months, after investment",
        origin=Origin(
            formula="Keep where the whole 90 % interval is a gain, stop or fix where it"
            " is a loss, measure on where it has both. Evidence below grade B decides"
            " nothing.",
            mart="roi.mart_feature_roi",
        ),
        is_of_period=False,
    )
    return True


def _not_proven(why: str | None) -> str:
    return f"Not proven: {why}" if why else "Not proven"


def _valued(row: dict[str, Any], why: str | None) -> dict[str, Any]:
    name = words.proven_measure(row)
    low, high = row[f"{name}_low_90"], row[f"{name}_high_90"]
    is_counted = row["standing"] == "counted"
    return {
        "feature": row["feature"],
        "net_value": row[name],
        "finding": row["finding"],
        "currency": row["currency"],
        "unknown": None,
        "range": fmt.interval(low, high, row["currency"]),
        "grade": row["grade"],
        "window": words.window(row),
        "decision": words.decision_of(row) if is_counted else _not_proven(why),
    }


def _unknown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "feature": row["feature"],
        "net_value": None,
        "finding": row["finding"],
        "currency": None,
        "unknown": "not estimated",
        "range": None,
        "grade": row["grade"],
        "window": None,
        "decision": _not_proven(row["why"]),
    }
