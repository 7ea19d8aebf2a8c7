"""What a workspace has already, as far as the published run tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.shared.published import has_mart, one, per_run, ratio, rows
from dashboard.shared.selection_queries import currencies, run

if TYPE_CHECKING:
    from decimal import Decimal

    from triptych.core.warehouse.reader import Snapshot

#: What is asked of a mart: does it have such a row? Without the mart there is none.
_ASKED = {
    "has_meters": (
        "cost.mart_model_unit_costs",
        "coalesce(requests, input_tokens, output_tokens, gpu_hours) is not null",
    ),
    "has_pools": ("delivery.mart_accelerator_idle_costs", "true"),
    "has_commitments": ("cost.mart_commitments", "true"),
    "has_budget": ("cost.mart_budget_variance", "budget_amount is not null"),
    "has_deliveries": ("delivery.mart_velocity", "n_used > 0 or n_open > 0"),
    "has_outcomes": ("outcomes.mart_outcome_trends", "true"),
    "has_studies": ("attribution.studies", "true"),
    "has_assumptions": ("core.mart_assumptions", "is_approved"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there.

    Attributes
    ----------
    months, sources : int
        Months with charges, and sources that brought them.
    ai_cost, not_ai_cost : Decimal
        Amortised cost in scope and outside of it, over all months [currency].
    model_share, owner_share : float or None
        Share of AI cost before tax and credits that is on named models, and that has a
        cost centre or team.
    other_currencies : tuple of str
        Currencies of charges that no figure in the organisation's own includes.
    has_meters, has_pools, ... : bool or None
        None where the run has no such mart: an older one, or another's view of it.
    """

    currency: str
    months: int
    sources: int
    ai_cost: Decimal | None
    not_ai_cost: Decimal | None
    model_share: float | None
    owner_share: float | None
    other_currencies: tuple[str, ...]
    has_meters: bool | None
    has_pools: bool | None
    has_commitments: bool | None
    has_budget: bool | None
    has_deliveries: bool | None
    has_outcomes: bool | None
    has_studies: bool | None
    has_assumptions: bool | None


def nothing_yet(currency: str) -> Standing:
    """Return what a workspace has before anything is published."""
    return Standing(
        currency,
        *(0, 0),
        ai_cost=None,
        not_ai_cost=None,
        model_share=None,
        owner_share=None,
        other_currencies=(),
        **dict.fromkeys(_ASKED, False),
    )


@per_run
def standing(snapshot: Snapshot) -> Standing:
    """Return what a workspace has already."""
    currency = run(snapshot).currency
    cost = "sum(effective_cost)"
    spend = f"{cost} filter (is_ai_cost)"
    on_models = f"{cost} filter (model_id is not null)"
    on_owners = f"{cost} filter (coalesce(team_id, cost_center) is not null)"
    costs = one(
        snapshot,
        f"""
        with costs as (select * from cost.fct_daily_model_costs),
        -- Shares of one currency: with none of its own yet, of whatever there is.
        own as (
            select * from costs
            where currency = $currency
                or not exists (select 1 from costs where currency = $currency)
        )
        select
            (select count(distinct billing_month) from costs) as months,
            (select count(distinct source) from costs) as sources,
            {cost} filter (currency = $currency and is_ai_cost) as ai_cost,
            {ratio(f"coalesce({on_models}, 0)", spend)} as model_share,
            {ratio(f"coalesce({on_owners}, 0)", spend)} as owner_share
        from own
        """,
        currency=currency,
    )
    outside = rows(
        snapshot,
        "select sum(effective_cost) as amount from cost.mart_cost_waterfall"
        " where step = 'out_of_scope' and currency = $currency",
        currency=currency,
    )
    others = tuple(each for each in currencies(snapshot) if each != currency)
    return Standing(
        currency=currency,
        other_currencies=others,
        not_ai_cost=outside[0]["amount"],
        **costs,
        **_answers(snapshot),
    )


def _answers(snapshot: Snapshot) -> dict[str, Any]:
    """Ask all marts that the run has at once: the menu of every page waits for it."""
    questions = [
        f"exists (select 1 from {mart} where {condition}) as {name}"
        for name, (mart, condition) in _ASKED.items()
        if has_mart(snapshot, mart)
    ]
    answered = one(snapshot, f"select {', '.join(questions)}") if questions else {}
    return dict.fromkeys(_ASKED) | answered
