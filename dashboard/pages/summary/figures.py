"""Figures of the first page by tile, shared by page and board pack.

Nothing is drawn here. Every caller that draws uses these functions, so two places
cannot show different values of a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.pages.budget import charts as budget_charts
from dashboard.pages.budget import forecast_queries
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.budget import sentences as budget_sentences
from dashboard.pages.close import queries as close_queries
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.cost_by_model import unit_cost_queries
from dashboard.pages.summary import queries
from dashboard.pages.summary import sentences as words
from dashboard.pages.velocity import queries as velocity_queries
from dashboard.pages.velocity import sentences as velocity
from dashboard.pages.velocity import window_queries
from dashboard.shared import format as fmt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from dashboard.pages.summary.sentences import Gap
    from dashboard.shared.context import Page
    from dashboard.shared.tables import Kind

    Number = Decimal | float | int | None

UNIT: unit_cost_queries.Unit = "1,000 requests"
#: Gaps that the first screen has room for.
SHOWN_GAPS = 3
#: Months of the window for figures that are too rare for a month.
_YEAR = 12
#: Name of a line of the bridge without a model.
_NO_MODEL = "no model"


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its name and the note beneath it.

    ``value`` is the written form, ``number`` the number written, ``kind`` its format.
    ``unit`` is the unit of a number that is no money. ``beside`` are numbers of the
    note, each with its name and kind. ``row_count`` is the number of rows of the mart
    behind it.
    """

    label: str
    value: str
    note: str
    change: str | None = None
    number: Number = None
    kind: Kind = "money"
    beside: tuple[tuple[str, Number, Kind], ...] = ()
    row_count: int = 0
    unit: str = ""


def budget_of(view: Page) -> dict[str, Any] | None:
    """Return the budget of the scope, which is held against amortised cost only."""
    if view.selection.basis != "Amortised":
        return None
    rows = budget_queries.budgets(view.snapshot, view.selection).to_pylist()
    if view.selection.covers_everything:
        # A budget of a single team is no budget of the whole.
        rows = [row for row in rows if row["scope_type"] == "all"]
    return rows[0] if rows else None


def spend_tile(view: Page, spent: queries.Spend, budget: dict[str, Any] | None) -> Tile:
    """Return AI cost against the prior period, the budget and the forecast."""
    if view.without_ai_cost:
        label = view.tile_label(f"AI cost, {view.selection.basis.lower()}")
        return Tile(label, fmt.UNKNOWN, f"{view.without_ai_cost}.")
    against = (
        () if budget is None else (("Budget of the period", budget["budget"], "money"),)
    )
    return Tile(
        view.total_label(f"AI cost, {view.selection.basis.lower()}", spent.amount),
        fmt.money(spent.amount, view.currency),
        _against_budget(view, budget) + _landing(view),
        _against_prior(view, spent),
        spent.amount,
        "money",
        (("Of the period before", spent.prior, "money"), *against),
        spent.row_count,
    )


def _against_prior(view: Page, spent: queries.Spend) -> str | None:
    """Write the change; with an invoice outstanding, that it is no fall in price."""
    if spent.change_ratio is None:
        return None
    change = f"{fmt.signed_percent(spent.change_ratio)} against {view.compared_period}"
    if not spent.not_invoiced:
        return change
    return f"{change}, {fmt.money(spent.not_invoiced, view.currency)} not invoiced yet"


def _against_budget(view: Page, budget: dict[str, Any] | None) -> str:
    if _is_billed(view):
        return "Budgets are compared with amortised cost."
    if budget is None:
        return budget_sentences.no_budget(view)
    mark = budget_charts.STATE_MARKS[budget["state"]]
    if budget["variance_ratio"] is None:
        return f"Budget: {mark}."
    return f"{mark}; budget {fmt.money(budget['budget'], view.currency)}."


