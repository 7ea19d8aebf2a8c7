"""The sentences of the page *GPU & idle*, generated from the figures it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.pages.gpu_idle.charts import COLUMN_OF_KIND
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from dashboard.pages.gpu_idle import queries
    from dashboard.pages.gpu_idle.charts import IdleKind
    from dashboard.shared.context import Page


def idle_parts(view: Page, headline: queries.AcceleratorHeadline) -> str:
    """State the owners of idle GPU money, or that they are unknown."""
    if not headline.row_count:
        return "no GPU was metered in this scope"
    if headline.requested_idle is None and headline.infrastructure_idle is None:
        return "no meter reads the capacity"
    return (
        f"{fmt.money(headline.requested_idle, view.currency)} requested and idle,"
        f" {fmt.money(headline.infrastructure_idle, view.currency)} requested by nobody"
    )


def unused_commitments(view: Page, unused: queries.CommitmentHeadline) -> str:
    """State the total: in AI scope, and of all charges where they differ."""
    if unused.committed is None:
        return f"No bill of {view.period} names a commitment."
    names = fmt.plural(unused.commitment_count, "commitment")
    committed = fmt.money(unused.committed, view.currency)
    if unused.committed == unused.committed_whole:
        return f"of {committed} under {names}"
    return (
        f"of {committed} in AI scope; of all charges"
        f" {fmt.money(unused.unused_whole, view.currency)} of"
        f" {fmt.money(unused.committed_whole, view.currency)}, under {names}"
    )


def pools(view: Page, rows: list[dict[str, Any]], others: dict[str, Any]) -> str:
    """Name the pool with the most idle cost, and idle cost other than GPUs."""
    first = rows[0]
    if not first["idle"]:
        return f"No meter shows idle cost in a GPU pool in {view.period}."
    name = fmt.markdown(first["pool_id"])
    text = (
        f"**{name}** idles most: **{fmt.money(first['idle'], view.currency)}** of"
        f" {view.at_least(first['total'])}{fmt.money(first['total'], view.currency)} in"
        f" {view.period}."
    )
    idlers = [row for row in rows if _is_unused(row)]
    if idlers:
        names = ", ".join(fmt.markdown(row["pool_id"]) for row in idlers)
        text += f" Unused: {names}."
    if others["idle"] and view.selection.covers_everything:
        text += (
            f" In addition to GPUs, {fmt.money(others['idle'], view.currency)} idles in"
            f" {fmt.plural(others['pool_count'], 'other pool')}."
        )
    return text


def _is_unused(row: dict[str, Any]) -> bool:
    """Return True if all of a pool idled, by the hours of the whole pool.

    A scope, or who sees single cost centres, has a part of its money, which may idle
    while others use the pool.
    """
    hours = row["capacity_gpu_hours"], row["active_gpu_hours"]
    is_read = any(known is not None for known in hours)
    return bool(
        row["used"] == 0
        and row["idle"] == row["total"]
        and is_read
        and not row["active_gpu_hours"]
    )


def months(view: Page, rows: list[dict[str, Any]]) -> str:
    """Name the month with the most idle cost."""
    known = [row for row in rows if row["idle"] is not None]
    if not known:
        return "No meter reads idle capacity."
    worst = max(known, key=lambda row: row["idle"])
    return (
        f"Most idled in {fmt.month(worst['billing_month'])}:"
        f" **{fmt.money(worst['idle'], view.currency)}**,"
        f" {fmt.percent(worst['idle_ratio'])} of what measured GPUs cost that month."
    )


def commitments(view: Page, rows: list[dict[str, Any]]) -> str:
    """Name the most unused commitment and the least drawn prepayment.

    A prepayment is used as far as it is drawn, and nothing of a draw is ever unused.
    """
    first = rows[0]
    text = f"No commitment left anything unused in {view.period}."
    if first["unused"]:
        text = (
            f"**{fmt.markdown(first['commitment'])}** left"
            f" **{fmt.money(first['unused'], view.currency)}** of"
            f" {fmt.money(first['committed'], view.currency)} unused in {view.period}."
        )
    ahead = [row for row in rows if (row["drawn_ratio"] or 1) < 1]
    if ahead:
        least = min(ahead, key=lambda row: row["drawn_ratio"])
        text += (
            f" Of **{fmt.markdown(least['commitment'])}**, paid ahead,"
            f" **{fmt.coverage(least['drawn_ratio'])}** is drawn so far:"
            f" {fmt.money(least['committed_to_date'], view.currency)} of"
            f" {fmt.money(least['purchased_to_date'], view.currency)}."
        )
    return text


def week(view: Page, pool: str, kind: IdleKind, rows: list[dict[str, Any]]) -> str:
    """Name the hours with the most and the fewest idle GPUs of a pool."""
    column = COLUMN_OF_KIND[kind]
    known = [row for row in rows if row[column] is not None]
    name = fmt.markdown(pool)
    if not known:
        return f"No meter reads {kind.lower()} GPUs of {name} in {view.period}."
    worst = max(known, key=lambda row: row[column])
    best = min(known, key=lambda row: row[column])
    if worst[column] == best[column]:
        return (
            f"In {name} **{fmt.gpus(worst[column])}** GPUs are {kind.lower()} at every"
            " hour of the week that was read."
        )
    return (
        f"In {name} most GPUs are {kind.lower()} on {_moment(worst)},"
        f" **{fmt.gpus(worst[column])}** on average, and fewest on {_moment(best)},"
        f" {fmt.gpus(best[column])}."
    )


def _moment(row: dict[str, Any]) -> str:
    return f"{row['day']} {row['hour_of_day']:02d}:00"
