"""Cost of tasks: by agent, and by the parts of the bill that add up to it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from dashboard.pages.cost_by_model import task_queries
from tests.dashboard.data.test_unit_costs import EVERYTHING

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot


def test_a_successful_task_pays_for_the_attempts_that_failed(
    snapshot: Snapshot,
) -> None:
    """100 of first attempts, 30 of failed ones and 20 of a retry, for 9 successes."""
    (triage,) = task_queries.task_costs(snapshot, EVERYTHING).to_pylist()
    assert (triage["agent"], triage["success_count"]) == ("triage", 9)
    assert triage["per_success"] == pytest.approx(150 / 9)
    assert (triage["failed_count"], triage["failure_cost"]) == (1, 30)


def test_parts_add_up_to_the_cost_of_models_with_spans(snapshot: Snapshot) -> None:
    parts = task_queries.task_parts(snapshot, EVERYTHING).to_pylist()
    assert [(row["part"], row["amount"]) for row in parts] == [
        ("Not metered", Decimal(120)),
        ("First attempt, succeeded", Decimal(100)),
        ("First attempt, failed", Decimal(30)),
        ("Idle", Decimal(30)),
        ("Retries", Decimal(20)),
    ]
    summary = task_queries.task_summary(snapshot, EVERYTHING)
    assert summary.cost == Decimal(300)
    assert summary.unmetered_ratio == pytest.approx(0.4)