def _landing(view: Page) -> str:
    """Write where the running month will end, if the period is that month.

    Models are forecast, and the whole; teams and cost centres are not.
    """
    of = view.selection
    series = {"everything": ("total", None), "model": ("model", of.scope_id)}
    shown = ("month", of.period.label, *series.get(of.scope_kind, ()))
    for row in forecast_queries.landings(view.snapshot, view.selection).to_pylist():
        if shown == tuple(row[k] for k in ("landing", "period", "series", "model_id")):
            ends = fmt.estimate(row["expected"], view.currency)
            bounds = fmt.interval(row["low"], row["high"], view.currency)
            will = "Amortised, it will" if _is_billed(view) else "Will"
            return f" {will} end at {ends} ({bounds})."
    return ""


def _is_billed(view: Page) -> bool:
    return view.selection.basis == "Billed"


def unit_cost_tile(view: Page, unit: unit_cost_queries.UnitSummary) -> Tile:
    """Return the cost per thousand inferences, and its coverage of cost.

    It is amortised on every basis, and is marked so where that is not the basis above.
    """
    beside = "; amortised" if _is_billed(view) else ""
    return Tile(
        view.tile_label("Per 1,000 inferences")
        if unit.left_out
        else view.total_label("Per 1,000 inferences", unit.cost),
        fmt.short_unit_cost(unit.unit_cost, view.currency),
        unit.without_requests
        if unit.unit_cost is None
        else f"{fmt.count(unit.quantity)} requests{_covered(unit)}{beside}"
        f"{with_idle(unit, view.currency)}"
        f"{limits(unit)}",
        None
        if unit.change_ratio is None
        else f"{fmt.signed_percent(unit.change_ratio)} against {view.prior_period}",
        unit.unit_cost,
        "unit_cost",
        (
            ("Requests", unit.quantity, "count"),
            ("Of the period before", unit.prior_unit_cost, "unit_cost"),
            ("With idle capacity", unit.unit_cost_with_idle, "unit_cost"),
            ("Model cost covered", unit.metered_cost_ratio, "percent"),
        ),
        unit.model_count,
    )


def _covered(unit: unit_cost_queries.UnitSummary) -> str:
    """Write which part of the cost has a meter, unless all of it has."""
    if unit.metered_model_count == unit.model_count:
        return ""
    return f"; covers {fmt.percent(unit.metered_cost_ratio)} of model cost"


def limits(unit: unit_cost_queries.UnitSummary) -> str:
    """Write the metered days if some are not, and the parts left out."""
    found = (unit.metered_days, unit.left_out)
    return "".join(f"; {limit}" for limit in found if limit)


def with_idle(unit: unit_cost_queries.UnitSummary, currency: str) -> str:
    """Write the unit cost with the idle capacity that is charged to no model."""
    if unit.unit_cost_with_idle is None:
        return ""
    loaded = fmt.short_unit_cost(unit.unit_cost_with_idle, currency)
    return f"; {loaded} with idle"


def lead_time_tile(view: Page) -> Tile:
    """Return lead time medians of the last month: of a single scope, or all."""
    month, before = months_of(view)
    kind = velocity_queries.SCOPE_KINDS.get(view.selection.scope_kind)
    if kind is not None:
        return _lead_time_of_scope(view, kind, month)
    change = queries.delivery_change(view.snapshot, shipping_kind(view), month, before)
    return Tile(
        view.organisation_label(f"Lead time by {change.kind}"),
        words.lead_time_range(change),
        f"medians, {fmt.month(month)}{words.shift(change)}"
        if change.unit_count
        else f"No {change.kind} has five changes: add a source of deployments.",
        None,
        change.lead_low,
        "decimal",
        (("The greatest of the medians", change.lead_high, "decimal"),),
        change.unit_count,
        "hours, the least of the medians",
    )


def _lead_time_of_scope(view: Page, kind: str, month: str) -> Tile:
    scope = velocity_queries.VelocityScope(kind, view.selection.scope_id, (month,))
    shown = velocity_queries.VelocityPeriod("month", month)
    figure = velocity_queries.velocity_figures(view.snapshot, scope, shown).get(
        "change_lead_time"
    )
    label = view.tile_label("Lead time")
    if figure is None or figure.value is None:
        return Tile(label, fmt.UNKNOWN, velocity.absence(figure), kind="decimal")
    return Tile(
        label,
        velocity.value(figure, figure.value),
        velocity.evidence(figure),
        None,
        figure.value,
        "decimal",
        row_count=figure.n_used,
        unit="hours",
    )


