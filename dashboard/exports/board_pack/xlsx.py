"""A board pack as a workbook: a sheet for each page, numbers that are numbers."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboard.exports.board_pack.parts import (
    Bullets,
    Heading,
    PackPage,
    Picture,
    Table,
    Text,
    Tiles,
    flattened,
    plain,
)
from dashboard.exports.board_pack.xlsx_charts import ROWS, SHEET, ChartData, month_of
from dashboard.exports.provenance import SYNTHETIC
from dashboard.exports.statement_xlsx import new_workbook
from dashboard.shared import format as fmt
from dashboard.shared.cells import safe_text

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

    from dashboard.exports.board_pack.parts import BoardPack, Part
    from dashboard.pages.summary.figures import Tile
    from dashboard.shared.tables import Kind

_INK, _PALE, _VIOLET = "#1F2937", "#EEF2F7", "#7C3AED"
_FIRST_WIDTH, _WIDTH, _WIDE = 34, 17, 60
_COLUMN_COUNT = 14
#: Rows on top that stay where they are: title, facts, mark.
_FROZEN = 3
_NUMBER_FORMATS: dict[str, str] = {
    "percent": "0.0%",
    "signed_percent": "+0.0%;[Red]-0.0%;0.0%",
    "coverage": "0.0%",
    "count": "#,##0",
    "hours": "#,##0.0",
    "gpus": "#,##0.0",
    "decimal": "#,##0.00####",
    "unit_cost": "#,##0.00######",
    "estimate": "#,##0;[Red]-#,##0",
    "times": '0.0##" × budget"',
    "day": "yyyy-mm-dd",
    "moment": "yyyy-mm-dd hh:mm",
    "month": "mmm yyyy",
}
_PARTS = "#,##0.0#########"
_MONEY_KINDS = ("money", "amount", "change")


def render_pack_xlsx(pack: BoardPack) -> bytes:
    """Return the pack as XLSX.

    A cell is a number wherever the PDF has a number; an unknown value is a text that
    states so. Text that a spreadsheet would take for a formula has an apostrophe before
    it.
    """
    facts = pack.provenance
    target = io.BytesIO()
    workbook = new_workbook(target, dated=facts.dated, title=pack.title)
    sheets = [_Sheet(workbook, pack, page) for page in pack.pages]
    about_charts = _Sheet(workbook, pack, PackPage(SHEET, SHEET, ()))
    for each in (*sheets, about_charts):
        each.begin()
    charts = ChartData(workbook, about_charts.sheet, about_charts.row)
    for each in sheets:
        each.write(charts)
    workbook.close()
    return target.getvalue()


@dataclass(slots=True)
class _Sheet:
    """Sheet that is being written; ``row`` is the next free row."""

    workbook: Any
    pack: BoardPack
    page: PackPage
    row: int = _FROZEN + 1
    formats: dict[tuple[object, ...], Format] = field(default_factory=dict)
    sheet: Worksheet = field(init=False)

    def begin(self) -> None:
        """Add the sheet with its columns, its top and its paper."""
        self.sheet = self.workbook.add_worksheet(self.page.sheet)
        self.sheet.set_column(0, 0, _FIRST_WIDTH)
        self.sheet.set_column(1, _COLUMN_COUNT, _WIDTH)
        self._write_top()
        self._set_up_paper()

    def write(self, charts: ChartData) -> None:
        """Write all parts, charts over the figures of another sheet."""
        for part in flattened(self.page.parts):
            self._write_part(part, charts)

    def _format(self, **options: object) -> Format:
        key = tuple(sorted(options.items()))
        if key not in self.formats:
            self.formats[key] = self.workbook.add_format(options)
        return self.formats[key]

    def _write_top(self) -> None:
        facts = self.pack.provenance
        title = f"{self.page.title} · {self.pack.title}"
        self.sheet.write_string(
            0, 0, safe_text(title), self._format(bold=True, size=14)
        )
        self.sheet.write_string(
            1,
            0,
            safe_text(
                f"{facts.organisation} · {facts.basis.lower()} cost in"
                f" {facts.currency} · {facts.state} · {facts.completeness} · coverage"
                f" {facts.coverage} · data as of {fmt.moment(facts.evidence_as_of)} ·"
                f" run {facts.run_id}"
            ),
        )
        if facts.is_synthetic:
            mark = self._format(bold=True, font_color=_VIOLET)
            self.sheet.write_string(
                2, 0, f"{SYNTHETIC}: figures of a simulated company", mark
            )
        self.sheet.freeze_panes(_FROZEN, 0)

    def _write_part(self, part: Part, charts: ChartData) -> None:
        match part:
            case Heading():
                self.row += 1
                self._line(part.text, self._format(bold=True, size=12))
            case Text():
                self._line(plain(part.markdown))
            case Bullets():
                for item in part.items:
                    self._line(f"• {plain(item)}")
            case Tiles():
                self._write_tiles(part.tiles)
            case Table():
                self._write_table(part)
            case Picture():
                if part.figures is not None:
                    self._write_table(part.figures)
                self.row += 1
                self.sheet.insert_chart(self.row, 0, charts.chart(part))
                self.row += ROWS

    def _line(self, text: str, written_as: Format | None = None) -> None:
        self.sheet.write_string(self.row, 0, safe_text(text), written_as)
        self.row += 1

    def _write_head(self, caption: str, labels: tuple[str, ...]) -> None:
        self.row += 1
        self._line(caption, self._format(bold=True))
        head = self._format(bold=True, bg_color=_INK, font_color="white")
        for column, label in enumerate(labels):
            self.sheet.write_string(self.row, column, safe_text(label), head)
        self.row += 1

    def _write_tiles(self, tiles: tuple[Tile, ...]) -> None:
        self._write_head("Figures", ("Figure", "Value", "In", "Said of it"))
        for tile in tiles:
            note = "; ".join(filter(None, (tile.change, tile.note)))
            self._write_figure(tile.label, tile.number, tile.kind, tile.unit, note)
            for name, number, kind in tile.beside:
                unit = tile.unit.partition(",")[0] if kind == tile.kind else ""
                self._write_figure(f"   {name}", number, kind, unit, "")

    def _write_figure(
        self, label: str, number: object, kind: Kind, unit: str, note: str
    ) -> None:
        currency = self.pack.provenance.currency
        self.sheet.write_string(self.row, 0, safe_text(label))
        self._cell(1, number, kind, "", currency)
        is_money = kind in (*_MONEY_KINDS, "estimate", "unit_cost")
        self.sheet.write_string(self.row, 2, unit or (currency if is_money else ""))
        self.sheet.write_string(self.row, 3, safe_text(note))
        self.row += 1

    def _write_table(self, part: Table) -> None:
        columns = (*part.columns, *part.in_workbook)
        self._write_head(part.caption, tuple(one.label for one in columns))
        for position, row in enumerate(part.rows):
            is_total = position in part.totals
            currency = row.get("currency") or self.pack.provenance.currency
            for column, one in enumerate(columns):
                reason = row.get(one.reason_from) or ""
                value = row.get(one.name)
                self._cell(column, value, one.kind, reason, currency, strong=is_total)
            self.row += 1

    def _cell(
        self,
        column: int,
        value: object,
        kind: Kind,
        reason: str,
        currency: str,
        *,
        strong: bool = False,
    ) -> None:
        place = self.row, column
        options: dict[str, object] = {"bold": True, "bg_color": _PALE} if strong else {}
        number = _number_format(kind, currency)
        if kind == "month" and isinstance(value, str):
            value = month_of(fmt.month(value)) or value
        if value is None:
            unknown = fmt.unknown(reason) if reason else fmt.UNKNOWN
            align = "right" if number else "left"
            written_as = self._format(align=align, **options)
            self.sheet.write_string(*place, unknown, written_as)
        elif number and isinstance(value, int | float | Decimal) and _is_finite(value):
            # A dot without a digit behind it would stand after every whole number.
            number = _PARTS if kind == "count" and value % 1 else number
            written_as = self._format(num_format=number, **options)
            self.sheet.write_number(*place, value, written_as)
        elif number and isinstance(value, date):
            written_as = self._format(num_format=number, align="left", **options)
            self.sheet.write_datetime(*place, _without_zone(value), written_as)
        else:
            text = safe_text(str(value))
            self.sheet.write_string(*place, text, self._format(**options))

    def _set_up_paper(self) -> None:
        facts = self.pack.provenance
        self.sheet.set_paper(9)  # A4
        self.sheet.set_landscape()
        self.sheet.fit_to_pages(1, 0)
        # An ampersand begins a code in a header.
        said = f"{facts.organisation} · {self.pack.title}".replace("&", "&&")[:160]
        self.sheet.set_header(f"&L{said}&R&B{facts.mark}")
        self.sheet.set_footer(f"&LRun {facts.run_id}&RPage &P of &N")


def _number_format(kind: Kind, currency: str) -> str:
    """Return how a kind of number is written; nothing for text."""
    if kind in _MONEY_KINDS:
        digits = fmt.minor_unit_digits(currency)
        plain_money = f"#,##0.{'0' * digits}" if digits else "#,##0"
        return f"{plain_money};[Red]-{plain_money}"
    return _NUMBER_FORMATS.get(kind, "")


def _without_zone(value: date) -> date:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def _is_finite(value: float | Decimal) -> bool:
    return math.isfinite(value)
