"""Cost of tasks by agent, and by the part of the bill that each euro is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dashboard.shared.measured import measured_as, relation
from dashboard.shared.published import per_run, table
from triptych.core.measures.definition import definitions

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Part of the bill → its name on the page.
PARTS: Final = {
    "success": "First attempt, succeeded",
    "failure": "First attempt, failed",
    "retry": "Retries",
    "tool": "Tools",
    "evaluation": "Evaluations",
    "unknown": "No task or outcome",
    "idle": "Idle",
    "not_metered": "Not metered",
}
_TASKS: Final = {
    "success_count": "successful_tasks",
    "failed_count": "failed_tasks",
    "per_success": "cost_per_successful_task",
    "ended_cost": "ended_attempts_cost",
    "failure_cost": "failure_cost",
}


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """Tasks of a selection, and the cost of the models that served them."""

    cost: Decimal | None
    success_count: int | None
    failed_count: int | None
    per_success: float | None
    ended_cost: Decimal | None
    failure_cost: Decimal | None
    unmetered_ratio: float | None
    row_count: int

    @property
    def reason(self) -> str:
        """Reason for the absence of a cost per success."""
        return definitions().measure("cost_per_successful_task").unknown or ""


@per_run
def task_summary(snapshot: Snapshot, selection: Selection) -> TaskSummary:
    """Return the tasks of a selection with their cost."""
    names = {"cost": "task_models_cost", "unmetered_ratio": "unmetered_task_ratio"}
    return measured_as(TaskSummary, snapshot, selection, names | _TASKS)


@per_run
def task_costs(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return tasks and their cost by agent, dearest agent first."""
    agents = relation(selection, _TASKS, by=("agent",), months="chosen")
    return table(
        snapshot,
        f"""
        select agent, success_count, failed_count, per_success, ended_cost,
            failure_cost, $reason as reason
        from {agents} as agents
        where coalesce(ended_cost, failure_cost) is not null
        order by ended_cost desc nulls last, agent
        """,
        reason=definitions().measure("cost_per_successful_task").unknown or "",
    )


@per_run
def task_parts(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the parts that the cost of models with tasks consists of."""
    parts = relation(
        selection,
        {"amount": "task_models_cost"},
        by=("cost_part",),
        months="chosen",
        within=(),
    )
    names = ", ".join(f"'{part}': '{name}'" for part, name in PARTS.items())
    return table(
        snapshot,
        f"""
        select map {{{names}}}[cost_part] as part, amount, amount_share as share_ratio
        from {parts} as parts
        order by amount desc, part
        """,
    )
