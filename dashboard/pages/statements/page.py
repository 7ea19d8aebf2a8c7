"""Statements & exports: charges by cost centre, as files to send and keep."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import exports
from dashboard.shared import access, filters, selection_queries, tables
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin, Stated, Where
from dashboard.shared.published import per_run
from dashboard.shared.selection_queries import AMOUNTS
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from dashboard.exports import PackFormat, Statement, StatementFormat
    from dashboard.shared.context import Page
    from dashboard.shared.selection_queries import Basis
    from triptych.core.warehouse.reader import Snapshot

_LINES = "cost.mart_statement_lines"
_REST = "Without a cost centre"
#: Statements that the answer names.
_NAMED = 3
_FORMATS: dict[StatementFormat, tuple[str, str]] = {
    "pdf": ("PDF to sign", "application/pdf"),
    "xlsx": (
        "Excel workbook",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "csv": ("CSV, every digit", "text/csv"),
}
_PACK_FORMATS: dict[PackFormat, tuple[str, str]] = {
    "pdf": ("PDF for the board", _FORMATS["pdf"][1]),
    "xlsx": ("Excel workbook", _FORMATS["xlsx"][1]),
}
_FORMAT_NAMES = {"csv": "CSV", "xlsx": "Excel workbook", "parquet": "Parquet"}


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    month = _month(view)
    totals = exports.statement_totals(
        view.snapshot, month, view.selection.basis, view.run.currency
    )
    if view.currency != view.run.currency:
        st.caption(
            f"Statements are in {view.run.currency}. Charges that could not be"
            " converted stand in a section of their own."
        )
    if not view.selection.covers_everything:
        st.caption("Statements are of cost centres: the scope above narrows none.")
    of_month = _of_month(view, month)
    show_totals(of_month, month, totals)
    center = _cost_center(view, month)
    statement = _statement(view.snapshot, month, view.selection.basis, center)
    show_statement(of_month, statement)
    show_board_pack(view, month)
    show_data_sets(view, month)


@per_run
def _statement(
    snapshot: Snapshot, month: str, basis: Basis, cost_center: str | None
) -> Statement:
    return exports.read_statement(snapshot, month, basis, cost_center)


def _month(view: Page) -> str:
    """Return the month of the statements shown: a statement covers a month."""
    months = sorted(view.selection.period.months, reverse=True)
    if len(months) == 1:
        return months[0]
    return filters.choice("Month", "statement_month", months, width=160)


def _of_month(view: Page, month: str) -> Page:
    """Return the page of a single month, as gaps of a quarter differ."""
    period = selection_queries.Period(month, (month,))
    selection = replace(view.selection, period=period, currency=view.run.currency)
    standing = selection_queries.standing(view.snapshot, selection)
    return replace(view, selection=selection, standing=standing)


def _cost_center(view: Page, month: str) -> str | None:
    known = exports.cost_centers(view.snapshot, month)
    names = {center or _REST: center for center in known}
    in_bar = view.selection.scope_id
    if view.selection.scope_kind == "cost centre" and in_bar in names:
        st.caption(f"The scope above chooses cost centre {fmt.markdown(in_bar)}.")
        return names[in_bar]
    chosen = filters.choice("Statement of", "statement", list(names), width=300)
    return names[chosen]


def largest(statements: Sequence[dict[str, Any]]) -> str:
    """State the amounts of the largest statements, and of the rest together."""
    ordered = sorted(statements, key=lambda row: row["amount"], reverse=True)
    named, others = ordered[:_NAMED], ordered[_NAMED:]
    said = [f"{row['label']} {fmt.amount(row['amount'])}" for row in named]
    if others:
        rest = sum((row["amount"] for row in others), Decimal(0))
        said.append(f"{fmt.plural(len(others), 'other')} {fmt.amount(rest)}")
    return f"Largest first: {', '.join(said)}."


def not_converted(
    known: Sequence[str | None], statements: Sequence[dict[str, Any]]
) -> str:
    """Name the statements that have no charge in the reporting currency, if any."""
    listed = {row["cost_center"] for row in statements}
    names = [center or _REST for center in known if center not in listed]
    if not names:
        return ""
    return (
        f"In no sum here, as nothing of it could be converted: {', '.join(names)}."
        " The statement is below."
    )


def way_to_bills(view: Page, sums: dict[str, dict[str, Any]]) -> str:
    """State the reconciliation of all statements of a month to its bills."""

    def written(kind: str) -> str:
        return fmt.money(sums[kind]["amount"], view.run.currency)

    adjusted = (
        f"{written('adjustments')} of it is about closed months. Without it, and with"
        if "adjustments" in sums
        else "With"
    )
    return (
        f"{adjusted} {written('out_of_scope')} outside AI scope it is what the bills"
        f" say: {view.at_least()}{written('ledger')}."
    )


def show_totals(view: Page, month: str, totals: pa.Table) -> None:
    """Draw the total of each statement and the reconciliation to the bills."""
    st.subheader(f"Statements of {fmt.month(month)}", anchor=False)
    rows = totals.to_pylist()
    statements = [row for row in rows if row["kind"] == "statement"]
    sums = {row["kind"]: row for row in rows if row["kind"] != "statement"}
    every = sums["all_statements"]
    is_empty = view.without_ai_cost and view.currency == view.run.currency
    st.markdown(
        f"**{view.without_ai_cost}**, so no statement has an amount."
        if is_empty
        else f"{fmt.plural(len(statements), 'statement')} add up to {view.at_least()}"
        f"**{fmt.money(every['amount'], view.run.currency)}**, AI cost with tax and"
        f" credits. {fmt.markdown(largest(statements))}"
    )
    st.markdown(way_to_bills(view, sums))
    unlisted = not_converted(exports.cost_centers(view.snapshot, month), statements)
    if unlisted:
        st.markdown(fmt.markdown(unlisted))
    amount = "Amount, at least" if view.standing.is_material() else "Amount"
    tables.show(
        totals,
        [
            # The amount early: a phone shows the first columns.
            tables.Column("label", "Statement"),
            tables.Column("amount", f"{amount} ({view.run.currency})", "amount"),
            tables.Column("row_count", "Rows", "count"),
            tables.Column("teams", "Teams"),
        ],
        page=view,
        name="statements",
        caption="Total of each statement",
        origin=Origin(
            formula="Sum of the chosen cost by cost centre; outside AI scope and all"
            " bills are steps of cost.mart_cost_waterfall.",
            mart=_LINES,
            row_count=int(every["row_count"] or 0),
            figures=_total_figures(view, month),
        ),
        total_rows={
            position: tables.LOWER_BOUND
            for position, row in enumerate(rows)
            if row["kind"] in ("all_statements", "ledger")
        },
    )


def _total_figures(view: Page, month: str) -> tuple[Stated, ...]:
    """Return the total of all statements, and that of the bills."""
    amount = AMOUNTS[view.selection.basis]
    of: dict[str, Where] = {
        "billing_month": month,
        "currency": view.run.currency,
    }
    bills = f"cost.mart_cost_waterfall/{amount}"
    return (
        view.figure("All statements", f"{_LINES}/{amount}", **of),
        view.figure("All bills", bills, **of, step="ledger"),
    )


def show_statement(view: Page, statement: Statement) -> None:
    """Draw a statement as it will be in the file, and the files to take away."""
    facts = statement.provenance
    section = statement.sections[0]
    st.subheader(statement.title, anchor=False)
    total = fmt.money(section.total, section.currency)
    st.markdown(
        f"{fmt.month(facts.billing_month)}, {facts.basis.lower()} cost:"
        f" {statement.at_least}**{total}**. State: {fmt.markdown(facts.state)}."
    )
    _offer_statement(view, statement)
    amount = "Amount, at least" if statement.is_material else "Amount"
    tables.show(
        exports.statement_lines(section),
        [
            tables.Column("model", "Model"),
            tables.Column("amount", f"{amount} ({section.currency})", "amount"),
            tables.Column("part", "Component"),
            tables.Column("team", "Team"),
            tables.Column("platform", "Platform"),
        ],
        page=view,
        name="statement-lines",
        caption="Lines of the statement",
        origin=Origin(
            formula="The chosen cost by team, model, component and platform, and what"
            " is booked about closed months.",
            mart=_LINES,
            row_count=len(section.lines),
            figures=(
                view.figure(
                    statement.title,
                    f"{_LINES}/{AMOUNTS[facts.basis]}",
                    billing_month=facts.billing_month,
                    currency=section.currency,
                    cost_center=statement.cost_center,
                ),
            )
            if section.lines
            else (),
        ),
    )
    for other in statement.sections[1:]:
        total = fmt.money(other.total, other.currency)
        st.markdown(f"Not converted, and not in the total: **{total}**.")


def _offer_statement(view: Page, statement: Statement) -> None:
    facts = statement.provenance
    with st.container(horizontal=True, gap="small"):
        for form, (label, mime) in _FORMATS.items():
            st.download_button(
                label,
                data=partial(_statement_file, view, statement, form),
                file_name=exports.statement_name(
                    facts.billing_month, facts.basis, statement.cost_center, form
                ),
                mime=mime,
                key=f"statement-{form}",
                on_click="ignore",
            )
    if facts.signed_by:
        st.caption(
            "This month is closed: the files are those that were stored then, to the"
            " last byte."
        )


def _statement_file(view: Page, statement: Statement, form: StatementFormat) -> bytes:
    facts = statement.provenance
    [file] = exports.statement_files(
        Workspace(access.workspace_root()),
        view.snapshot,
        facts.billing_month,
        facts.basis,
        centers=[statement.cost_center],
        formats=[form],
    )
    return file.content


def show_board_pack(view: Page, month: str) -> None:
    """Offer the month for the board, as paper and as a workbook."""
    st.subheader("Board pack", anchor=False)
    st.markdown(
        f"{fmt.month(month)} on two pages, message and evidence, with the sentences and"
        " figures of the pages; an annex has all else, hashes last. The workbook has a"
        " sheet for each page, every row as numbers, and charts."
    )
    with st.container(horizontal=True, gap="small"):
        for form in exports.PACK_FORMATS:
            st.download_button(
                _PACK_FORMATS[form][0],
                data=partial(_board_pack_file, view, month, form),
                file_name=exports.board_pack_name(month, view.selection.basis, form),
                mime=_PACK_FORMATS[form][1],
                key=f"board-pack-{form}",
                on_click="ignore",
                type="primary" if form == "pdf" else "secondary",
            )


def _board_pack_file(view: Page, month: str, form: PackFormat) -> bytes:
    workspace = Workspace(access.workspace_root())
    [file] = exports.board_pack_files(
        workspace, view.snapshot, month, view.selection.basis, formats=[form]
    )
    return file.content


def show_data_sets(view: Page, month: str) -> None:
    """Offer the month's allocated cost in FOCUS shape, and any mart."""
    st.subheader("Data sets", anchor=False)
    st.markdown(
        "Allocated cost of the month in the shape of FOCUS, for other FinOps tools."
        " Version 1.4 says how each shared charge was divided; 1.2 has the same"
        " amounts in the columns that older tools read."
    )
    with st.container(horizontal=True, gap="small"):
        for version in reversed(exports.FOCUS_VERSIONS):
            for kind in exports.FOCUS_FORMATS:
                st.download_button(
                    f"FOCUS {version}, {_FORMAT_NAMES[kind]}",
                    data=partial(_focus_file, view, month, version, kind),
                    file_name=exports.focus_name(month, version, kind),
                    key=f"focus-{version}-{kind}",
                    on_click="ignore",
                )
    st.markdown("Any table that the pages read, with every digit:")
    marts = [".".join(mart) for mart in exports.public_marts(view.snapshot)]
    mart = filters.choice("Mart", "mart", marts, width=340)
    with st.container(horizontal=True, gap="small"):
        for form in exports.TABLE_FORMATS:
            st.download_button(
                _FORMAT_NAMES[form],
                data=partial(_table_file, view, mart, form),
                file_name=f"{mart}.{form}",
                key=f"table-{form}",
                on_click="ignore",
            )


def _focus_file(
    view: Page, month: str, version: exports.FocusVersion, form: exports.FocusFormat
) -> bytes:
    workspace = Workspace(access.workspace_root())
    return exports.focus_file(workspace, view.snapshot, month, version, form).content


def _table_file(view: Page, mart: str, form: exports.TableFormat) -> bytes:
    return exports.table_file(view.snapshot, mart, form).content


main()
