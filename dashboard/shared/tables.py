"""Tables beside charts: formatted for reading, exact for download.

A table is plain HTML, so that it can be read aloud, selected and printed, and is
wider than a phone only inside its own frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa
import streamlit as st

from dashboard.shared import downloads, explaining, names, tabs
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboard.shared.context import Origin, Page
    from dashboard.shared.names import Named

Kind = Literal[
    "text",
    "prose",
    "month",
    "day",
    "moment",
    "money",
    "amount",
    "change",
    "percent",
    "signed_percent",
    "coverage",
    "count",
    "hours",
    "gpus",
    "decimal",
    "unit_cost",
    "estimate",
    "times",
]
_TEXT_KINDS = frozenset({"text", "prose", "month", "day", "moment"})
#: Text that is never broken over lines.
_SHORT_KINDS = frozenset({"month", "day", "moment"})
#: Longest table that is drawn; longer tables are whole in the download.
ROW_LIMIT = 500
#: From so many rows on a table scrolls beneath its header, and can be searched.
_LONG = 12
_WIDE_COLUMNS = 10
#: From so many columns on they can be chosen.
_CHOOSABLE = 6

_BESIDE_SERIES = (("All models", "month_total"), ("Idle, not charged", "idle_shown"))


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its source, its heading, its format.

    ``reason_from`` names the column with the reason of a missing value; ``ids_of`` the
    kind of the ids, where the column's own name does not show it: the names that people
    use are drawn in their place, and the download has the ids.
    """

    name: str
    label: str
    kind: Kind = "text"
    reason_from: str = ""
    ids_of: Named | None = None


#: Suffix for the name of a total with missing data.
LOWER_BOUND: Final = ", at least"
#: The same of a difference of two totals, which is no bound of anything.
PARTIAL_CHANGE: Final = ", of known data"
_NO_TOTALS: Final[Mapping[int, str]] = MappingProxyType({})


def show(  # noqa: PLR0913  (one parameter for each thing that differs)
    table: pa.Table,
    columns: Sequence[Column],
    *,
    page: Page,
    name: str,
    caption: str,
    origin: Origin | None = None,
    total_rows: Mapping[int, str] = _NO_TOTALS,
    is_of_period: bool = True,
    is_folded: bool = False,
) -> None:
    """Draw a table and, beneath it, its download and where it comes from.

    Parameters
    ----------
    table : pyarrow.Table
        Table to show; all of it goes into the download.
    columns : sequence of Column
        Columns to show, in order.
    page : Page
        Run and selection, for the currency and the download's header.
    name : str
        File name of the download, without its ending.
    caption : str
        Description of the table, in a few words.
    origin : Origin, optional
        Origin of its figures.
    total_rows : mapping of int to str
        Positions of rows that are totals, and the suffix of their names where data is
        missing: `LOWER_BOUND`, or `PARTIAL_CHANGE` of a difference.
    is_of_period : bool
        True if its figures have the gaps of the chosen period.
    is_folded : bool
        True if it opens at a click, as a chart above it shows the same.
    """
    has_gaps = is_of_period and holds_money(columns)
    heading = page.table_caption(caption) if has_gaps else caption
    is_partial = is_of_period and page.standing.is_material()

    def draw() -> None:
        drawn, totals = _drawn_rows(table, total_rows)
        named = with_names(drawn, columns, page)
        st.html(
            html_table(
                *(named, columns, page.currency, heading, totals), is_partial=is_partial
            )
        )
        if table.num_rows > ROW_LIMIT:
            count = fmt.plural(table.num_rows, "row")
            st.caption(f"The first {ROW_LIMIT} of {count}; the download has all.")
        show_footer(table, page=page, name=name, origin=origin)

    if is_folded:
        tabs.fold(f"Table · {fmt.markdown(caption)}", f"table-{name}", draw)
    else:
        draw()


def _drawn_rows(
    table: pa.Table, total_rows: Mapping[int, str]
) -> tuple[pa.Table, dict[int, str]]:
    """Return the rows that are drawn, and which of them are totals."""
    drawn = [*range(min(ROW_LIMIT, table.num_rows))]
    drawn += [at for at in total_rows if ROW_LIMIT <= at < table.num_rows]
    totals = {drawn.index(at): text for at, text in total_rows.items() if at in drawn}
    return table.take(pa.array(drawn, pa.int64())), totals


