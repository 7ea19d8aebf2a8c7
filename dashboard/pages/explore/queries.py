"""Any cost by any dimension: rows of a table, bars of a chart, and their total."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from dashboard.pages.explore import dimensions
from dashboard.shared.names import Named, named_sql
from dashboard.shared.published import has_mart, per_run, ratio, rows
from dashboard.shared.selection_queries import (
    AMOUNTS,
    SCOPES,
    has_prior,
    periods,
    scope_parameters,
)

if TYPE_CHECKING:
    from dashboard.pages.explore.dimensions import Dimension, Place
    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Bars of a chart, and colours of a bar; the rest is one more, called other.
MOST_BARS: Final = 12
MOST_SERIES: Final = 7
MOST_VALUES: Final = 300
MONTHS_BACK: Final = 12
OTHER: Final = "Other"
#: What a question may be about.
Covers = Literal["ai_cost", "ai_cost_and_tax", "whole_bill"]
_IS_AI: Final = "component <> 'out_of_scope'"
_COVERED: Final[dict[Covers, str]] = {
    "ai_cost": "is_ai_cost",
    "ai_cost_and_tax": _IS_AI,
    "whole_bill": "true",
}
_NAMED_OWNERS: Final[tuple[Named, ...]] = ("model", "feature", "team")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks of the cost.

    Attributes
    ----------
    by, then : Dimension or None
        By what it is grouped.
    filters : tuple of (Dimension, tuple of str)
        Which values are kept, all where none is named; of several dimensions all must
        hold. Where they are answered is one place for all, named or not.
    covers : str
        What counts: AI cost, AI cost with tax and credits, or the whole bill.
    is_compared : bool
        Whether the period before is there as well.
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
        """Whether anything is left out."""
        return any(chosen for _, chosen in self.filters)

    @property
    def time(self) -> Dimension | None:
        """The day, week or month that it is grouped by."""
        both = (self.by, self.then)
        return next((each for each in both if each and each.is_time), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found: ``total`` is the exact sum of ``rows`` and of ``bars``."""

    place: Place
    rows: list[dict[str, Any]]
    bars: list[dict[str, Any]]
    total: dict[str, Any]


def place_for(
    snapshot: Snapshot, selection: Selection, question: Question
) -> Place | None:
    """Return where a question is answered; None where whoever looks may not ask it."""
    return dimensions.place_of(
        dimensions.places(snapshot),
        question.dimensions,
        has_scope=not selection.covers_everything,
        is_whole_bill=question.covers == "whole_bill",
    )


