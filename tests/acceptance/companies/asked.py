"""Ask an assistant's desk for figures, by the names of the truth."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.acceptance.companies.readings import Reading, Readings
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY, STANDING, cost_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from triptych.core.measures.definition import Question
    from triptych.service.assistant.answers import AnsweredFigure

#: Listing and column → figure of the truth; labels in braces.
_NAMES = {
    ("spending", "effective_cost"): "{billing_month}.ai_cost.effective",
    ("spending", "billed_cost"): "{billing_month}.ai_cost.billed",
    ("model_id", "effective_cost"): "{billing_month}.model.{model_id}",
    ("team_id", "effective_cost"): "{billing_month}.team.{team_id}",
    ("platform_id", "effective_cost"): "{billing_month}.platform.{platform_id}",
    ("waterfall", "effective_cost"): "{billing_month}.{step}",
    ("budget", "budget_amount"): "{billing_month}.budget",
    ("budget", "variance_amount"): "{billing_month}.budget.variance",
    ("cost_drivers", "rate_amount"): "bridge.rate",
    ("cost_drivers", "correction_amount"): "bridge.corrections",
    ("unit_costs", "cost_per_thousand_requests"): (
        "{billing_month}.cost_per_thousand_requests.{model_id}"
    ),
    ("unit_costs", "token_cost_per_million_tokens"): (
        "{billing_month}.cost_per_million.tokens.{model_id}"
    ),
    ("unit_costs", "gpu_cost_per_gpu_hour"): (
        "{billing_month}.cost_per_gpu_hour.{model_id}"
    ),
    ("unit_costs", "requests"): "{billing_month}.requests.{model_id}",
    ("idle_gpus", "requested_idle_effective_cost"): "{billing_month}.idle.requested",
    ("idle_gpus", "infrastructure_idle_effective_cost"): (
        "{billing_month}.idle.infrastructure"
    ),
    ("delivery_costs", "cost_per_deployment"): (
        "{month}.cost_per_deployment.{scope_id}"
    ),
    ("velocity", "metric_value"): "{month}.{metric}",
    ("commitments", "remaining_amount"): "reservation.left",
    ("migration_costs", "cost_of_moving_amount"): "move.cost",
    ("migration_costs", "integration_labour_amount"): "move.labour",
    ("migration_costs", "break_even_months"): "move.payback_months",
}
_DIMENSIONS = ("model_id", "team_id", "platform_id")


def ask_assistant(root: Path, months: Sequence[str]) -> Readings:
    """Ask for each month, and once for what has none."""
    desk = Desk(root)
    readings: Readings = {}
    for month in months:
        for listing in MONTHLY:
            readings |= _ask(desk, listing, listing.name, month)
        for dimension in _DIMENSIONS:
            readings |= _ask(desk, cost_by(dimension), dimension, month)
    for listing in STANDING:
        readings |= _ask(desk, listing, listing.name, None)
    return readings


def _ask(desk: Desk, listing: Question, name: str, month: str | None) -> Readings:
    parameters: dict[str, str | None] = {}
    if name == "velocity":
        parameters = {"metric": None, "scope_kind": None}
    answer = desk.answer(listing, month=month, parameters=parameters)
    assert answer.refusal is None
    return {
        _NAMES[name, figure.name].format(**figure.labels): _reading(figure)
        for figure in answer.figures
        if (name, figure.name) in _NAMES
        and figure.labels.get("scope_kind") in {None, "model"}
    }


def _reading(figure: AnsweredFigure) -> Reading:
    value = None if figure.value is None else Decimal(figure.value)
    return Reading(value, figure.reason)
