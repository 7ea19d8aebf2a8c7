"""Native charts of the board pack's workbook, over a sheet of figures."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dashboard.shared import format as fmt
from dashboard.shared.cells import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from xlsxwriter.worksheet import Worksheet

    from dashboard.exports.board_pack.parts import Picture

    #: Columns with their names and how each is drawn, and the kind of the chart.
    _Drawn: TypeAlias = tuple[list[Any], dict[str, str]]

#: Sheet of the figures that charts draw.
SHEET: Final = "Chart data"
#: A chart covers so many rows of a sheet of the usual height.
ROWS: Final = 16
_SIZE: Final = {"width": 760, "height": 300}
_MONTH: Final = re.compile(r"([A-Z][a-z]{2}) (\d{4})")
_MONTHS: Final = tuple(fmt.month(f"2026-{n:02d}")[:3] for n in range(1, 13))
#: The palette of the pages, in their order; grey and ink are -1 and -2.
_COLOURS: Final = (
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7"),
    *("#56B4E9", "#D55E00", "#8C7A00", "#5B4B9A"),
)
_GREY, _INK = "#9A9EA6", "#1F2937"
#: Length of the mark at a budget, as a part of the largest budget.
_MARK_RATIO: Final = 0.002


class ChartData:
    """Figures of charts, written beneath each other; each chart is over its own."""

    def __init__(self, workbook: Any, sheet: Worksheet, first_row: int) -> None:  # noqa: ANN401
        self._workbook = workbook
        self._sheet = sheet
        self._row = first_row
        self._bold = workbook.add_format({"bold": True})
        self._month = workbook.add_format({"num_format": "mmm yyyy", "align": "left"})
        self._number = workbook.add_format({"num_format": "#,##0.00"})

    def chart(self, picture: Picture) -> Any:  # noqa: ANN401
        """Write the figures of a picture, and return a chart of them."""
        columns, kind = COLUMNS[picture.drawing.kind](picture.drawing.content)
        first = self._write(picture.caption, columns)
        chart = self._workbook.add_chart(kind)
        chart.set_title(
            {"name": picture.caption, "overlay": False, "name_font": {"size": 11}}
        )
        chart.set_size(_SIZE)
        chart.set_legend({"position": "bottom"})
        unit = str(picture.drawing.content.get("unit", ""))
        is_bar = kind["type"] == "bar"
        axis = chart.set_x_axis if is_bar else chart.set_y_axis
        axis(
            {"name": unit, "num_format": "#,##0", "major_gridlines": {"visible": True}}
        )
        if is_bar:
            chart.set_y_axis({"reverse": True})
        last = first + len(columns[0][1]) - 1
        for at, (name, _, options) in enumerate(columns[1:], start=1):
            if options is not None:
                series = {
                    "name": name,
                    "categories": [SHEET, first, 0, last, 0],
                    "values": [SHEET, first, at, last, at],
                    **options,
                }
                self._add(chart, series)
        return chart

    def _add(self, chart: Any, series: dict[str, Any]) -> None:  # noqa: ANN401
        """Add a series; text above bars is a line that is not drawn."""
        if not series.pop("is_above", False):
            chart.add_series(series)
            return
        above = self._workbook.add_chart({"type": "line"})
        above.add_series(series)
        chart.combine(above)
        chart.set_legend({"position": "bottom", "delete_series": [len(chart.series)]})

    def _write(
        self, caption: str, columns: Sequence[tuple[str, Sequence[Any], Any]]
    ) -> int:
        """Write columns under their names; return the first row of figures."""
        self._sheet.write_string(self._row, 0, safe_text(caption), self._bold)
        first = self._row + 2
        for at, (name, values, _) in enumerate(columns):
            self._sheet.write_string(first - 1, at, safe_text(name), self._bold)
            # Dates among texts would stand as numbers on the axis of a chart.
            months = [month_of(value) for value in values]
            for n, value in enumerate(values if None in months else months):
                self._write_cell(first + n, at, value)
        self._row = first + len(columns[0][1]) + 1
        return first

    def _write_cell(self, row: int, column: int, value: object) -> None:
        if isinstance(value, date):
            self._sheet.write_datetime(row, column, value, self._month)
        elif isinstance(value, int | float):
            self._sheet.write_number(row, column, value, self._number)
        elif value is not None:
            self._sheet.write_string(row, column, safe_text(str(value)))


def month_of(value: object) -> date | None:
    """Return the first day of a month written as text, e.g. ``Sep 2026``."""
    found = _MONTH.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[1] not in _MONTHS:
        return None
    return date(int(found[2]), _MONTHS.index(found[1]) + 1, 1)


def _shade(position: int) -> str:
    if position < 0:
        return _GREY if position == -1 else _INK
    return _COLOURS[position % len(_COLOURS)]


def _lines(content: dict[str, Any]) -> _Drawn:
    columns: list[Any] = [("Period", content["labels"], None)]
    count = content["count"]
    for line in content["lines"]:
        known = dict(map(tuple, line["points"]))
        dash = {"dash_type": "dash"} if line.get("is_dashed") else {}
        stroke = {"color": _shade(line["colour"]), "width": 1.75, **dash}
        name = line.get("name") or line["label"]
        columns.append((name, [known.get(at) for at in range(count)], {"line": stroke}))
    bounds = {at: (low, high) for at, low, high in content["band"]}
    if bounds:
        stroke = {"line": {"color": _COLOURS[4], "width": 0.75, "dash_type": "dash"}}
        for side, name in enumerate(("90 % from", "90 % to")):
            values = [bounds[at][side] if at in bounds else None for at in range(count)]
            columns.append((name, values, stroke))
    return columns, {"type": "line"}


def _story(content: dict[str, Any]) -> _Drawn:
    """Return AI cost and budget by month, as lines, and the forecast's bounds."""
    count = len(content["labels"])
    columns: list[Any] = [
        ("Month", content["labels"], None),
        ("AI cost", content["costs"], {"line": {"color": _COLOURS[0], "width": 1.75}}),
        (
            "Budget of the month",
            content["budgets"],
            {"line": {"color": _GREY, "width": 1.75, "dash_type": "dash"}},
        ),
    ]
    if content["forecast"] is not None:
        at = content["forecast"]["at"]
        names = {"low": "Forecast, from", "middle": "Forecast", "high": "Forecast, to"}
        for side, name in names.items():
            values = [None] * count
            values[at] = content["forecast"][side]
            columns.append((name, values, {"marker": {"type": "diamond"}}))
    return columns, {"type": "line"}


