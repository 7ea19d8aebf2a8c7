"""Charts of the board pack as numbers: lines, bars and intervals.

Amounts become floating point only here, as lengths on paper. The template turns them
into paths, so a chart stays sharp at every size and has no picture in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dashboard.pages.budget import charts as budget_charts
from dashboard.pages.gpu_idle.charts import PART_NAMES
from dashboard.pages.gpu_idle.queries import ACCELERATOR_PARTS
from dashboard.shared import format as fmt
from dashboard.shared import return_sentences as returns
from dashboard.shared.format import OTHER_MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from dashboard.shared.drawing.cost_story import Story

    Row = Mapping[str, Any]

_GREY, _INK = -1, -2
#: Colour of a bullet by its state: only over is a warning.
_STATE_COLOURS = {"over": 5, "within": 0, "running": 4}
_MOST_TICKS = 6
_STORY_MM = 66.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """Chart for the template: its kind, its height [mm] and its content.

    Colours are positions in the palette of the template; -1 is grey, -2 ink.
    """

    kind: Literal["lines", "stacks", "bars", "intervals", "story"]
    height_mm: float
    content: dict[str, Any] = field(default_factory=dict)


def story(of: Story) -> Drawing:
    """Return AI cost by month with budgets, launches, a move and a forecast."""
    costs = {row["month"]: row for row in of.months}
    months, ahead = of.places, of.ahead
    moved = [months.index(month) for month in of.moved]
    return Drawing(
        "story",
        _STORY_MM,
        {
            "labels": [fmt.month(month) for month in months],
            "costs": [_amount(costs.get(month), "amount") for month in months],
            "budgets": [_amount(costs.get(month), "budget") for month in months],
            "moved": [moved[0], moved[-1]] if moved else None,
            "launches": [
                [months.index(month), name, line] for month, name, line in of.marks
            ],
            "forecast": ahead
            and {
                "at": months.index(ahead["period"]),
                "middle": float(ahead["expected"]),
                "low": float(ahead["low"]),
                "high": float(ahead["high"]),
            },
            "unit": f"{of.currency} per month",
        },
    )


def _amount(row: Row | None, name: str) -> float | None:
    """Return an amount [currency] of a month; None where it is not known."""
    return None if row is None or row[name] is None else float(row[name])


def lead_time_lines(rows: Sequence[Row]) -> Drawing:
    """Return median lead times by month, a line for each team."""
    months = sorted({row["month"] for row in rows})
    names = sorted({row["series"] for row in rows})
    lines = [
        {
            "colour": position,
            "name": name,
            "label": name,
            "points": [
                [months.index(row["month"]), row["hours"]]
                for row in rows
                if row["series"] == name
            ],
        }
        for position, name in enumerate(names)
    ]
    return _lines(lines, months, 62, unit="hours")


def net_values(rows: Sequence[Row], currency: str) -> Drawing:
    """Return net value by month with its 90 % interval."""
    band = [
        [n, row["net_value_low_90"], row["net_value_high_90"]]
        for n, row in enumerate(rows)
        if row["net_value_low_90"] is not None and row["net_value_high_90"] is not None
    ]
    points = _by_position(rows, "net_value")
    line = {"colour": 0, "label": "Net value", "points": points}
    months = [row["month"] for row in rows]
    return _lines([line], months, 40, band=band, unit=f"{currency} per month")


def _lines(
    lines: list[dict[str, Any]],
    periods: Sequence[str],
    height_mm: float,
    *,
    unit: str,
    band: Sequence[Any] = (),
) -> Drawing:
    """Return lines over periods [`YYYY-MM` or days] with an axis and a band."""
    step = max(1, -(-len(periods) // _MOST_TICKS))
    last = len(periods) - 1
    shown = [n for n in range(len(periods)) if (last - n) % step == 0]
    return Drawing(
        "lines",
        height_mm,
        {
            "lines": lines,
            "band": list(band),
            "count": len(periods),
            "labels": [fmt.month(period) for period in periods],
            "ticks": [[n, fmt.month(periods[n])] for n in shown],
            "unit": unit,
        },
    )


def _by_position(rows: Sequence[Row], name: str) -> list[list[float]]:
    return [
        [n, float(row[name])] for n, row in enumerate(rows) if row[name] is not None
    ]


def observed_and_counterfactual(
    rows: Sequence[Row], launch: date, unit: str
) -> Drawing:
    """Return observations over the counterfactual with its interval, by day."""
    days = [row["effect_date"] for row in rows]
    drawing = _lines(
        [
            {
                "colour": _INK,
                "name": "observed",
                "points": _by_position(rows, "observed"),
            },
            {
                "colour": 1,
                "name": "counterfactual, with its 90 % interval",
                "is_dashed": True,
                "points": _by_position(rows, "counterfactual"),
            },
        ],
        [f"{day:%Y-%m-%d}" for day in days],
        46,
        band=[
            [n, row["counterfactual_low_90"], row["counterfactual_high_90"]]
            for n, row in enumerate(rows)
            if row["counterfactual_low_90"] is not None
            and row["counterfactual_high_90"] is not None
        ],
        unit=unit,
    )
    marked = next((n for n, day in enumerate(days) if day >= launch), None)
    drawing.content.update(from_zero=False, mark=marked)
    return drawing


def one_effect(
    label: str,
    value: float,
    *,
    inner: tuple[float | None, float | None],
    outer: tuple[float | None, float | None],
    text: str,
    unit: str,
) -> Drawing:
    """Return an effect as a dot with its intervals, unless unbounded."""
    spans = {
        name: None if None in span else list(span)
        for name, span in (("inner", inner), ("outer", outer))
    }
    row = {"label": label, "value": value, "colour": 0, "text": text, **spans}
    return _intervals([row], unit)


def fan(rows: Sequence[Row], currency: str) -> Drawing:
    """Return the known days as a line, the days ahead dashed within their interval."""
    days: list[date] = sorted({row["charge_date"] for row in rows})
    place = {day: n for n, day in enumerate(days)}
    known = [row for row in rows if row["actual"] is not None]
    ahead = [row for row in rows if row["expected"] is not None]
    ahead.sort(key=lambda row: row["charge_date"])
    known.sort(key=lambda row: row["charge_date"])
    bounded = [row for row in ahead if row["low"] is not None]
    step = max(1, len(days) // _MOST_TICKS)
    return Drawing(
        "lines",
        44,
        {
            "lines": [
                {
                    "colour": 0,
                    "name": "known",
                    "points": [
                        [place[row["charge_date"]], float(row["actual"])]
                        for row in known
                    ],
                },
                {
                    "colour": 5,
                    "name": "expected, with its 90 % interval",
                    "is_dashed": True,
                    "points": [
                        [place[row["charge_date"]], row["expected"]] for row in ahead
                    ],
                },
            ],
            "band": [
                [place[row["charge_date"]], row["low"], row["high"]] for row in bounded
            ],
            "count": len(days),
            "labels": [f"{day:%Y-%m-%d}" for day in days],
            "ticks": [
                [n, f"{day:%d %b}"] for n, day in enumerate(days) if n % step == 0
            ],
            "unit": f"{currency} per day",
        },
    )


def monthly_costs(rows: Sequence[Row], currency: str) -> Drawing:
    """Return cost of models by month, stacked, with the total above."""
    months = sorted({row["billing_month"] for row in rows})
    by_cell = {(row["series"], row["billing_month"]): row for row in rows}
    ordered = sorted(rows, key=lambda row: int(row["series_order"]))
    names = list(dict.fromkeys(row["series"] for row in ordered))
    totals = {row["billing_month"]: row for row in rows}
    return Drawing(
        "stacks",
        58,
        {
            "labels": [fmt.month(month) for month in months],
            "above": [_total(totals[month]) for month in months],
            "is_partial": [bool(totals[month]["is_partial"]) for month in months],
            "series": [
                {
                    "name": name,
                    "colour": _GREY if name == OTHER_MODELS else position,
                    "values": [
                        float(by_cell[name, month]["amount"])
                        if (name, month) in by_cell
                        else 0.0
                        for month in months
                    ],
                }
                for position, name in enumerate(names)
            ],
            "unit": f"{currency} per month",
        },
    )


def _total(row: Row) -> str:
    at_least = "\u2265\u00a0" if row["is_partial"] else ""
    return f"{at_least}{fmt.compact(row['month_total'])}"


def accelerator_months(rows: Sequence[Row], currency: str) -> Drawing:
    """Return the uses of GPU pool spending by month, stacked."""
    colours = {"used": 0, "requested_idle": 1, "infrastructure_idle": 5}
    greys = {"unmeasured": 4, "unmapped": 7, "unobserved": _GREY}
    shown = [part for part in ACCELERATOR_PARTS if any(row[part] for row in rows)]
    return Drawing(
        "stacks",
        44,
        {
            "labels": [fmt.month(row["billing_month"]) for row in rows],
            "above": [fmt.compact(row["total"]) for row in rows],
            "is_partial": [False] * len(rows),
            "series": [
                {
                    "name": PART_NAMES[part],
                    "colour": (colours | greys)[part],
                    "values": [float(row[part] or 0) for row in rows],
                }
                for part in shown
            ],
            "unit": f"{currency} per month",
        },
    )


def bullets(rows: Sequence[Row], currency: str) -> Drawing:
    """Return a bar for the cost of each scope, with a mark at its budget."""
    return _bars(
        [
            {
                "label": row["scope"],
                "start": 0.0,
                "end": float(row["actual"] or 0),
                "mark": None if row["budget"] is None else float(row["budget"]),
                "colour": _STATE_COLOURS.get(row["state"], _GREY),
                "text": budget_charts.STATE_MARKS[row["state"]]
                + (
                    ""
                    if row["times_budget"] is None
                    else f" · {fmt.times(row['times_budget'])}"
                ),
            }
            for row in rows
        ],
        currency,
    )


def bridge(rows: Sequence[Row], names: Mapping[str, str], currency: str) -> Drawing:
    """Return the bars between two months, each from the end of the bar above."""
    drawn = [
        row
        for row in rows
        if row["is_drawn"] and (row["is_total"] or row["amount"] != 0)
    ]
    return _bars(
        [
            {
                "label": names[row["step"]],
                "start": float(row["starts_at"]),
                "end": float(row["ends_at"]),
                "mark": None,
                "colour": 0 if row["is_total"] else 1 if row["amount"] > 0 else 2,
                "text": _signed(row),
            }
            for row in drawn
        ],
        currency,
    )


def _signed(row: Row) -> str:
    text = fmt.compact(row["amount"])
    return f"+{text}" if row["amount"] > 0 else text


def _bars(rows: list[dict[str, Any]], unit: str) -> Drawing:
    return Drawing("bars", 6.2 * len(rows) + 7, {"rows": rows, "unit": unit})


def returns_by_feature(rows: Sequence[Row], currency: str) -> Drawing:
    """Return each feature's net value: a dot with its 50 % and 90 % interval."""
    return _intervals(
        [
            {
                "label": f"{row['feature']} ({row['grade']})",
                "value": row["net_value"],
                "inner": _span(row, "net_value", "50"),
                "outer": _span(row, "net_value", "90"),
                "colour": 0 if row["standing"] == "counted" else _GREY,
                "text": f"{fmt.estimate(row['net_value'], currency)};"
                f" P(> 0) {returns.chance(row['probability_net_positive'])}",
            }
            for row in rows
        ],
        currency,
    )


def _span(row: Row, name: str, level: str) -> list[float] | None:
    low, high = row[f"{name}_low_{level}"], row[f"{name}_high_{level}"]
    return None if low is None or high is None else [low, high]


def _intervals(rows: list[dict[str, Any]], unit: str) -> Drawing:
    return Drawing("intervals", 6.6 * len(rows) + 7, {"rows": rows, "unit": unit})
