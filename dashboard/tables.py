"""Tables beside charts: formatted for reading, exact for download.

A table is plain HTML, so that it can be read aloud, selected and printed, and is
wider than a phone only inside its own frame.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from dashboard import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.page import Page

Kind = Literal[
    "text",
    "month",
    "day",
    "moment",
    "money",
    "change",
    "percent",
    "signed_percent",
    "coverage",
    "count",
    "unit_cost",
]
_TEXT_KINDS = frozenset({"text", "month", "day", "moment"})
#: Beginnings that a spreadsheet would take for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_STYLE = """
<style>
.triptych-table {overflow-x: auto; margin: .1rem 0 .3rem}
.triptych-table table {border-collapse: collapse; width: 100%; font-size: .93rem;
  font-variant-numeric: tabular-nums}
.triptych-table th, .triptych-table td {padding: .3rem .7rem .3rem 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 16%, transparent);
  text-align: left; vertical-align: top}
.triptych-table thead th {font-weight: 600; opacity: .75; white-space: nowrap;
  border-bottom-width: 2px}
.triptych-table tbody th {font-weight: 400}
.triptych-table .number {text-align: right; white-space: nowrap}
.triptych-table tr.total > * {font-weight: 650;
  border-top: 2px solid color-mix(in srgb, currentColor 40%, transparent)}
.triptych-table caption {text-align: left; font-weight: 600; padding-bottom: .2rem}
</style>
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it comes from, its heading, how it is written.

    ``unknown`` is why a value of it may be missing.
    """

    name: str
    label: str
    kind: Kind = "text"
    unknown: str = ""


def show(
    table: pa.Table,
    columns: Sequence[Column],
    *,
    page: Page,
    name: str,
    caption: str,
    total_rows: Sequence[int] = (),
) -> None:
    """Draw a table and, beneath it, its download.

    Parameters
    ----------
    table : pyarrow.Table
        What to show; all of it goes into the download.
    columns : sequence of Column
        Which columns to show, in order.
    page : Page
        Run and selection, for the currency and the download's header.
    name : str
        File name of the download, without its ending.
    caption : str
        What the table is, in a few words.
    total_rows : sequence of int
        Positions of rows that are totals.
    """
    st.html(html_table(table, columns, page.currency, caption, total_rows))
    download(table, page=page, name=name)


def html_table(
    table: pa.Table,
    columns: Sequence[Column],
    currency: str,
    caption: str,
    total_rows: Sequence[int] = (),
) -> str:
    """Return a table as HTML, every value escaped."""
    head = "".join(
        f'<th scope="col"{_css(column)}>{escape(column.label)}</th>'
        for column in columns
    )
    body = "".join(
        _html_row(row, columns, currency, is_total=position in total_rows)
        for position, row in enumerate(table.to_pylist())
    )
    return (
        f'{_STYLE}<div class="triptych-table" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _html_row(
    row: dict[str, Any], columns: Sequence[Column], currency: str, *, is_total: bool
) -> str:
    cells = []
    for position, column in enumerate(columns):
        tag = 'th scope="row"' if position == 0 else "td"
        text = escape(written(row[column.name], column, currency, row))
        cells.append(f"<{tag}{_css(column)}>{text}</{tag.split()[0]}>")
    opening = '<tr class="total">' if is_total else "<tr>"
    return f"{opening}{''.join(cells)}</tr>"


def _css(column: Column) -> str:
    return "" if column.kind in _TEXT_KINDS else ' class="number"'


def written(
    value: Any, column: Column, currency: str, row: dict[str, Any] | None = None
) -> str:
    """Return a value as its column writes it; a row's own ``currency`` goes first."""
    if value is None:
        return fmt.unknown(column.unknown) if column.unknown else fmt.UNKNOWN
    own = (row or {}).get("billing_currency") or (row or {}).get("currency") or currency
    if column.kind == "money":
        return fmt.money(value, own)
    if column.kind == "change":
        return fmt.signed_money(value, own)
    if column.kind == "unit_cost":
        return fmt.unit_cost(value, own)
    return str(_WRITERS[column.kind](value))


_WRITERS: dict[str, Any] = {
    "text": str,
    "month": fmt.month,
    "day": fmt.day,
    "moment": fmt.moment,
    "percent": fmt.percent,
    "signed_percent": fmt.signed_percent,
    "coverage": fmt.coverage,
    "count": fmt.count,
}


def download(table: pa.Table, *, page: Page, name: str, label: str = "CSV") -> None:
    """Offer a table as CSV, with every digit."""
    st.download_button(
        label,
        data=lambda: csv_text(table, page=page, name=name).encode("utf-8"),
        file_name=f"{name}-{page.selection.period.label}.csv",
        mime="text/csv",
        key=f"download-{name}",
        on_click="ignore",
        type="tertiary",
        help="Download this table with every digit.",
    )


def csv_text(table: pa.Table, *, page: Page, name: str) -> str:
    """Return a table as CSV; the first lines say what it is and from which run."""
    output = io.StringIO()
    for line in _csv_header(page, name):
        output.write(f"# {line}\n")
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in table.to_pylist():
        writer.writerow([_csv_cell(value) for value in row.values()])
    return output.getvalue()


def _csv_header(page: Page, name: str) -> list[str]:
    header = [
        f"{name}; {page.run.organisation}",
        f"period {page.selection.period.label}; basis {page.selection.basis.lower()};"
        f" currency {page.currency}; scope {page.scope}",
        f"state {page.standing.label}; data as of"
        f" {fmt.moment(page.run.evidence_as_of)};"
        f" coverage {fmt.coverage(page.standing.coverage_ratio)}",
        f"run {page.run.run_id}; triptych {page.run.triptych_version}",
    ]
    if page.run.is_synthetic:
        header.insert(0, "SYNTHETIC: simulated data, no figure is real")
    return [line.replace("\u00a0", " ").replace("\n", " ") for line in header]


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
