"""State of a workspace according to the published run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.shared.published import has_mart, one, per_run, rows
from dashboard.shared.selection_queries import currencies, run
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import query

if TYPE_CHECKING:
    from decimal import Decimal

    from triptych.core.measures.query import Query
    from triptych.core.warehouse.reader import Snapshot

#: Test for a row in each mart. Without the mart there is none.
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
    """Data present in a workspace.

    Attributes
    ----------
    months, sources : int
        Months with charges, and sources that brought them.
    ai_cost, not_ai_cost : Decimal
        Amortised cost in scope and outside of it, over all months [currency].
    ai_tax, ai_credits : Decimal or None
        Of what is in scope; with both costs they are the whole of the bills [currency].
    model_share, owner_share : float or None
        Share of AI cost before tax and credits that is on named models, and that has a
        cost centre or team.
    other_currencies : tuple of str
        Currencies of charges that no figure in the organisation's own includes.
    has_meters, has_pools, ... : bool or None
        None if the run has no such mart: an older run, or a restricted view of it.
    """

    currency: str
    months: int
    sources: int
    ai_cost: Decimal | None
    not_ai_cost: Decimal | None
    ai_tax: Decimal | None
    ai_credits: Decimal | None
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
    """Return the state of a workspace before anything is published."""
    return Standing(
        currency,
        *(0, 0),
        ai_cost=None,
        not_ai_cost=None,
        ai_tax=None,
        ai_credits=None,
        model_share=None,
        owner_share=None,
        other_currencies=(),
        **dict.fromkeys(_ASKED, False),
    )


@per_run
def standing(snapshot: Snapshot) -> Standing:
    """Return the state of a workspace."""
    currency = run(snapshot).currency
    counts = _measured(snapshot, query("charged_months", "charging_sources"))[0]
    shares = ("ai_cost_of_models_ratio", "ai_cost_of_owners_ratio")
    # Shares of a single currency: if it has none yet, of the first currency available.
    by_currency = _measured(snapshot, query("ai_cost", *shares, by=("currency",)))
    by_currency.sort(key=lambda row: row["currency"] != currency)
    shown = by_currency[0] if by_currency else dict.fromkeys(("currency", *shares))
    beyond = {"step": ("out_of_scope", "tax", "credit"), "currency": currency}
    asked = query("step_effective_cost", by=("step",), where=beyond)
    steps = {
        row["step"]: row["step_effective_cost"] for row in _measured(snapshot, asked)
    }
    return Standing(
        currency=currency,
        months=counts["charged_months"],
        sources=counts["charging_sources"],
        ai_cost=shown["ai_cost"] if shown["currency"] == currency else None,
        not_ai_cost=steps.get("out_of_scope"),
        ai_tax=steps.get("tax"),
        ai_credits=steps.get("credit"),
        model_share=shown[shares[0]],
        owner_share=shown[shares[1]],
        other_currencies=tuple(
            each for each in currencies(snapshot) if each != currency
        ),
        **_answers(snapshot),
    )


def _measured(snapshot: Snapshot, asked: Query) -> list[dict[str, Any]]:
    """Return the rows of a query of measures."""
    return rows(snapshot, compile_query(asked))


def _answers(snapshot: Snapshot) -> dict[str, Any]:
    """Ask all marts that the run has at once: the menu of every page waits for it."""
    questions = [
        f"exists (select 1 from {mart} where {condition}) as {name}"
        for name, (mart, condition) in _ASKED.items()
        if has_mart(snapshot, mart)
    ]
    answered = one(snapshot, f"select {', '.join(questions)}") if questions else {}
    return dict.fromkeys(_ASKED) | answered
