"""What a weekly digest says: one query for each part, over the public marts.

A part is a sentence for each row. Amounts of two currencies stand in two rows, and what
lacks charges is called a lower bound. Which parts an audience gets is written with
each; what its role may not see is not there either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb

from triptych.service.alerts.conditions import OWNER, SERVICE, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.warehouse.reader import Snapshot

#: A bill is daily with charges on most of its last four weeks. The weeks end with the
#: one that has come least far, so that a late bill is no fall of cost. One that is two
#: weeks later than another holds nothing back, and is in neither week.
_BILLS: Final = (
    "days AS (SELECT DISTINCT source, charge_date FROM cost.fct_daily_model_costs),"
    " daily AS (SELECT source, last_day FROM days JOIN (SELECT source,"
    " max(charge_date) AS last_day FROM days GROUP BY source) USING (source)"
    " WHERE charge_date > last_day - 28 GROUP BY ALL HAVING count(*) >= 20),"
    " bills AS (SELECT *, max(last_day) OVER () AS latest,"
    " last_day <= latest - 14 AS is_late, last_day > latest - 45 AS is_awaited"
    " FROM daily)"
)
_COSTS: Final = (
    "(SELECT *, coalesce((SELECT min(last_day) FROM bills WHERE NOT is_late),"
    " (SELECT max(charge_date) FROM days)) AS newest,"
    " (SELECT min(charge_date) FROM days) AS oldest FROM"
    " cost.fct_daily_model_costs WHERE is_ai_cost"
    " AND source NOT IN (SELECT source FROM bills WHERE is_late)"
    " AND ($team IS NULL OR team_id = $team))"
)
#: Which bills the weeks waited for, and which they lack.
_NOTE: Final = (
    "concat((SELECT ' Later days are left out; billed to ' || last_day || ' only: ' ||"
    " string_agg(source, ', ' ORDER BY source) || '.' FROM bills WHERE last_day ="
    " newest AND last_day < latest GROUP BY last_day), (SELECT ' Not included: ' ||"
    " string_agg(source || ', billed to ' || last_day, '; ' ORDER BY source)"
    " || '.' FROM bills WHERE is_late AND is_awaited)) AS note"
)
_THIS_WEEK: Final = "charge_date <= newest AND charge_date > newest - 7"
_WEEK_BEFORE: Final = "charge_date <= newest - 7 AND charge_date > newest - 14"
_MONTH: Final = (
    "(SELECT max(billing_month) FROM cost.fct_daily_model_costs"
    " WHERE charge_date = (SELECT max(charge_date) FROM cost.fct_daily_model_costs))"
)
_BUDGETS: Final = (
    "SELECT billing_month, CASE scope_type WHEN 'all' THEN 'all' ELSE"
    " concat_ws(' ', replace(scope_type, 'cost_center', 'cost centre'), scope_id) END"
    " AS subject, currency, actual_cost, budget_amount, state"
    f" FROM cost.mart_budget_variance WHERE billing_month = {_MONTH}"
)
_BUDGET: Final = (
    "{billing_month}, {subject}: {actual_cost} of {budget_amount} {currency} ({state})."
)
_END_OF_MONTH: Final = "last_day(CAST(period || '-01' AS DATE))"
_HAS_WEEK_BEFORE: Final = "oldest <= newest - 13"


def _bound(figure: str, days_ago: int) -> str:
    """Return SQL of the words before a week's figure, of which money may be missing.

    As on pages, what is missing matters if its amount is not known or is a material
    part of the figure.
    """
    return (
        "if((SELECT bool_or(missing_amount IS NULL OR lacks.currency <> weeks.currency)"
        " OR sum(missing_amount) >= (SELECT materiality_ratio FROM core.mart_run)"
        f" * abs(weeks.{figure}) FROM core.mart_month_completeness AS lacks"
        " WHERE NOT is_complete AND billing_month BETWEEN"
        f" strftime(last_day - {days_ago + 6}, '%Y-%m') AND"
        f" strftime(last_day - {days_ago}, '%Y-%m')), 'at least ', '')"
    )


_EVERYBODY: Final = ("finance", "engineering", "team")


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with a sentence for each row of a query.

    Attributes
    ----------
    sql : str
        May name ``$team``, which is NULL where the digest is of no team.
    text : str
        A sentence with names of columns in braces.
    nothing : str
        What is said where there is no row.
    """

    heading: str
    sql: str
    text: str
    nothing: str
    audiences: tuple[str, ...] = _EVERYBODY