def _stacks(content: dict[str, Any]) -> _Drawn:
    labels, partial = content["labels"], content["is_partial"]
    if any(partial):
        labels = [
            f"{label}, at least" if is_partial else label
            for label, is_partial in zip(labels, partial, strict=True)
        ]
    columns: list[Any] = [("Month", labels, None)]
    for series in content["series"]:
        fill = {"fill": {"color": _shade(series["colour"])}}
        columns.append((series["name"], series["values"], fill))
    columns.append(("Total", _totals(content), _written_above(content["above"])))
    if any(partial):
        answers = ["yes" if is_partial else "no" for is_partial in partial]
        columns.append(("Is at least", answers, None))
    return columns, {"type": "column", "subtype": "stacked"}


def _totals(content: dict[str, Any]) -> list[float]:
    values = [series["values"] for series in content["series"]]
    return [sum(of_month) for of_month in zip(*values, strict=True)]


def _written_above(texts: Sequence[str]) -> dict[str, Any]:
    """Return how totals are written: as on the page, with "≥" where they lack some."""
    labels = {
        "value": True,
        "position": "above",
        "custom": [{"value": text} for text in texts],
    }
    return {"is_above": True, "line": {"none": True}, "data_labels": labels}


def _bars(content: dict[str, Any]) -> _Drawn:
    """Return bars from start to end: the part before a bar has no fill.

    A spreadsheet stacks values above zero and values below it separately, so that a bar
    has a part on each side, and each part has its own start.
    """
    rows = content["rows"]
    if any(row["mark"] is not None for row in rows):
        return _against_budget(rows)
    ends = [sorted((row["start"], row["end"])) for row in rows]
    unseen = {"fill": {"none": True}, "border": {"none": True}}
    seen = {"points": [{"fill": {"color": _shade(row["colour"])}} for row in rows]}
    columns: list[Any] = [
        ("Bar", [row["label"] for row in rows], None),
        ("Begins above zero", [max(low, 0.0) for low, _ in ends], unseen),
        ("Above zero", [max(high, 0.0) - max(low, 0.0) for low, high in ends], seen),
        ("Begins below zero", [min(high, 0.0) for _, high in ends], unseen),
        ("Below zero", [min(low, 0.0) - min(high, 0.0) for low, high in ends], seen),
    ]
    return columns, {"type": "bar", "subtype": "stacked"}


def _against_budget(rows: Sequence[Mapping[str, Any]]) -> _Drawn:
    """Return a bar of the cost with a mark at the budget, as the page draws them.

    The mark is the end of a bar without a fill that lies on the other: an error bar
    that is almost nothing long, with its caps.
    """
    points = [{"fill": {"color": _shade(row["colour"])}} for row in rows]
    known = [row["mark"] for row in rows if row["mark"] is not None]
    labels = {"value": True, "custom": [{"value": row["text"]} for row in rows]}
    mark = {
        "type": "fixed",
        "value": max(map(abs, known)) * _MARK_RATIO,
        "line": {"color": _INK, "width": 2.5},
    }
    columns: list[Any] = [
        ("Scope", [row["label"] for row in rows], None),
        (
            "Cost",
            [row["end"] for row in rows],
            {"points": points, "overlap": 100, "data_labels": labels},
        ),
        (
            "Budget",
            [row["mark"] for row in rows],
            {"fill": {"none": True}, "border": {"none": True}, "x_error_bars": mark},
        ),
    ]
    return columns, {"type": "bar"}


def _intervals(content: dict[str, Any]) -> _Drawn:
    rows = content["rows"]
    ends = [row["outer"] or (row["value"], row["value"]) for row in rows]
    bounds = {
        "type": "custom",
        "plus_values": [
            high - row["value"] for row, (_, high) in zip(rows, ends, strict=True)
        ],
        "minus_values": [
            row["value"] - low for row, (low, _) in zip(rows, ends, strict=True)
        ],
    }
    points = [{"fill": {"color": _shade(row["colour"])}} for row in rows]
    columns: list[Any] = [
        ("Of", [row["label"] for row in rows], None),
        (
            "Estimate",
            [row["value"] for row in rows],
            {"points": points, "x_error_bars": bounds},
        ),
        ("90 % from", [low for low, _ in ends], None),
        ("90 % to", [high for _, high in ends], None),
    ]
    return columns, {"type": "bar"}


#: Function that makes columns of a drawing, by kind of drawing.
COLUMNS: Final[Mapping[str, Callable[[dict[str, Any]], _Drawn]]] = {
    "lines": _lines,
    "stacks": _stacks,
    "bars": _bars,
    "intervals": _intervals,
    "story": _story,
}
