"""First two pages of the board pack: the whole, and its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.exports.board_pack import drawings
from dashboard.exports.board_pack.parts import (
    Beside,
    Bullets,
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
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.cost_by_model import sentences, unit_cost_queries
from dashboard.pages.summary import figures, story
from dashboard.pages.summary import queries as summary_queries
from dashboard.pages.summary import returns as return_summary
from dashboard.shared import format as fmt
from dashboard.shared import return_sentences as returns
from dashboard.shared.tables import (
    LOWER_BOUND,
    PARTIAL_CHANGE,
    Column,
    month_columns,
    months_across,
    named_steps,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from dashboard.exports.board_pack.parts import Part
    from dashboard.shared.context import Page

_LOADING: cost_by_model_queries.Loading = "Fully loaded"
_PRINTED_GAPS = 6
_PRINTED_MODELS = 8


def summary_page(view: Page) -> PackPage:
    """Return the first screen of *Summary*, with everything it cannot state."""
    spent = summary_queries.ai_spend(view.snapshot, view.selection)
    budget = figures.budget_of(view)
    unit = unit_cost_queries.unit_summary(view.snapshot, view.selection, figures.UNIT)
    lines = story.paragraphs(view, spent, budget)
    tiles = (
        figures.spend_tile(view, spent, budget),
        figures.unit_cost_tile(view, unit),
        figures.lead_time_tile(view),
        return_summary.net_value_tile(view),
        return_summary.evidence_tile(view),
    )
    return PackPage(
        "Summary",
        "Summary",
        (
            *(Text(line) for line in lines),
            *_chart(view),
            Tiles(tiles),
            Beside((tuple(_changes(view)), tuple(_gaps(view, unit)))),
            Beside((tuple(_ends(view)), tuple(_not_counted(view)))),
        ),
    )


def _chart(view: Page) -> Iterator[Part]:
    months = story.chart(view)
    if months is None:
        return
    yield Picture(
        "AI cost by month, before tax and credits; dashed: the budget of each month",
        drawings.story(months),
        Table(
            "AI cost by month, before tax and credits, and its budget",
            (
                Column("month", "Month", "month"),
                Column("amount", "AI cost", "money"),
                Column("budget", "Budget", "money"),
            ),
            tuple(months.months),
        ),
    )


def _changes(view: Page) -> Iterator[Part]:
    yield Heading("What changed")
    month = max(view.selection.period.months)
    against = figures.compared_month(view)
    if against is None:
        yield Text(f"No month before {fmt.month(month)} has cost to compare it with.")
        return
    yield Bullets(tuple(figures.changes(view, against)))
    than = "" if view.is_last_month_over else "all of "
    yield Text(
        f"{fmt.month(month)} against {than}{fmt.month(against)}, exact to the cent.",
        is_quiet=True,
    )


def _gaps(view: Page, unit: unit_cost_queries.UnitSummary) -> Iterator[Part]:
    yield Heading("What we cannot say")
    found = figures.gaps(view, unit, return_summary.gaps(view))
    if not found:
        yield Text("Nothing is known to be missing: bills tie, and have owners.")
        return
    yield Bullets(tuple(gap.text for gap in found[:_PRINTED_GAPS]))
    more = len(found) - _PRINTED_GAPS
    if more > 0:
        yield Text(f"and {fmt.plural(more, 'thing')} more, on Data health", True)


def _ends(view: Page) -> Iterator[Part]:
    yield Heading("Where it will end")
    rows = [
        row
        for row in forecast_queries.landings(view.snapshot, view.selection).to_pylist()
        if row["series"] == "total"
    ]
    if forecast_queries.is_past(view.snapshot, view.selection):
        known = forecast_queries.known_month(view.snapshot, view.selection)
        yield Text(budget_sentences.nothing_ahead(view, known))
        return
    if not rows:
        yield Text(budget_sentences.NOTHING_FORECAST)
        return
    yield Text(budget_sentences.outturn(view, rows, None))
    yield Bullets(tuple(budget_sentences.outlook(view, row) for row in rows))
    yield Text(budget_sentences.FORECAST_BASIS, is_quiet=True)


def _not_counted(view: Page) -> Iterator[Part]:
    yield Heading("Not counted")
    row = return_summary.headline(view)
    if row is None or row["begins"] is not None:
        yield Text(return_summary.layer_sentence(view))
        return
    yield Text(returns.beside(row))
    yield Text("Each with its reason in the annex.", is_quiet=True)


def cost_page(view: Page) -> PackPage:
    """Return model costs, the way from the bills, and reasons for change."""
    return PackPage(
        "Cost by model, and why it changed",
        "Cost",
        (*_models(view), *_bridge(view)),
    )


def _models(view: Page) -> Iterator[Part]:
    headline = cost_by_model_queries.headline(view.snapshot, view.selection, _LOADING)
    costs = cost_by_model_queries.model_costs(
        view.snapshot, view.selection, _LOADING
    ).to_pylist()
    yield Text(sentences.trend(view, headline, costs))
    months = cost_by_model_queries.monthly_costs(
        view.snapshot, view.selection, _LOADING
    )
    if months.num_rows:
        yield Picture(
            "Fully loaded cost of models by month, without idle capacity; above each"
            " month its total",
            drawings.monthly_costs(months.to_pylist(), view.currency),
        )
    total = {
        "model": "All models",
        "amount": headline.model_cost,
        "change": headline.change,
        "change_ratio": headline.change_ratio,
    }
    yield Table(
        f"Cost of models, fully loaded without idle capacity, {view.period}",
        (
            Column("rank", "Rank", "count"),
            Column("model", "Model"),
            Column("team", "Team"),
            Column("amount", f"Cost ({view.currency})", "amount"),
            Column("share_ratio", "Share", "percent"),
            Column("change", "Change", "change", "note"),
            Column("change_ratio", "Change, %", "signed_percent", "note"),
        ),
        (total, *costs),
        _PRINTED_MODELS + 1,
        (0.5, 2.2, 1.6, 1.3, 0.8, 1.5, 1.0),
        totals={0: LOWER_BOUND},
    )
    if months.num_rows:
        yield _months_table(view, months)
    unit = unit_cost_queries.unit_summary(view.snapshot, view.selection, figures.UNIT)
    yield Text(sentences.unit_cost(view, unit, figures.UNIT))
    if view.selection.basis == "Billed":
        yield Text(sentences.UNIT_COST_BASIS, is_quiet=True)
    yield Text(_plain_end(sentences.unallocated(view, headline)))


def _plain_end(sentence: str) -> str:
    """Remove the end of a sentence that refers to the rows beneath it."""
    return sentence.partition(" Each row below")[0]


def _months_table(view: Page, months: pa.Table) -> Table:
    across = months_across(months)
    return Table(
        f"Cost of models by month ({view.currency})",
        tuple(month_columns(months)),
        tuple(across.to_pylist()),
        totals={across.num_rows - 2: LOWER_BOUND},
    )


def _bridge(view: Page) -> Iterator[Part]:
    month = max(view.selection.period.months)
    yield Heading(f"Why {fmt.month(month)} cost what it did")
    against = figures.compared_month(view)
    if against is None:
        yield Text(f"No month before {fmt.month(month)} has cost to compare it with.")
        return
    steps = budget_queries.bridge_steps(view.snapshot, view.selection, against)
    rows = steps.to_pylist()
    yield Text(budget_sentences.bridge(view, rows, against))
    beyond = budget_sentences.beyond_ai_cost(
        view, budget_queries.beyond_ai_cost(view.snapshot, view.selection, against)
    )
    if beyond:
        yield Text(beyond)
    names = budget_sentences.STEP_NAMES | {
        "earlier": fmt.month(against),
        "later": fmt.month(month),
    }
    yield Picture(
        f"What made the difference between {fmt.month(against)} and {fmt.month(month)}",
        drawings.bridge(rows, names, view.currency),
    )
    named = named_steps(steps, names, meanings=budget_sentences.BAR_MEANINGS)
    yield Table(
        f"From {fmt.month(against)} to {fmt.month(month)}",
        (
            Column("step", "Step"),
            Column("amount", "Amount", "money"),
            Column("meaning", "It says", "prose"),
        ),
        tuple(named.to_pylist()),
        named.num_rows,
        (1.0, 1.2, 3.0),
        totals={
            0: LOWER_BOUND if view.not_complete(against) else "",
            named.num_rows - 2: PARTIAL_CHANGE,
            named.num_rows - 1: LOWER_BOUND,
        },
    )
    lines = budget_queries.bridge_lines(view.snapshot, view.selection, against, None)
    yield Table(
        "The lines behind it, the largest first",
        (
            Column("model", "Model"),
            Column("cost_line", "Line"),
            Column("change_amount", "Change", "change"),
            Column("prior_cost", "Cost before", "amount"),
            Column("cost", "Cost", "amount"),
            Column("unit", "Unit"),
            Column("prior_quantity", "Quantity before", "count"),
            Column("quantity", "Quantity", "count"),
            Column("reason", "Why it is other", "prose"),
        ),
        tuple(lines.to_pylist()),
    )