def shipping_kind(view: Page) -> str:
    """Return the kind of unit counted: teams, or models if teams lack figures."""
    kinds = {kind for kind, _ in velocity_queries.velocity_units(view.snapshot)}
    return "model" if "team" not in kinds and "model" in kinds else "team"


def months_of(view: Page) -> tuple[str, str]:
    """Return the last month of the period, and the month before it."""
    last = max(view.selection.period.months)
    year, month = int(last[:4]), int(last[5:])
    before = (year - 1, 12) if month == 1 else (year, month - 1)
    return last, f"{before[0]:04d}-{before[1]:02d}"


def delivery_sentence(view: Page) -> str:
    """Count the units that ship faster than in the month before."""
    month, before = months_of(view)
    change = queries.delivery_change(view.snapshot, shipping_kind(view), month, before)
    said = f"{view.organisation_prefix}{words.delivery(change, month, before)}"
    return f"{said}{_rare(view, month)}"


def _rare(view: Page, month: str) -> str:
    """State figures too rare for a month: over twelve, with n and scope.

    It follows a team or a model; the text before it covers the organisation.
    """
    kind = velocity_queries.SCOPE_KINDS.get(view.selection.scope_kind)
    scope = (
        velocity_queries.VelocityScope("organisation", "organisation", (month,))
        if kind is None
        else velocity_queries.VelocityScope(kind, view.selection.scope_id, (month,))
    )
    rows = window_queries.velocity_windows(view.snapshot, scope).to_pylist()
    return words.rare(
        [row for row in rows if row["window_months"] == _YEAR],
        of="" if kind is None else fmt.markdown(view.scope),
    )


def compared_month(view: Page) -> str | None:
    """Return the month that the bridge to the last month begins with, if there is."""
    months = budget_queries.bridge_months(view.snapshot, view.selection)
    return months[0] if months else None


def changes_heading(view: Page, against: str | None) -> str:
    """Return the heading of changes: models narrow it, other scopes do not."""
    since = ""
    if against is not None:
        before = fmt.month(against)
        so_far = f" so far, against all of {before}"
        since = f" since {before}" if view.is_last_month_over else so_far
    narrows = view.selection.scope_kind in {"everything", "model"}
    return f"What changed{since}{'' if narrows else ' · whole organisation'}"


def changes(view: Page, against: str) -> list[str]:
    """Name the three top drivers of last month's cost, each with its model."""
    steps = budget_queries.bridge_steps(
        view.snapshot, view.selection, against
    ).to_pylist()
    return words.drivers(view, steps, _largest_lines(view, against))


def _largest_lines(view: Page, against: str) -> dict[str, tuple[str, Decimal]]:
    """Return the model that did most of each bar, and how much."""
    largest_lines: dict[str, tuple[str, Decimal]] = {}
    for bar in budget_queries.bridge_bars(view.snapshot, view.selection.basis):
        lines = budget_queries.bridge_lines(view.snapshot, view.selection, against, bar)
        first = lines.slice(0, 1).to_pylist()[0] if lines.num_rows else None
        if first is not None and first["model"] != _NO_MODEL:
            largest_lines[bar] = (first["model"], first["chosen_amount"])
    return largest_lines


def gaps(
    view: Page,
    unit: unit_cost_queries.UnitSummary,
    of_returns: Sequence[Gap],
    *,
    with_invoices: bool = True,
) -> list[Gap]:
    """Return the gaps of the figures, the most relevant to a signature first.

    Questions that no study can answer come third at the latest: a reader sees three.
    Invoices are for users who may open the page that compares them.
    """
    found = words.gaps(
        view,
        invoices=close_queries.invoice_totals(view.snapshot, view.selection).to_pylist()
        if with_invoices
        else [],
        headline=cost_by_model_queries.headline(
            view.snapshot, view.selection, "Fully loaded"
        ),
        summary=unit,
    )
    first = SHOWN_GAPS - 1
    return [*found[:first], *of_returns, *found[first:]]