PARTS: Final = (
    Part(
        "Seven days",
        f"WITH {_BILLS}, weeks AS (SELECT currency, CAST(greatest(newest - 6, oldest)"
        " AS DATE) AS first_day, newest AS last_day,"
        f" sum(effective_cost) FILTER ({_THIS_WEEK}) AS cost,"
        f" if({_HAS_WEEK_BEFORE}, coalesce(sum(effective_cost) FILTER"
        f" ({_WEEK_BEFORE}), 0), NULL) AS cost_before, {_NOTE}"
        f" FROM {_COSTS} GROUP BY currency, newest, oldest"
        f" HAVING count(*) FILTER ({_THIS_WEEK}) > 0)"
        f" SELECT *, {_bound('cost', 0)} AS bound, if(cost_before IS NULL, '',"
        f" {_bound('cost_before', 7)}) AS bound_before,"
        " if(cost_before IS NULL, '', ' ' || currency) AS currency_before"
        " FROM weeks ORDER BY currency",
        "{first_day} to {last_day}: {bound}{cost} {currency}, amortised, before tax and"
        " credits; the seven days before: {bound_before}{cost_before}{currency_before}."
        "{note}",
        "No charge was read for the newest seven days.",
    ),
    Part(
        "Largest changes",
        f"WITH {_BILLS} SELECT * FROM (SELECT coalesce(model_id, 'no model')"
        " AS subject, currency,"
        f" coalesce(sum(effective_cost) FILTER ({_THIS_WEEK}), 0) AS cost,"
        f" coalesce(sum(effective_cost) FILTER ({_WEEK_BEFORE}), 0) AS cost_before"
        f" FROM {_COSTS} WHERE {_HAS_WEEK_BEFORE} GROUP BY ALL)"
        " WHERE cost <> cost_before ORDER BY abs(cost - cost_before) DESC, subject"
        " LIMIT 5",
        "{subject}: {cost} {currency} after {cost_before} {currency}.",
        "No model costs more or less than in a week before that is known.",
    ),
    Part(
        "Budget",
        f"{_BUDGETS} AND scope_type IN ('all', 'team', 'cost_center')"
        " ORDER BY scope_type, scope_id",
        _BUDGET,
        "No budget of this month is of all AI, a team or a cost centre.",
        ("finance", "engineering"),
    ),
    Part(
        "Budget",
        f"{_BUDGETS} AND scope_type = 'team' AND scope_id = $team",
        _BUDGET,
        "The team has no budget for this month.",
        ("team",),
    ),
    Part(
        "Where the month ends",
        "SELECT period, currency, if(series = 'total', 'all', coalesce(model_id,"
        " series)) AS subject, outturn_cost, outturn_cost_low AS low,"
        " outturn_cost_high AS high, budget_outlook FROM cost.mart_cost_outturns"
        " AS found WHERE horizon = 'month' AND"
        " if($team IS NULL, series = 'total',"
        f" {OWNER.format(day=_END_OF_MONTH)} = $team)"
        " ORDER BY outturn_cost DESC",
        "{period}, {subject}: {outturn_cost} {currency} expected, 90 % interval {low}"
        " to {high}; budget: {budget_outlook}.",
        "No month is forecast.",
    ),
    Part(
        "Months that do not reconcile",
        "SELECT billing_month, string_agg(source || ': ' || reason, ' ' ORDER BY"
        " source) AS reason FROM cost.mart_period_reconciliation WHERE state ="
        " 'not_reconciled' GROUP BY billing_month ORDER BY billing_month",
        "{billing_month}: {reason}",
        "Every month with its invoices reconciles.",
        ("finance",),
    ),
    Part(
        "Cost of no model, this month",
        f"SELECT currency, {SERVICE} AS subject,"
        " sum(effective_cost) AS cost FROM cost.mart_unallocated_causes"
        f" WHERE billing_month = {_MONTH} GROUP BY ALL HAVING round(cost, 2) <> 0"
        " ORDER BY cost DESC LIMIT 5",
        "{subject}: {cost} {currency}.",
        "Every charge of the month belongs to a model, a pool or overhead.",
        ("finance", "engineering"),
    ),
    Part(
        "Idle accelerators, this month",
        "SELECT pool_id, currency, sum(total_effective_cost) AS cost,"
        " sum(requested_idle_effective_cost + infrastructure_idle_effective_cost)"
        " AS idle_cost FROM delivery.mart_accelerator_idle_costs WHERE billing_month ="
        f" {_MONTH} AND ($team IS NULL OR team_id = $team)"
        " GROUP BY ALL ORDER BY idle_cost DESC",
        "Pool {pool_id}: {idle_cost} of {cost} {currency} paid for nothing that ran.",
        "No pool of accelerators is metered this month.",
        ("engineering", "team"),
    ),
    Part(
        "Stale sources",
        "SELECT source, max(newest_evidence_at) AS newest FROM"
        " core.mart_source_freshness WHERE is_stale GROUP BY source ORDER BY source",
        "{source}: newest evidence of {newest}.",
        "Every source is as fresh as expected.",
        ("finance", "engineering"),
    ),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its sentences."""

    heading: str
    lines: tuple[str, ...]


def read_sections(snapshot: Snapshot, audience: str, team: str | None) -> list[Section]:
    """Return what a run says to an audience.

    Parameters
    ----------
    snapshot : Snapshot
        The run, as the audience may see it.
    audience : {'finance', 'engineering', 'team'}
        For whom.
    team : str, optional
        Which team, where it is for one.
    """
    return [
        Section(part.heading, tuple(_lines(snapshot, part, {"team": team})))
        for part in PARTS
        if audience in part.audiences
    ]


def _lines(
    snapshot: Snapshot, part: Part, given: Mapping[str, str | None]
) -> list[str]:
    used = dict(given) if "$team" in part.sql else {}
    try:
        rows = snapshot.query(part.sql, used).to_pylist()
    except duckdb.CatalogException:
        return ["This run has nothing to say about it."]
    lines = [
        part.text.format_map({name: written(value) for name, value in row.items()})
        for row in rows
    ]
    return lines or [part.nothing]
