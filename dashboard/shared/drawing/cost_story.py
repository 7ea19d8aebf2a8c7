"""Chart of AI cost by month with its budget, launches, a move and a forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import pandas as pd

from dashboard.shared import format as fmt
from dashboard.shared.drawing import axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from dashboard.shared.charts import Palette

HEIGHT: Final = 230
_PADDING: Final = {"left": 5, "right": 8, "top": 5, "bottom": 5}
_SIZE: Final = 11
#: Width [px] below which names of launches would cover each other.
_NARROW: Final = 560
#: Height of the chart ÷ its highest amount: names of events are above the bars.
_HEADROOM: Final = 1.4
#: Heights of the names of launches, and of that of a move, ÷ height of the chart.
_RANKS: Final = (0.97, 0.90, 0.83, 0.76)
_MOVE: Final = 0.04
#: Months that the name of a launch covers.
_NAME_MONTHS: Final = 3


@dataclass(frozen=True, slots=True)
class Story:
    """Months of cost and budget, and the events among them.

    Attributes
    ----------
    months : sequence of dict
        ``month``, ``amount`` and ``budget`` [currency], the budget None without.
    currency : str
        Of the amounts.
    launches : sequence of (str, str)
        Month and name of each feature that was launched.
    migration : (str, str), optional
        First and last month of a move between platforms.
    forecast : dict, optional
        ``period``, ``expected``, ``low`` and ``high`` of a month that is not over.
    """

    months: Sequence[dict[str, Any]]
    currency: str
    launches: Sequence[tuple[str, str]] = ()
    migration: tuple[str, str] | None = None
    forecast: dict[str, Any] | None = None

    @property
    def ahead(self) -> dict[str, Any] | None:
        """The forecast, if its interval is known."""
        row = self.forecast
        is_known = row and row["expected"] is not None and row["low"] is not None
        return row if is_known else None

    @property
    def places(self) -> list[str]:
        """Months across the chart, that of the forecast last."""
        months = [row["month"] for row in self.months]
        months += [self.ahead["period"]] if self.ahead else []
        return list(dict.fromkeys(months))

    @property
    def moved(self) -> list[str]:
        """Months of the chart that a move covers."""
        first, last = self.migration or ("", "")
        return [month for month in self.places if first <= month <= last]

    @property
    def marks(self) -> list[tuple[str, str, int]]:
        """Month and name of each launch in the chart, and the line of its name."""
        places = self.places
        known = sorted(each for each in self.launches if each[0] in places)
        lines = _ranks([places.index(month) for month, _ in known])
        return [(*each, line) for each, line in zip(known, lines, strict=True)]


def draw(story: Story, colours: Palette) -> alt.FacetChart | alt.LayerChart:
    """Return the chart of a story: bars, a stepped budget, events and a band."""
    place = _Place(story.places, story.currency, _top(story))
    layers = [
        *_migration(story, place, colours),
        _costs(story, place, colours),
        *_budget(story, place, colours),
        *_move_name(story, place, colours),
        *_forecast(story, place, colours),
        *_launches(story, place, colours),
    ]
    return alt.layer(*layers, height=HEIGHT, padding=_PADDING)


def _top(story: Story) -> float:
    """Return the amount [currency] at the top of the chart."""
    amounts = [row["amount"] for row in story.months]
    amounts += [row["budget"] for row in story.months if row["budget"] is not None]
    return max(float(max(amounts)), 1.0) * (_HEADROOM if story.launches else 1.1)


@dataclass(frozen=True, slots=True)
class _Place:
    """Axes that all layers share: months across, amounts [currency] upwards."""

    months: Sequence[str]
    currency: str
    top: float

    @property
    def x(self) -> alt.X:
        """Months, with the year of the first and of each January."""
        names = {
            month: fmt.month(month)
            if at == 0 or month.endswith("-01")
            else fmt.month(month).partition(" ")[0]
            for at, month in enumerate(self.months)
        }
        axis = alt.Axis(
            labelAngle=0, labelOverlap="greedy", labelExpr=f"({names})[datum.value]"
        )
        scale = alt.Scale(domain=list(self.months))
        return alt.X("month:O", title=None, scale=scale, axis=axis)

    def y(self, field: str) -> alt.Y:
        """Return the axis of an amount."""
        scale = alt.Scale(domain=[0, self.top], nice=False)
        title = f"{self.currency} per month"
        return alt.Y(f"{field}:Q", title=title, scale=scale, axis=axes.compact(4))


def _tooltip(name: str) -> list[alt.Tooltip]:
    """Return the tooltip of an amount in a month."""
    return [
        alt.Tooltip("name:N", title="Month"),
        alt.Tooltip("text:N", title=name),
    ]


def _row(month: str, amount: Decimal, currency: str) -> dict[str, Any]:
    """Return the drawn values of an amount [currency] of a month."""
    return {
        "month": month,
        "name": fmt.month(month),
        "value": float(amount),
        "text": fmt.money(amount, currency),
    }


def _costs(story: Story, place: _Place, colours: Palette) -> alt.Chart:
    frame = pd.DataFrame(
        [_row(row["month"], row["amount"], story.currency) for row in story.months]
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar(color=colours.categories[0], opacity=0.85)
        .encode(x=place.x, y=place.y("value"), tooltip=_tooltip("AI cost"))
    )
    return chart


def _budget(story: Story, place: _Place, colours: Palette) -> list[alt.Chart]:
    budgets = [
        _row(row["month"], row["budget"], story.currency)
        for row in story.months
        if row["budget"] is not None
    ]
    if not budgets:
        return []
    base = alt.Chart(pd.DataFrame(budgets)).encode(x=place.x, y=place.y("value"))
    named = alt.Chart(pd.DataFrame([budgets[0] | {"label": "Budget"}])).encode(
        x=place.x, y=place.y("value"), text="label:N"
    )
    return [
        base.mark_line(
            color=colours.ink, strokeDash=[5, 3], strokeWidth=2, interpolate="step"
        ).encode(tooltip=_tooltip("Budget")),
        named.mark_text(
            align="left",
            dx=-14,
            dy=-8,
            fontSize=_SIZE,
            fontWeight="bold",
            color=colours.ink,
        ),
    ]


def _migration(story: Story, place: _Place, colours: Palette) -> list[alt.Chart]:
    """Return a band over the months of a move."""
    if not story.moved:
        return []
    band = pd.DataFrame({"month": story.moved, "from": 0.0, "to": place.top})
    drawn = alt.Chart(band).mark_rect(color=colours.other, opacity=0.25)
    return [drawn.encode(x=place.x, y=place.y("from"), y2="to:Q")]


def _move_name(story: Story, place: _Place, colours: Palette) -> list[alt.Chart]:
    """Return the name of a move, on the bars of its months."""
    if not story.moved:
        return []
    name = pd.DataFrame(
        {"month": story.moved[:1], "label": "Platform move", "at": place.top * _MOVE}
    )
    text = alt.Chart(name).mark_text(
        align="left", dx=-14, fontSize=_SIZE, fontWeight="bold", color=colours.gap
    )
    return [text.encode(x=place.x, y=place.y("at"), text="label:N")]


def _forecast(story: Story, place: _Place, colours: Palette) -> list[alt.Chart]:
    """Return the forecast of the month that is not over, within its interval."""
    row = story.ahead
    if row is None:
        return []
    drawn = {
        "month": row["period"],
        "name": fmt.month(row["period"]),
        "value": float(row["expected"]),
        "low": float(row["low"]),
        "high": float(row["high"]),
        "text": f"{fmt.estimate(row['expected'], story.currency)}"
        f" ({fmt.interval(row['low'], row['high'], story.currency)})",
    }
    base = alt.Chart(pd.DataFrame([drawn])).encode(
        x=place.x, tooltip=_tooltip("Forecast")
    )
    return [
        base.mark_bar(color=colours.categories[1], opacity=0.45).encode(
            y=place.y("low"), y2="high:Q"
        ),
        base.mark_tick(color=colours.categories[5], thickness=2.5).encode(
            y=place.y("value")
        ),
        base.mark_text(dy=-8, fontSize=_SIZE, color=colours.ink).encode(
            y=place.y("high"), text=alt.value("forecast")
        ),
    ]


def _launches(story: Story, place: _Place, colours: Palette) -> list[alt.Chart]:
    """Return a mark at each launch, with its name where the chart has room."""
    marks = [
        {
            "month": month,
            "name": fmt.month(month),
            "text": feature,
            "at": place.top * _RANKS[line],
            "from": 0.0,
        }
        for month, feature, line in story.marks
    ]
    if not marks:
        return []
    frame = pd.DataFrame(marks)
    base = alt.Chart(frame).encode(
        x=place.x, y=place.y("at"), tooltip=_tooltip("Launched")
    )
    name = base.mark_text(
        align="left",
        dx=6,
        fontSize=_SIZE,
        color=colours.ink,
        opacity=alt.ExprRef(f"width < {_NARROW} ? 0 : 1"),
    )
    return [
        base.mark_rule(color=colours.quiet, strokeDash=[2, 3]).encode(y2="from:Q"),
        base.mark_point(
            shape="triangle-down", filled=True, size=50, color=colours.categories[2]
        ),
        name.encode(text="text:N"),
    ]


def _ranks(places: Sequence[int]) -> list[int]:
    """Return the line of each name, so that names of near months do not overlap."""
    ends = [-_NAME_MONTHS] * len(_RANKS)
    chosen = []
    for at in places:
        free = [rank for rank, end in enumerate(ends) if end + _NAME_MONTHS <= at]
        rank = free[0] if free else min(range(len(ends)), key=ends.__getitem__)
        ends[rank] = at
        chosen.append(rank)
    return chosen
