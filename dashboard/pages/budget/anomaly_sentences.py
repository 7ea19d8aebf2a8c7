"""Sentences about days that cost more than their past lets expect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.shared.context import Page


def anomalies(view: Page, rows: list[dict[str, Any]]) -> str:
    """Report the number of anomalies, their cost, and those that go on."""
    services = [row for row in rows if row["series"] == "service"]
    models = len(rows) - len(services)
    text = (
        f"**{fmt.plural(len(rows), 'anomaly', 'anomalies')}** in {view.period}:"
        f" {len(services)} of services, {models} of models. The same event may show in"
        " both, so they are not added up."
    )
    lasting = [row for row in rows if row["status"] in {"ongoing", "provisional"}]
    if lasting:
        said = ", ".join(
            f"{fmt.markdown(row['name'])} since {fmt.day(row['first_day'])}"
            for row in lasting
        )
        text += f" **Still going on:** {said}."
    return text


def reason(row: dict[str, Any]) -> str:
    """Report the likely driver of an anomaly, with the deciding figures."""
    return "Volume: nothing was charged" if _is_fall(row) else _reason_of_rise(row)


def _reason_of_rise(row: dict[str, Any]) -> str:
    subject, through = row["subject"], row["pool_id"]
    pool = f", through the pool {through}" if through and through != subject else ""
    if row["driver"] == "price":
        change = fmt.signed_percent(row["price_change_ratio"])
        return f"Price: a unit of {subject} {change}{pool}"
    if row["driver"] == "volume" and row["times_quantity"] is None:
        before = "had no share" if subject == through else "used nothing"
        return f"Volume: {subject}, of which it {before} in the weeks before{pool}"
    if row["driver"] == "volume" and subject == through:
        return f"Volume: {_multiple(row['times_quantity'])} its share of {subject}"
    if row["driver"] == "volume":
        more = _multiple(row["times_quantity"])
        return f"Volume: {more} the quantity of {subject}{pool}"
    if row["driver"] == "new_resource":
        # A resource address is recognised by its end.
        name = subject.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
        others = row["new_resource_count"] - 1
        more = f" and {fmt.plural(others, 'other')}" if others > 0 else ""
        return f"New resource: {name}{more}{pool}"
    return "Not known: the bill tells no quantities, or no single cause carries it"


def chosen(view: Page, row: dict[str, Any]) -> str:
    """Report the cost of an anomaly against the expected cost, and why."""
    text = (
        f"**{fmt.markdown(row['name'])}** cost"
        f" {fmt.money(row['actual'], view.currency)} in"
        f" {fmt.plural(row['day_count'], 'day')} from {fmt.day(row['first_day'])},"
        f" {fmt.estimate(abs(row['excess']), view.currency)}"
        f" {'less' if row['excess'] < 0 else 'more'} than expected."
        f" {fmt.markdown(reason(row))}."
    )
    if row["driver_excess"] is not None and not _is_fall(row):
        text += (
            f" That is {fmt.estimate(row['driver_excess'], view.currency)} more than on"
            " the same weekdays of the four weeks before."
        )
    if row["status"] == "new level":
        text += " It stayed, and is expected since."
    return text


def _is_fall(row: dict[str, Any]) -> bool:
    """Return True for a fall to nothing: smaller falls are not reported."""
    return bool(row["excess"] < 0)


def _multiple(ratio: float) -> str:
    return f"{ratio:,.1f} times"
