"""A statement as a workbook: numbers that are numbers, and a sum that adds up."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import xlsxwriter

from dashboard.exports.provenance import SYNTHETIC
from dashboard.shared import format as fmt
from dashboard.shared.cells import safe_text

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from dashboard.exports.statements import Section, Statement

_WIDTHS = {
    "Team": 26,
    "Model": 30,
    "Component": 20,
    "Platform": 24,
    "Amount": 18,
    "Exact amount": 26,
    "Estimated": 11,
}
_AMOUNT = list(_WIDTHS).index("Amount")
_TABLE_HEAD = 3
_INK, _PALE, _VIOLET = "#1F2937", "#EEF2F7", "#7C3AED"


def new_workbook(target: io.BytesIO, *, dated: datetime, title: str) -> Any:  # noqa: ANN401
    """Return a workbook with bytes that depend on its content alone.

    No text is taken for a formula, a number or a link.
    """
    workbook = xlsxwriter.Workbook(
        target,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    workbook.set_properties({"title": title, "author": "triptych", "created": dated})
    return workbook


def render_xlsx(statement: Statement) -> bytes:
    """Return the statement as XLSX.

    A number in a workbook is a DOUBLE: *Amount* is the amount rounded to the minor
    unit, with a row for the rounding remainder, and *Exact amount* is its text.
    """
    target = io.BytesIO()
    workbook = new_workbook(
        target, dated=statement.provenance.dated, title=statement.title
    )
    for position, section in enumerate(statement.sections):
        name = "Statement" if position == 0 else f"Not converted {section.currency}"
        _write_section(workbook, name, statement, section)
    _write_about(workbook, statement)
    workbook.close()
    return target.getvalue()


def _write_section(
    workbook: Any,  # noqa: ANN401
    name: str,
    statement: Statement,
    section: Section,
) -> None:
    sheet = workbook.add_worksheet(name)
    plain, money, text = _formats(workbook, section.currency)
    _write_top(workbook, sheet, statement, section)
    head = workbook.add_format({"bold": True, "bg_color": _INK, "font_color": "white"})
    for column, (title, width) in enumerate(_WIDTHS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(_TABLE_HEAD, column, title, head)
    row = _TABLE_HEAD
    for line in section.lines:
        row += 1
        words = (line.team, line.model, line.part, line.platform)
        for column, word in enumerate(words):
            sheet.write_string(row, column, safe_text(word or fmt.UNKNOWN), plain)
        sheet.write_number(row, _AMOUNT, line.stated_amount, money)
        sheet.write_string(row, _AMOUNT + 1, _exact(line.amount), text)
        sheet.write_string(
            row, _AMOUNT + 2, "yes" if line.is_estimated else "no", plain
        )
    sheet.autofilter(_TABLE_HEAD, 0, max(row, _TABLE_HEAD + 1), len(_WIDTHS) - 1)
    _write_sums(workbook, sheet, row + 1, statement, section)
    sheet.repeat_rows(_TABLE_HEAD)
    _set_up_pages(sheet, statement)


def _write_top(
    workbook: Any,  # noqa: ANN401
    sheet: Worksheet,
    statement: Statement,
    section: Section,
) -> None:
    facts = statement.provenance
    title = workbook.add_format({"bold": True, "font_size": 14})
    sheet.write_string(0, 0, safe_text(statement.title), title)
    sheet.write_string(
        1,
        0,
        safe_text(
            f"{facts.organisation} · {fmt.month(facts.billing_month)} ·"
            f"{f' of {statement.owners} ·' if statement.owners else ''}"
            f" {facts.basis.lower()} cost in {section.currency} · {facts.state} ·"
            f" {facts.completeness}"
        ),
    )
    if facts.is_synthetic:
        mark = workbook.add_format({"bold": True, "font_color": _VIOLET})
        sheet.write_string(2, 0, f"{SYNTHETIC}: figures of a simulated company", mark)
    sheet.freeze_panes(_TABLE_HEAD + 1, 0)


def _write_sums(
    workbook: Any,  # noqa: ANN401
    sheet: Worksheet,
    row: int,
    statement: Statement,
    section: Section,
) -> None:
    plain, money, _ = _formats(workbook, section.currency)
    sheet.write_string(row, 0, "Rounding of lines", plain)
    sheet.write_number(row, _AMOUNT, section.rounding, money)
    options = {"bold": True, "top": 1, "bg_color": _PALE}
    strong, strong_money, strong_text = _formats(workbook, section.currency, **options)
    for column in range(len(_WIDTHS)):
        sheet.write_blank(row + 1, column, None, strong)
    label = f"{statement.total_label} {section.currency}"
    sheet.write_string(row + 1, 0, label, strong)
    letter = chr(ord("A") + _AMOUNT)
    formula = f"=SUM({letter}{_TABLE_HEAD + 2}:{letter}{row + 1})"
    # The value is shown by a reader that does not calculate.
    sheet.write_formula(row + 1, _AMOUNT, formula, strong_money, section.stated_total)
    sheet.write_string(row + 1, _AMOUNT + 1, _exact(section.total), strong_text)


def _formats(
    workbook: Any,  # noqa: ANN401
    currency: str,
    **options: object,
) -> tuple[Format, Format, Format]:
    """Return the formats of words, of amounts and of the text of an amount."""
    digits = fmt.minor_unit_digits(currency)
    number = f"#,##0.{'0' * digits}" if digits else "#,##0"
    return (
        workbook.add_format(options),
        workbook.add_format({"num_format": f"{number};[Red]-{number}", **options}),
        workbook.add_format({"num_format": "@", "align": "right", **options}),
    )


def _set_up_pages(sheet: Worksheet, statement: Statement) -> None:
    facts = statement.provenance
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    # An ampersand begins a code in a header.
    said = f"{facts.organisation} · {statement.title}".replace("&", "&&")[:160]
    sheet.set_header(f"&L{said}&R&B{facts.mark}")
    sheet.set_footer(f"&LRun {facts.run_id}&RPage &P of &N")


def _write_about(workbook: Any, statement: Statement) -> None:  # noqa: ANN401
    sheet = workbook.add_worksheet("About")
    bold = workbook.add_format({"bold": True, "valign": "top"})
    wrapped = workbook.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 90)
    written = [
        *statement.facts(),
        *statement.tie_facts(),
        (
            "How amounts are written",
            "Amount is rounded to the currency's minor unit; the row “Rounding of"
            " lines” makes the column add up to the total. Exact amount has every digit"
            " as text. Text that a spreadsheet would take for a formula has an"
            " apostrophe before it.",
        ),
    ]
    for row, (name, said) in enumerate(written):
        sheet.write_string(row, 0, name, bold)
        sheet.write_string(row, 1, safe_text(said), wrapped)
    _set_up_pages(sheet, statement)


def _exact(amount: Decimal) -> str:
    """Return every digit of an amount; a sign is no formula in a cell of text."""
    return fmt.money_exact(amount, "").replace("\u00a0", "").replace("\u2212", "-")
