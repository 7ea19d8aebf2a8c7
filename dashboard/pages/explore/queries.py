"""Any cost by any dimension: rows of a table, bars of a chart, and their total."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from dashboard.pages.explore import dimensions
from dashboard.shared.measured import relation, whole
from dashboard.shared.names import Named, named_sql
from dashboard.shared.published import has_mart, per_run, rows
from dashboard.shared.selection_queries import SCOPES, has_prior, periods
from triptych.core.measures.pivot import compile_pivot
from triptych.core.warehouse.line_item_sums import converted

if TYPE_CHECKING:
    from dashboard.pages.explore.dimensions import Dimension, Place
    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Bars of a chart, and colours of a bar; the rest is a further bar, called other.
MOST_BARS: Final = 12
MOST_SERIES: Final = 7
MOST_VALUES: Final = 300
MONTHS_BACK: Final = 12
OTHER: Final = "Other"
#: Cost that a question may cover.
Covers = Literal["ai_cost", "ai_cost_and_tax", "whole_bill"]
_IS_AI: Final = "component <> 'out_of_scope'"
_COVERED: Final[dict[Covers, str]] = {
    "ai_cost": "is_ai_cost",
    "ai_cost_and_tax": _IS_AI,
    "whole_bill": "true",
}
_NAMED: Final = " ".join(
    f"left join {kind}_names using ({kind}_id)" for kind in ("model", "feature", "team")
)
_NAMED_OWNERS: Final[tuple[Named, ...]] = ("model", "feature", "team")


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the cost.

    Attributes
    ----------
    by, then : Dimension or None
        Dimensions to group by.
    filters : tuple of (Dimension, tuple of str)
        Values to keep, all if none is named; of several dimensions all must hold. A
        single place answers them all, named or not.
    covers : str
        Cost that counts: AI cost, AI cost with tax and credits, or the whole bill.
    is_compared : bool
        True if the period before is included as well.
    """

    by: Dimension
    then: Dimension | None = None
    filters: tuple[tuple[Dimension, tuple[str, ...]], ...] = ()
    covers: Covers = "ai_cost"
    is_compared: bool = False

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """All that it names."""
        grouped = (self.by,) if self.then is None else (self.by, self.then)
        return (*grouped, *(dimension for dimension, _ in self.filters))

    @property
    def is_filtered(self) -> bool:
        """Return True if any cost is filtered out."""
        return any(chosen for _, chosen in self.filters)

    @property
    def time(self) -> Dimension | None:
        """The day, week or month that it is grouped by."""
        both = (self.by, self.then)
        return next((each for each in both if each and each.is_time), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """Result: ``total`` is the exact sum of ``rows`` and of ``bars``."""

    place: Place
    rows: list[dict[str, Any]]
    bars: list[dict[str, Any]]
    total: dict[str, Any]


def place_for(
    snapshot: Snapshot, selection: Selection, question: Question
) -> Place | None:
    """Return the place of the answer; None where the viewer may not ask it."""
    return dimensions.place_of(
        dimensions.places(snapshot),
        question.dimensions,
        has_scope=not selection.covers_everything,
        is_whole_bill=question.covers == "whole_bill",
    )


def answer(
    snapshot: Snapshot, selection: Selection, question: Question
) -> Answer | None:
    """Return the cost as asked; None where the viewer may not ask it.

    Raises
    ------
    LineItemsOutOfReachError
        The answer is on line items, which cannot be read here.
    """
    place = place_for(snapshot, selection, question)
    if place is None:
        return None
    found = _found(snapshot, _widened(snapshot, selection, question), question, place)
    by_kind: dict[str, list[dict[str, Any]]] = {"row": [], "bar": [], "total": []}
    for row in found:
        by_kind[row["kind"]].append(row)
    [total] = by_kind["total"]
    return Answer(place, by_kind["row"], by_kind["bar"], total)


def months_of(
    snapshot: Snapshot, selection: Selection, question: Question
) -> tuple[str, ...]:
    """Return the months that an answer is about, oldest first."""
    return _widened(snapshot, selection, question).period.months


def _widened(snapshot: Snapshot, selection: Selection, question: Question) -> Selection:
    """Return the selection with its months: by month, those of the year before too."""
    period = selection.period
    if question.time is not None and question.time.label == "Month":
        billed = {month for each in periods(snapshot) for month in each.months}
        until = [month for month in sorted(billed) if month <= max(period.months)]
        months = tuple(until[-MONTHS_BACK:])
        return replace(selection, period=replace(period, months=months))
    return selection


def restated_months(
    snapshot: Snapshot, selection: Selection, question: Question, place: Place
) -> list[dict[str, Any]]:
    """Return months that an answer has otherwise than they were closed, oldest first.

    Costs by day and owner are those that were closed; services and line items are as
    the current evidence makes them. ``closed`` is the cost that was closed: ``None``
    where only a part of it was asked for.
    """
    if place == "models":
        return []
    months = months_of(snapshot, selection, question)
    if question.is_compared:
        months = (*selection.period.prior_months, *months)
    chosen = replace(selection, period=replace(selection.period, months=months))
    found = _restated(snapshot, chosen, question.covers)
    if question.is_filtered or not selection.covers_everything:
        return [row | {"closed": None} for row in found]
    return found


@per_run
def _restated(
    snapshot: Snapshot, selection: Selection, covers: Covers
) -> list[dict[str, Any]]:
    names = {
        "ai_cost": ("ai_cost", {}),
        "ai_cost_and_tax": ("effective_cost", {}),
        "whole_bill": ("step_effective_cost", {"step": "ledger"}),
    }
    measure, where = names[covers]
    closed = relation(
        whole(selection),
        {"closed": measure},
        by=("billing_month",),
        where=where,
        months="chosen",
    )
    return rows(
        snapshot,
        f"""
        select states.billing_month as month, coalesce(closed, 0) as closed
        from cost.mart_period_states as states
        left join {closed} as closed using (billing_month)
        where states.state = 'restated'
            and list_contains($months, states.billing_month)
        order by month
        """,
        months=list(selection.period.months),
    )


def is_comparable(snapshot: Snapshot, selection: Selection, question: Question) -> bool:
    """Return True if there is a prior period and no grouping by time."""
    return question.time is None and has_prior(snapshot, selection)


@per_run
def values(
    snapshot: Snapshot, selection: Selection, question: Question, dimension: Dimension
) -> tuple[str, ...]:
    """Return the values of a dimension where a question is answered, dearest first.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    selection : Selection
        Period, scope and currency.
    question : Question
        The question to ask, with all its filters.
    dimension : Dimension
        Dimension of the values.
    """
    place = place_for(snapshot, selection, question)
    if place is None:
        return ()
    asked = Question(dimension, covers=question.covers)
    rows = _found(snapshot, selection, asked, place)
    found = [row["by_value"] for row in rows if row["kind"] == "row"]
    return tuple(found[:MOST_VALUES])


@per_run
def _found(
    snapshot: Snapshot, selection: Selection, question: Question, place: Place
) -> list[dict[str, Any]]:
    most = MOST_SERIES if question.then and question.then.is_time else MOST_BARS
    shown = {
        "by_value": None if question.by.is_time else most,
        "then_value": None if question.then and question.then.is_time else MOST_SERIES,
    }
    pivot = compile_pivot(
        "cells",
        shown,
        period=selection.period.months,
        prior=selection.period.prior_months if question.is_compared else (),
        other=OTHER,
    )
    order = "by_value desc," if question.by.is_time else ""
    sql = f"""
        with {_charges(selection, question, place)},
        cells as ({_cells(snapshot, selection, question, place)})
        select shapes.* exclude (row_count), row_count as charge_count
        from ({pivot}) as shapes
        order by kind, {order} case when kind = 'row' then amount end desc,
            by_value_rank, then_value_rank
    """
    ask = snapshot.query_line_items if place == "items" else snapshot.query
    answered: list[dict[str, Any]] = ask(sql, _given(selection, question)).to_pylist()
    return answered


def _given(selection: Selection, question: Question) -> dict[str, Any]:
    """Return the values for the placeholders of a question."""
    period = selection.period
    prior = period.prior_months if question.is_compared else ()
    kept = {f"kept_{at}": list(of) for at, of in enumerate(_kept(question)) if of}
    scope = {} if selection.covers_everything else {"scope": selection.scope_id}
    return {"months": [*period.months, *prior], **kept, **scope}


def _kept(question: Question) -> list[tuple[str, ...]]:
    """Return the values that each filter keeps, empty for all."""
    return [chosen for _, chosen in question.filters]


def _cells(
    snapshot: Snapshot, selection: Selection, question: Question, place: Place
) -> str:
    """Return the measure of the question, by its groups and by month.

    Marts are converted already; line items take the rate that the run took.
    """
    measure = "ai_cost" if question.covers == "ai_cost" else "effective_cost"
    is_there = place == "items" and has_mart(snapshot, "cost.mart_exchange_rates")
    cells = relation(
        whole(selection),
        {"amount": measure},
        by=("by_value", "then_value", "billing_month", "currency"),
        conditions=("is_kept",),
        months="all",
        within=(),
        source="charges",
    )
    sql = converted(cells) if is_there else f"select * from {cells}"
    return f"select * from ({sql}) as cells where currency = '{selection.currency}'"


def _charges(selection: Selection, question: Question, place: Place) -> str:
    """Return the CTE ``charges``: rows with their groups and filters.

    The charges that count depend on all rules before the filter. As a condition on line
    items it makes the engine write all rules out for each mention of a rule, and
    planning takes minutes; on materialised rows it is a comparison.
    """
    then = question.then.columns[place] if question.then else "''"
    kept = [
        f"list_contains($kept_{at}, {each.columns[place]})"
        for at, (each, chosen) in enumerate(question.filters)
        if chosen
    ]
    named = "" if place == "services" else _NAMED
    prefix = "published." if place == "items" else ""
    names = "" if place == "services" else f"{_names(prefix)},"
    source = "owned" if place == "items" else dimensions.MARTS[place]
    owned = f"owned as ({_owned(selection, question)})," if place == "items" else ""
    currency = "billing_currency" if place == "items" else "currency"
    is_scoped = place != "services"
    return f"""
        {names} {owned}
        charges as materialized (
            select
                {question.by.columns[place]} as by_value,
                {then} as then_value,
                charges.billing_month,
                {currency} as currency,
                is_ai_cost,
                billed_cost,
                effective_cost,
                {" and ".join([_COVERED[question.covers], *kept])} as is_kept
            from {source} as charges {named}
            where list_contains($months, charges.billing_month)
                and {SCOPES[selection.scope_kind] if is_scoped else "true"}
        )
    """


def _owned(selection: Selection, question: Question) -> str:
    """Return line items with the owners of their models, where those are asked for."""
    needs = {each.label for each in question.dimensions} & dimensions.OF_OWNERS
    if not needs and selection.scope_kind in {"everything", "model"}:
        return "select *, cast(null as varchar) as cost_center from line_items"
    return """
        select
            items.* replace (
                coalesce(items.feature_id, models.feature_id) as feature_id,
                coalesce(items.team_id, models.team_id, features.team_id) as team_id
            ),
            coalesce(models.cost_center, teams.cost_center) as cost_center
        from line_items as items
        left join published.core.dim_models as models
            on items.model_id = models.model_id
            and items.charge_date >= coalesce(models.valid_from, items.charge_date)
            and (models.valid_to is null or items.charge_date < models.valid_to)
        left join published.core.dim_features as features
            on items.feature_id = features.feature_id
        left join published.core.dim_teams as teams
            on coalesce(items.team_id, features.team_id) = teams.team_id
    """


def _names(prefix: str) -> str:
    """Return CTEs that give models, features and teams the names that people use."""
    return ", ".join(
        f"{kind}_names as {named_sql(kind, prefix)}" for kind in _NAMED_OWNERS
    )