def with_names(table: pa.Table, columns: Sequence[Column], page: Page) -> pa.Table:
    """Return a table with names in the place of ids."""
    for column in columns:
        kind = column.ids_of or names.kind_of_column(column.name)
        if kind is None:
            continue
        known = names.names_of(page.snapshot, kind)
        position = table.column_names.index(column.name)
        written = [known.get(each, each) for each in table[column.name].to_pylist()]
        text = pa.array(written, pa.string())
        table = table.set_column(position, column.name, text)
    return table


def holds_money(columns: Sequence[Column]) -> bool:
    """Return True if a table has amounts, which may lack data."""
    return any(
        column.kind == "amount" or column.kind in _MONEY_WRITERS for column in columns
    )


def show_footer(
    table: pa.Table, *, page: Page, name: str, origin: Origin | None
) -> None:
    """Draw the footer of a table: its download and its origin."""
    with st.container(horizontal=True, gap="medium"):
        downloads.download(table, page=page, name=name)
        if origin is not None:
            count = table.num_rows if origin.row_count is None else origin.row_count
            explaining.show(page, replace(origin, row_count=count))


def html_table(
    table: pa.Table,
    columns: Sequence[Column],
    currency: str,
    caption: str,
    total_rows: Mapping[int, str] = _NO_TOTALS,
    *,
    is_partial: bool = False,
) -> str:
    """Return a table as HTML, every value escaped.

    With data missing from the figures, totals are named "at least".
    """
    classes = "triptych-table"
    classes += " wide" if len(columns) >= _WIDE_COLUMNS else ""
    # Of several totals a single total stays in sight: a short table shows them all.
    is_whole = len(total_rows) > 1 and table.num_rows < _LONG
    classes += " whole" if is_whole else ""
    head = "".join(
        f'<th scope="col"{_css(column)}>'
        f'<button type="button">{escape(column.label)}</button></th>'
        for column in columns
    )
    body = "".join(
        _html_row(
            row,
            columns,
            currency,
            is_total=position in total_rows,
            ending=total_rows.get(position, "") if is_partial else "",
        )
        for position, row in enumerate(table.to_pylist())
    )
    return (
        f'<div class="{classes}" tabindex="0">{_choice(columns)}'
        f"{_search(table)}<table>"
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _choice(columns: Sequence[Column]) -> str:
    """Return the column chooser of a wide table; the first column stays."""
    if len(columns) < _CHOOSABLE:
        return ""
    boxes = "".join(
        f'<label><input type="checkbox" value="{at}" checked>'
        f" {escape(column.label)}</label>"
        for at, column in enumerate(columns)
        if at
    )
    return f"<details><summary>Columns</summary>{boxes}</details>"


def _search(table: pa.Table) -> str:
    """Return the search field of a long table."""
    if table.num_rows < _LONG:
        return ""
    return (
        '<input type="search" aria-label="Search this table" placeholder="Search'
        f' {table.num_rows:,} rows">'
    )


def _html_row(
    row: dict[str, Any],
    columns: Sequence[Column],
    currency: str,
    *,
    is_total: bool,
    ending: str,
) -> str:
    cells = []
    for position, column in enumerate(columns):
        tag = 'th scope="row"' if position == 0 else "td"
        value = row[column.name]
        text = escape(written(value, column, currency, row))
        text += ending if position == 0 else ""
        # A reason is a sentence, and never as wide as it is long.
        is_reason = value is None and bool(row.get(column.reason_from))
        css = ' class="reason"' if is_reason else _css(column)
        is_sorted = value is not None and _is_written(column)
        order = f' data-order="{escape(_order(value))}"' if is_sorted else ""
        cells.append(f"<{tag}{css}{order}>{text}</{tag[:2]}>")
    opening = '<tr class="total">' if is_total else "<tr>"
    return f"{opening}{''.join(cells)}</tr>"


def _is_written(column: Column) -> bool:
    """Return True if a cell's text does not sort as its value does."""
    return is_number(column) or column.kind in _SHORT_KINDS


def _order(value: object) -> str:
    """Return the sort key of a cell: numbers as such, dates as they sort."""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def is_number(column: Column) -> bool:
    """Return True if a column holds figures, which are aligned."""
    return column.kind not in _TEXT_KINDS


def _css(column: Column) -> str:
    if column.kind == "prose":
        return ' class="prose"'
    if column.kind in _SHORT_KINDS:
        return ' class="short"'
    return ' class="number"' if is_number(column) else ""


def written(
    value: object, column: Column, currency: str, row: dict[str, Any] | None = None
) -> str:
    """Return a value as its column writes it; a row's own ``currency`` goes first."""
    if value is None:
        reason = (row or {}).get(column.reason_from)
        return fmt.unknown(reason) if reason else fmt.UNKNOWN
    own = (row or {}).get("currency") or currency
    if column.kind in _MONEY_WRITERS:
        return str(_MONEY_WRITERS[column.kind](value, own))
    return str(_WRITERS[column.kind](value))


_MONEY_WRITERS: dict[str, Any] = {
    "money": fmt.money,
    "change": fmt.signed_money,
    "unit_cost": fmt.unit_cost,
    "estimate": fmt.estimate,
}
_WRITERS: dict[str, Any] = {
    "text": lambda value: fmt.cut_name(str(value)),
    "prose": lambda value: fmt.cut(str(value)),
    "amount": fmt.amount,
    "month": fmt.month,
    "day": fmt.day,
    "moment": fmt.moment,
    "percent": fmt.percent,
    "signed_percent": fmt.signed_percent,
    "coverage": fmt.coverage,
    "count": fmt.count,
    "hours": fmt.hours,
    "gpus": fmt.gpus,
    "decimal": fmt.decimal,
    "times": fmt.times,
}


def of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pa.Table:
    """Return rows as a table with these columns, in order."""
    return pa.Table.from_pylist([{name: row[name] for name in names} for row in rows])


def months_across(monthly: pa.Table) -> pa.Table:
    """Pivot month × series into a row per series and a column per month.

    The newest month comes first, so that it is in sight on a narrow screen.
    The last two rows are the total of all models and the idle capacity beside it.
    """
    rows = monthly.to_pylist()
    months = sorted({row["billing_month"] for row in rows}, reverse=True)
    by_cell = {(row["series"], row["billing_month"]): row["amount"] for row in rows}
    by_month = {row["billing_month"]: row for row in rows}
    ordered = sorted(rows, key=lambda row: int(row["series_order"]))
    lines = [
        {"series": series}
        | {month: by_cell.get((series, month), Decimal(0)) for month in months}
        for series in dict.fromkeys(row["series"] for row in ordered)
    ]
    for label, column in _BESIDE_SERIES:
        line = {month: by_month[month][column] for month in months}
        lines.append({"series": label, **line})
    return pa.Table.from_pylist(lines)


def month_columns(monthly: pa.Table) -> list[Column]:
    """Return the columns of `months_across`; incomplete months are marked."""
    partial = {row["billing_month"]: row["is_partial"] for row in monthly.to_pylist()}
    return [
        Column("series", "Model"),
        *(
            Column(
                month,
                f"{fmt.month(month)}{LOWER_BOUND if partial[month] else ''}",
                "amount",
            )
            for month in sorted(partial, reverse=True)
        ),
    ]


def steps_with_total(waterfall: pa.Table, labels: dict[str, str]) -> pa.Table:
    """Return the steps of a waterfall as a table with their sum as last row."""
    rows = waterfall.to_pylist()
    steps = [row for row in rows if not row["is_total"]]
    total = [row for row in rows if row["step"] == "ledger"]
    columns = ("step", "amount", "charged", "left_out")
    return pa.Table.from_pylist(
        [
            {name: row[name] for name in columns} | {"step": labels[row["step"]]}
            for row in [*steps, *total]
        ]
    )


def named_steps(
    steps: pa.Table, labels: Mapping[str, str], *, meanings: Mapping[str, str]
) -> pa.Table:
    """Return the steps of a waterfall with their names and meanings."""
    return pa.Table.from_pylist(
        [
            {
                "step": labels[row["step"]],
                "amount": row["amount"],
                "meaning": meanings.get(row["step"], ""),
            }
            for row in steps.to_pylist()
        ]
    )
