"""Section of *Platform scorecard*: security, compliance, evidence gaps."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import streamlit as st

from dashboard.pages.scorecard import queries
from dashboard.shared import format as fmt
from dashboard.shared import tables, tabs
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dashboard.shared.context import Page

_MART: Final = "roi.mart_platform_controls"
#: Control → heading of its column.
_HEADINGS: Final = {
    "certification": "Certification",
    "data_residency": "Data residency",
    "encryption_at_rest": "Encrypted at rest",
    "encryption_in_transit": "In transit",
    "sso": "SSO",
    "audit_log": "Audit log",
    "dpa": "DPA",
}
#: States that evidence would change, the most urgent first.
_OPEN: Final = ("expired", "declared", "unknown")


def show_controls(view: Page) -> None:
    """Draw the matrix of platforms and controls, and the evidence behind it."""
    st.header("Security and compliance", anchor=False)
    table = queries.platform_controls(view.snapshot)
    rows = table.to_pylist()
    st.markdown(headline(rows))
    if not rows:
        return
    origin = Origin(
        formula="Each control as catalog.yml declares it under controls, with its"
        " evidence, judged as of the day of the run. It is not a score.",
        mart=_MART,
        row_count=table.num_rows,
    )
    tables.show(
        matrix(rows),
        [
            tables.Column("platform_name", "Platform"),
            *(tables.Column(control, text) for control, text in _HEADINGS.items()),
        ],
        page=view,
        name="platform-controls",
        caption="Platform × control",
        origin=origin,
    )

    def draw() -> None:
        tables.show(
            table.filter([row["state"] != "unknown" for row in rows]),
            [
                tables.Column("platform_name", "Platform"),
                tables.Column("control_name", "Control"),
                tables.Column("detail", "Which"),
                tables.Column("state", "State"),
                tables.Column("source", "Source", "prose"),
                tables.Column("evidenced_on", "Read on", "day"),
                tables.Column("expires_on", "Valid until", "day"),
            ],
            page=view,
            name="platform-controls-evidence",
            caption="Declared controls",
            origin=origin,
        )

    tabs.fold("Evidence of each control that is declared", "evidence", draw)


def headline(rows: Sequence[dict[str, Any]]) -> str:
    """Count the controls with evidence, and those expired.

    Parameters
    ----------
    rows : sequence of dict
        Rows of ``roi.mart_platform_controls``.
    """
    if not any(row["state"] != "unknown" for row in rows):
        return (
            "No control is declared: `controls` in `catalog.yml` name certifications,"
            " data residency, encryption, single sign-on, audit log and data processing"
            " agreement of each platform, each with a source and a date."
        )
    counts = {
        state: sum(row["state"] == state for row in rows)
        for state in ("evidenced", *_OPEN[:2], "absent", "unknown")
    }
    listed = ", ".join(f"{count} {state}" for state, count in counts.items())
    expired = ", ".join(
        f"{row['detail'] or row['control_name']} of {row['platform_name']}"
        f" ({fmt.day(row['expires_on'])})"
        for row in rows
        if row["state"] == "expired"
    )
    ended = f" **Expired:** {fmt.markdown(expired)}." if expired else ""
    return (
        f"{fmt.plural(len(rows), 'control')} as of {fmt.day(rows[0]['judged_on'])}:"
        f" {listed}.{ended}"
    )


def matrix(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return a row per platform, with the status of each control as text."""
    return pa.Table.from_pylist(
        [
            {"platform_name": name, **_cells(of_platform)}
            for name, of_platform in groupby(rows, lambda row: row["platform_name"])
        ]
    )


def _cells(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    cells: dict[str, list[str]] = {control: [] for control in _HEADINGS}
    for row in rows:
        cells[row["control"]].append(_cell(row))
    return {control: "; ".join(texts) for control, texts in cells.items()}


def _cell(row: dict[str, Any]) -> str:
    until = row["expires_on"]
    text = str(row["state"])
    if until is not None:
        day = f"{until:%d %b %Y}".replace(" ", "\u00a0")
        text += f" {day}" if text == "expired" else f" to {day}"
    return f"{row['detail']}: {text}" if row["detail"] else text


def show_open_controls(view: Page) -> None:
    """Draw which controls lack current evidence, and the entry that shows each."""
    table = queries.platform_controls(view.snapshot)
    rows = [row for row in table.to_pylist() if row["state"] in _OPEN]
    if not rows:
        return
    platforms = len({row["platform_id"] for row in rows})
    st.markdown(
        f"**{fmt.plural(len(rows), 'security and compliance control')}** of"
        f" {fmt.plural(platforms, 'platform')} lack current evidence."
    )
    tables.show(
        pa.Table.from_pylist(folded(rows), schema=table.schema),
        [
            tables.Column("platform_name", "Platform"),
            tables.Column("control_name", "Controls", "prose"),
            tables.Column("state", "State"),
            tables.Column("next_step", "Start with", "prose"),
        ],
        page=view,
        name="controls-without-evidence",
        caption="Controls without current evidence, expired first",
        origin=Origin(
            formula="Controls whose state is expired, declared or unknown.",
            mart=_MART,
            row_count=table.num_rows,
        ),
    )


def folded(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return open controls, expired first; a row for unknowns per platform.

    Parameters
    ----------
    rows : sequence of dict
        Rows of ``roi.mart_platform_controls`` that are expired, declared or unknown.
    """
    known = [row for row in rows if row["state"] != "unknown"]
    unknown: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["state"] == "unknown":
            unknown.setdefault(row["platform_id"], []).append(row)
    return sorted(known, key=lambda row: _OPEN.index(row["state"])) + [
        of_platform[0]
        | {"control_name": ", ".join(row["control_name"] for row in of_platform)}
        | {"next_step": f"{of_platform[0]['next_step']}{_each(len(of_platform))}"}
        for of_platform in unknown.values()
    ]


def _each(count: int) -> str:
    return "" if count == 1 else "; one entry for each control"