def answer(
    snapshot: Snapshot, selection: Selection, question: Question
) -> Answer | None:
    """Return the cost by what was asked; None where whoever looks may not ask it.

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
    costs = (
        "cost.mart_cost_waterfall where step = 'ledger'"
        if covers == "whole_bill"
        else f"cost.fct_daily_model_costs where {_COVERED[covers]}"
    )
    return rows(
        snapshot,
        f"""
        select
            states.billing_month as month,
            coalesce(sum({AMOUNTS[selection.basis]}), 0) as closed
        from cost.mart_period_states as states
        left join (select * from {costs} and currency = $currency) as costs
            using (billing_month)
        where states.state = 'restated'
            and list_contains($months, states.billing_month)
        group by month order by month
        """,
        months=list(selection.period.months),
        currency=selection.currency,
    )


def is_comparable(snapshot: Snapshot, selection: Selection, question: Question) -> bool:
    """Tell whether there is a period before, and no days or months to tell apart."""
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
        What will be asked, with everything that it filters by.
    dimension : Dimension
        Whose values.
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
    named = [(each, chosen) for each, chosen in question.filters if chosen]
    parameters = scope_parameters(selection) | {
        f"kept_{at}": list(chosen) for at, (_, chosen) in enumerate(named)
    }
    if not question.is_compared:
        parameters["prior_months"] = []
    # Which charges count hangs on every rule before it. As a condition on line items it
    # makes the engine write all rules out for each mention of one, and planning takes
    # minutes; as a condition of a sum it is worked out once per line.
    counts = " and ".join(
        [
            _COVERED[question.covers],
            *(
                f"list_contains($kept_{at}, {each.columns[place]})"
                for at, (each, _) in enumerate(named)
            ),
        ]
    )
    sql = f"""
        with {_charges(selection, question, place)},
        cells as (
            select
                {question.by.columns[place]} as by_value,
                {question.then.columns[place] if question.then else "''"} as then_value,
                billing_month,
                charged_currency,
                sum(amount) filter (where {counts}) as amount,
                count(*) filter (where {counts}) as charge_count
            from charges
            group by 1, 2, 3, 4
            having charge_count > 0
        ),
        {_converted(snapshot, place)}
        {_shapes(question)}
    """
    ask = snapshot.query_line_items if place == "items" else snapshot.query
    answered: list[dict[str, Any]] = ask(sql, parameters).to_pylist()
    return answered


def _charges(selection: Selection, question: Question, place: Place) -> str:
    """Return the CTE ``charges``: what is asked about, before it is added up."""
    amount = AMOUNTS[selection.basis]
    in_months = "list_contains($months || $prior_months, charges.billing_month)"
    if place == "services":
        return f"""
            charges as (
                select *, currency as charged_currency, {amount} as amount
                from {dimensions.MARTS[place]} as charges where {in_months}
            )
        """
    if place == "models":
        return f"""
            {_names("")},
            charges as (
                select *, currency as charged_currency, {amount} as amount
                from {dimensions.MARTS[place]} as charges
                left join model_names using (model_id)
                left join feature_names using (feature_id)
                left join team_names using (team_id)
                where {in_months} and {SCOPES[selection.scope_kind]}
            )
        """
    return f"""
        {_names("published.")},
        owned as (
            {_owned(selection, question)}
        ),
        charges as (
            select *, billing_currency as charged_currency, {amount} as amount
            from owned as charges
            left join model_names using (model_id)
            left join feature_names using (feature_id)
            left join team_names using (team_id)
            where {in_months} and {SCOPES[selection.scope_kind]}
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


def _converted(snapshot: Snapshot, place: Place) -> str:
    """Return the CTE ``counted``: amounts in the currency that was chosen.

    Marts are converted already; line items take the rate that the run took.
    """
    mart = "cost.mart_exchange_rates"
    if place != "items" or not has_mart(snapshot, mart):
        return "counted as (select * from cells where charged_currency = $currency),"
    return f"""
        rates as (
            select distinct billing_month, from_currency, to_currency, rate
            from published.{mart}
            where to_currency = (select currency from published.core.mart_run)
                and rate is not null
        ),
        converted as (
            select
                cells.* replace (
                    case when rate is null then amount
                        else {_money_times_rate()} end as amount,
                    coalesce(to_currency, charged_currency) as charged_currency
                )
            from cells
            left join rates
                on cells.billing_month = rates.billing_month
                and cells.charged_currency = rates.from_currency
        ),
        counted as (select * from converted where charged_currency = $currency),
    """


def _money_times_rate() -> str:
    """Return SQL for an amount in another currency, as the models work it out."""
    product = "cast(amount as decimal(22, 10)) * cast(rate as decimal(15, {digits}))"
    return (
        f"case when rate >= 100 then {product.format(digits=8)}"
        f" when rate < 0.001 then {product.format(digits=15)}"
        f" else {product.format(digits=12)} end"
    )


def _shapes(question: Question) -> str:
    """Return the query's end: rows, bars of the chart, and the total of either."""
    is_series = question.then is not None and question.then.is_time
    by_bar = _shortened("by", MOST_SERIES if is_series else MOST_BARS, question.by)
    then_bar = _shortened("then", MOST_SERIES, question.then)
    sums = "sum(amount), sum(prior), cast(sum(charge_count) as bigint)"
    order = "by_value desc," if question.by.is_time else ""
    return f"""
        sums as materialized (
            select
                by_value,
                then_value,
                cast(coalesce(sum(amount) filter (
                    list_contains($months, billing_month)), 0) as decimal(28, 10)
                ) as amount,
                cast(coalesce(sum(amount) filter (
                    list_contains($prior_months, billing_month)), 0) as decimal(28, 10)
                ) as prior,
                cast(coalesce(sum(charge_count) filter (
                    list_contains($months, billing_month)), 0) as bigint
                ) as charge_count
            from counted
            group by by_value, then_value
        ),
        {_ranks("by")},
        {_ranks("then")},
        ranked as (
            select * from sums
            join by_ranks using (by_value) join then_ranks using (then_value)
        ),
        shapes as (
            select 'row' as kind, by_value, then_value, amount, prior, charge_count,
                by_rank, then_rank
            from ranked
            union all
            select 'bar', {by_bar}, {then_bar}, {sums}, min(by_rank), min(then_rank)
            from ranked group by 2, 3
            union all
            select 'total', null, null, {sums}, 0, 0 from sums
        )
        select
            *,
            amount - prior as change,
            {ratio("(amount - prior)", "abs(prior)")} as change_ratio,
            {ratio("amount", "(select sum(amount) from sums)")} as share_ratio
        from shapes
        order by kind, {order} case when kind = 'row' then amount end desc, by_rank,
            then_rank
    """


def _ranks(name: str) -> str:
    return f"""
        {name}_ranks as (
            select {name}_value, row_number() over (
                order by abs(sum(amount)) desc, {name}_value
            ) as {name}_rank
            from sums group by {name}_value
        )
    """


def _shortened(name: str, most: int, dimension: Dimension | None) -> str:
    if dimension is None or dimension.is_time:
        return f"{name}_value"
    return f"case when {name}_rank <= {most} then {name}_value else '{OTHER}' end"
