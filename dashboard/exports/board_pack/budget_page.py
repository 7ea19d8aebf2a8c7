"""Third page of the board pack: budgets, landings and idle money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.exports.board_pack import drawings
from dashboard.exports.board_pack.parts import (
    Heading,
    PackPage,
    Picture,
    Table,
    Text,
    Tiles,
)
from dashboard.pages.budget import forecast_queries
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.budget import sentences as budget_sentences
from dashboard.pages.gpu_idle import queries as gpu_idle_queries
from dashboard.pages.gpu_idle import sentences as accelerator_sentences
from dashboard.pages.gpu_idle.charts import PART_NAMES
from dashboard.pages.summary.figures import Tile
from dashboard.shared import format as fmt
from dashboard.shared.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard.exports.board_pack.parts import Part
    from dashboard.shared.context import Page

_PRINTED_SCOPES = 6
_PRINTED_POOLS = 5


def budget_page(view: Page) -> PackPage:
    """Return spending against budget, its landing, and idle money."""
    return PackPage(
        "Budget, forecast and idle money",
        "Budget & idle",
        (*_budgets(view), *_landings(view), *_idle(view)),
    )


def _budgets(view: Page) -> Iterator[Part]:
    yield Heading("Budgets")
    table = budget_queries.budgets(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        yield Text(budget_sentences.no_budget(view))
        return
    yield Text(budget_sentences.budgets(view, rows))
    yield Picture(
        "Bar: what each scope cost, amortised, before tax and credits. Upright line:"
        " its budget",
        drawings.bullets(rows[:_PRINTED_SCOPES], view.currency),
    )
    yield Table(
        f"Budgets of {view.period}: AI spend, amortised, before tax and credits",
        (
            Column("scope", "Scope"),
            Column("budget", "Budget", "money"),
            Column("actual", "Actual", "money", "reason"),
            Column("variance", "Variance", "change"),
            Column("variance_ratio", "Over or under budget", "signed_percent"),
            Column("times_budget", "Actual is", "times"),
            Column("state", "State"),
        ),
        tuple(rows),
        _PRINTED_SCOPES,
        (1.7, 1.4, 1.4, 1.4, 1.0, 1.1, 0.9),
    )


def _landings(view: Page) -> Iterator[Part]:
    yield Heading("Where it will end")
    landings = forecast_queries.landings(view.snapshot, view.selection).to_pylist()
    whole = [row for row in landings if row["series"] == "total"]
    if forecast_queries.is_past(view.snapshot, view.selection):
        known = forecast_queries.known_month(view.snapshot, view.selection)
        yield Text(budget_sentences.nothing_ahead(view, known))
        return
    if not whole:
        yield Text(budget_sentences.NOTHING_FORECAST)
        return
    yield Text(budget_sentences.outturn(view, whole, None))
    for row in whole:
        yield Text(budget_sentences.landing(view, row))
    yield Text(budget_sentences.FORECAST_BASIS, is_quiet=True)
    quality = forecast_queries.forecast_quality(
        view.snapshot, view.selection
    ).to_pylist()
    by_name = {row["name"]: row for row in quality}
    yield Text(
        budget_sentences.forecast(
            forecast_queries.ALL_COST, by_name[forecast_queries.ALL_COST]
        )
    )
    days = forecast_queries.forecast_days(
        view.snapshot, view.selection, forecast_queries.ALL_COST
    )
    yield Picture(
        "All AI spend per day: what is known, and what is expected",
        drawings.fan(days.to_pylist(), view.currency),
        Table(
            "All AI spend per day, amortised; 90 % intervals",
            (
                Column("charge_date", "Day", "day"),
                Column("actual", "Known", "money"),
                Column("expected", "Expected", "estimate"),
                Column("low", "At least", "estimate"),
                Column("high", "At most", "estimate"),
            ),
            tuple(days.to_pylist()),
        ),
    )
    yield Table(
        "Where the running month, quarter and fiscal year will end; 90 % intervals",
        (
            Column("period", "Period", "month"),
            Column("name", "Of"),
            Column("known", "Known", "money"),
            Column("expected", "Will end at", "estimate"),
            Column("low", "At least", "estimate"),
            Column("high", "At most", "estimate"),
            Column("budget", "Budget", "money"),
            Column("outlook", "Outlook"),
        ),
        tuple(landings),
    )


def _idle(view: Page) -> Iterator[Part]:
    yield Heading("GPU money: used and idle")
    headline = gpu_idle_queries.accelerator_headline(view.snapshot, view.selection)
    if not headline.row_count:
        yield Text(f"In {view.period} no pool of GPUs has cost.")
        return
    rows = gpu_idle_queries.accelerator_pools(view.snapshot, view.selection).to_pylist()
    others = gpu_idle_queries.idle_of_other_pools(view.snapshot, view.selection)
    yield Text(accelerator_sentences.pools(view, rows, others))
    yield Tiles(tuple(_idle_tiles(view, headline)))
    months = [
        row
        for row in gpu_idle_queries.accelerator_months(
            view.snapshot, view.selection
        ).to_pylist()
        if row["billing_month"] <= max(view.selection.period.months)
    ][-12:]
    yield Picture(
        "Uses of GPU pool money, by month",
        drawings.accelerator_months(months, view.currency),
    )
    yield Table(
        f"Pools of GPUs, {view.period}, {view.selection.basis.lower()}",
        (
            Column("pool_id", "Pool"),
            Column("team_id", "Owner"),
            Column("total", f"Cost ({view.currency})", "amount"),
            Column("used", "Used", "amount"),
            Column("requested_idle", "Requested, idle", "amount"),
            Column("infrastructure_idle", "Infra. idle", "amount", "capacity_reason"),
            Column("unmeasured", "Not measured", "amount"),
            Column("unmapped", "No known model", "amount"),
            Column("unobserved", "Not observed", "amount"),
        ),
        tuple(rows),
        _PRINTED_POOLS,
        (1.5, 1.3, 1.1, 1.1, 1.0, 1.0, 1.0, 1.0, 1.0),
    )
    yield Table(
        f"GPU money by month ({view.currency})",
        (
            Column("billing_month", "Month", "month"),
            Column("total", "Cost", "amount"),
            *(Column(part, label, "amount") for part, label in PART_NAMES.items()),
            Column("idle_ratio", "Idle, of the cost", "percent"),
        ),
        tuple(months),
    )


def _idle_tiles(
    view: Page, headline: gpu_idle_queries.AcceleratorHeadline
) -> Iterator[Tile]:
    share = (
        ""
        if headline.idle_ratio is None
        else f"{fmt.percent(headline.idle_ratio)} of"
        f" {fmt.compact(headline.total, view.currency)} for GPUs: "
    )
    yield Tile(
        view.total_label("Idle GPU money", headline.idle),
        fmt.money(headline.idle, view.currency),
        f"{share}{accelerator_sentences.idle_parts(view, headline)}",
        number=headline.idle,
    )
    yield Tile(
        view.total_label("Used GPU money", headline.used),
        fmt.money(headline.used, view.currency),
        f"in {fmt.plural(headline.pool_count, 'pool')}",
        number=headline.used,
    )
    unused = gpu_idle_queries.commitment_headline(view.snapshot, view.selection)
    yield Tile(
        view.total_label("Unused commitments", unused.unused),
        fmt.money(unused.unused, view.currency),
        accelerator_sentences.unused_commitments(view, unused)
        + ("" if unused.committed is None else "; always amortised"),
        number=unused.unused,
    )
