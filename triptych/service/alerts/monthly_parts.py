"""Monthly parts of a digest: facts that change too slowly for each week."""

from __future__ import annotations

from typing import Final

from triptych.core.measures.compile import compile_relation
from triptych.core.measures.query import query
from triptych.service.alerts.part import Part

_YEAR: Final = compile_relation(
    query(
        *("outturn_cost", "budget_of_period"),
        by=("horizon", "period", "series", "model_id", "currency"),
        where={"horizon": "year", "series": "total"},
        labels=("budget_outlook", "outturn_cost_low", "outturn_cost_high"),
    ),
    {"outturn_cost": "outturn_cost", "budget_amount": "budget_of_period"},
)
_SLOWEST: Final = compile_relation(
    query(
        "quarterly_velocity_value",
        by=("quarter", "scope_kind", "scope_id", "metric"),
        where={"scope_kind": "team"},
        labels=("slowness_rank", "n_used"),
    ),
    {"seconds": "quarterly_velocity_value"},
)

MONTHLY_PARTS: Final = (
    Part(
        "Where the fiscal year ends",
        "SELECT *, outturn_cost_low AS low, outturn_cost_high AS high"
        f" FROM {_YEAR} ORDER BY currency",
        "{period}: {outturn_cost} of {budget_amount} {currency}, 90 % interval {low} to"
        " {high}; budget: {budget_outlook}.",
        "No fiscal year is forecast.",
        ("finance", "engineering"),
    ),
    Part(
        "What AI returned",
        "SELECT *, replace(line, '_', ' ') AS name FROM roi.mart_return_ladder"
        " WHERE scope_type = 'portfolio' AND \"window\" = 'to_date' AND is_sum"
        " ORDER BY currency, line_order",
        "To {until_month}, {name}: {amount} {currency}, 90 % interval {amount_low_90}"
        " to {amount_high_90}.",
        "No return has evidence of grade A or B.",
        ("finance",),
    ),
    Part(
        "Slowest to production",
        "SELECT *, seconds / 3600 AS hours, if(metric = 'change_lead_time', 'commit',"
        f" 'training') AS path FROM {_SLOWEST} WHERE slowness_rank = 1"
        " QUALIFY rank() OVER (ORDER BY quarter DESC) = 1 ORDER BY path",
        "{quarter}, from {path}: {scope_id}, {hours} h in the median (n = {n_used}).",
        "No team has five items in a quarter.",
        ("engineering",),
    ),
)
