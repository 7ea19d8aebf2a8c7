"""Page tables as files, with every digit and their inputs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.shared import format as fmt
from dashboard.shared.cells import csv_row

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page


def download(table: pa.Table, *, page: Page, name: str) -> None:
    """Offer a table as CSV, with every digit."""
    st.download_button(
        "Download CSV",
        data=lambda: csv_text(table, page=page, name=name).encode("utf-8"),
        file_name=f"{name}-{page.selection.period.label}.csv",
        mime="text/csv",
        key=f"download-{name}",
        on_click="ignore",
        type="tertiary",
        help="Download this table with every digit.",
    )


def csv_text(table: pa.Table, *, page: Page, name: str) -> str:
    """Return a table as CSV; the first lines name the table and its run."""
    output = io.StringIO()
    for line in _csv_header(page, name):
        output.write(f"# {line}\n")
    output.write(f"{csv_row(table.column_names)}\n")
    for row in table.to_pylist():
        output.write(f"{csv_row(row.values())}\n")
    return output.getvalue()


def _csv_header(page: Page, name: str) -> list[str]:
    header = [
        f"{name}; {page.run.organisation}",
        f"period {page.selection.period.label}; basis {page.selection.basis.lower()};"
        f" currency {page.currency}; scope {page.scope}",
        f"state {page.standing.label}; data as of"
        f" {fmt.moment(page.run.evidence_as_of)};"
        f" coverage {page.coverage}; {page.standing.gap.completeness}",
        f"run {page.run.run_id}; triptych {page.run.triptych_version}",
    ]
    if page.run.is_synthetic:
        header.insert(0, "SYNTHETIC: simulated data, no figure is real")
    return [line.replace("\u00a0", " ").replace("\n", " ") for line in header]
