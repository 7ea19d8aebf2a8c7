"""Parts of a weekly digest: a query for each, over the public marts.

A part is a sentence for each row. Amounts of two currencies are in two rows, and a
figure that lacks charges is called a lower bound. The audiences are written with each
part; data that a role may not see is not there either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Unpack

import duckdb

from triptych.core.measures.compile import compile_relation
from triptych.core.measures.query import query
from triptych.service.alerts.conditions import OWNER, RED_MONTHS, SERVICE, written
from triptych.service.alerts.monthly_parts import MONTHLY_PARTS
from triptych.service.alerts.part import Part
from triptych.service.health import STALE_SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.measures.query import Options
    from triptych.core.warehouse.reader import Snapshot

#: Rows of the digest's team, or all where it is of none.
_OF_TEAM: Final = "($team IS NULL OR team_id = $team)"
#: Bills that the weeks waited for, and bills they lack.
_NOTE: Final = (
    "concat(' Later days are left out; billed to ' || last_day || ' only: ' ||"
    " waited_for_sources || '.', ' Not included: ' || excluded_sources || '.') AS note"
)
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


def _measured(names: Mapping[str, str], *by: str, **options: Unpack[Options]) -> str:
    """Return SQL in brackets of measures by column, for a part to read."""
    return compile_relation(query(*names.values(), by=by, **options), names)


def _bound(figure: str, missing: str) -> str:
    """Return SQL of the words before a week's figure, of which money may be missing.

    As on pages, missing money matters if its amount is not known or is a material part
    of the figure.
    """
    return (
        f"if({figure} IS NULL OR {missing} = 0 OR {missing} <"
        f" (SELECT materiality_ratio FROM core.mart_run) * abs({figure}), '',"
        " 'at least ')"
    )


_WEEKS: Final = _measured(
    {"cost": "week_cost", "cost_before": "week_before_cost"},
    "currency",
    labels=(
        *("first_day", "last_day", "missing_amount", "prior_missing_amount"),
        *("waited_for_sources", "excluded_sources"),
    ),
    conditions=(_OF_TEAM,),
)
_CHANGES: Final = _measured(
    {"cost": "week_cost", "cost_before": "week_before_cost", "change": "week_change"},
    *("model_id", "currency"),
    conditions=(_OF_TEAM,),
)
_OF_NO_MODEL: Final = _measured(
    {"cost": "unallocated_service_cost"},
    *("currency", "provider", "service_name"),
    conditions=(f"billing_month = {_MONTH}",),
)
_POOLS: Final = _measured(
    {"cost": "pool_part_cost", "idle_cost": "pool_part_idle_cost"},
    *("pool_id", "currency"),
    conditions=(f"billing_month = {_MONTH}", _OF_TEAM),
)

PARTS: Final = (
    Part(
        "Seven days",
        f"SELECT *, {_NOTE}, {_bound('cost', 'missing_amount')} AS bound,"
        f" {_bound('cost_before', 'prior_missing_amount')} AS bound_before,"
        " if(cost_before IS NULL, '', ' ' || currency) AS currency_before"
        f" FROM {_WEEKS} ORDER BY currency",
        "{first_day} to {last_day}: {bound}{cost} {currency}, amortised, before tax and"
        " credits; the seven days before: {bound_before}{cost_before}{currency_before}."
        "{note}",
        "No charge was read for the newest seven days.",
    ),
    Part(
        "Largest changes",
        "SELECT coalesce(model_id, 'no model') AS subject, currency, cost, cost_before"
        f" FROM {_CHANGES} WHERE change <> 0"
        " ORDER BY abs(change) DESC, subject LIMIT 5",
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
        f"{RED_MONTHS} ORDER BY billing_month",
        "{billing_month}: {reason}",
        "Every month with its invoices reconciles.",
        ("finance",),
    ),
    Part(
        "Cost of no model, this month",
        f"SELECT currency, {SERVICE} AS subject, cost FROM {_OF_NO_MODEL}"
        " WHERE round(cost, 2) <> 0 ORDER BY cost DESC LIMIT 5",
        "{subject}: {cost} {currency}.",
        "Every charge of the month belongs to a model, a pool or overhead.",
        ("finance", "engineering"),
    ),
    Part(
        "Idle accelerators, this month",
        f"FROM {_POOLS} ORDER BY idle_cost DESC",
        "Pool {pool_id}: {idle_cost} of {cost} {currency} paid for nothing that ran.",
        "No pool of accelerators is metered this month.",
        ("engineering", "team"),
    ),
    Part(
        "Stale sources",
        STALE_SOURCES,
        "{source}: newest evidence of {newest_evidence_at}.",
        "Every source is as fresh as expected.",
        ("finance", "engineering"),
    ),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its sentences."""

    heading: str
    lines: tuple[str, ...]


def read_sections(
    snapshot: Snapshot, audience: str, team: str | None, *, is_first: bool = False
) -> list[Section]:
    """Return the digest sections of a run for an audience.

    Parameters
    ----------
    snapshot : Snapshot
        The run, as the audience may see it.
    audience : {'finance', 'engineering', 'team'}
        For whom.
    team : str, optional
        Team of the audience, if it is a team.
    is_first : bool
        With the parts of the first digest of a month.
    """
    return [
        Section(part.heading, tuple(_lines(snapshot, part, {"team": team})))
        for part in (*PARTS, *(MONTHLY_PARTS if is_first else ()))
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
