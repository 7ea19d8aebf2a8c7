"""Cost of a unit of work, with its numerator and its denominator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from dashboard.pages.cost_by_model.queries import NAMES, TREND_MONTHS
from dashboard.shared.measured import measured, measured_row, relation
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import Selection, run

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot


Unit = Literal["1,000 requests", "1M tokens", "GPU-hour"]
#: Reason for which a model has a cost in a scope, and no unit cost.
MOVED = "changed owner in a month"
_MEASURES = {
    "cost": "unit_numerator",
    "quantity": "unit_quantity",
    "unit_cost": "unit_cost",
}


@dataclass(frozen=True, slots=True)
class UnitSummary:
    """Cost per unit over all metered models of a selection."""

    cost: Decimal | None
    quantity: Decimal | None
    unit_cost: float | None
    prior_unit_cost: float | None
    change_ratio: float | None
    metered_model_count: int
    model_count: int
    metered_cost_ratio: float | None
    #: Idle capacity that is charged to no model, and the unit cost with it; ``None``
    #: for a scope, since nobody knows how much of it belongs there.
    idle_cost: Decimal | None = None
    unit_cost_with_idle: float | None = None
    #: Currencies without an exchange rate in which models of the period have cost: that
    #: cost is in no numerator, and the units served for it alone in no denominator.
    unconverted: tuple[str, ...] = ()
    #: Models without a unit cost because only a part of their month is in scope.
    moved_model_count: int = 0
    #: Days that are metered of the days with cost, where a model's month has fewest.
    day_count: int | None = None
    cost_day_count: int | None = None
    #: Reason for which a model that is metered on few days has no unit cost.
    refused: str | None = None

    @property
    def left_out(self) -> str:
        """Cost left out on both sides of the ratio, in words; no lower bound."""
        if not self.unconverted:
            return ""
        return f"not complete: cost in {' and '.join(self.unconverted)} left out"

    @property
    def metered_days(self) -> str:
        """The days that are metered, in words; nothing where all are."""
        if not self.cost_day_count or self.day_count == self.cost_day_count:
            return ""
        least = "at the least " if self.metered_model_count > 1 else ""
        return f"metered on {least}{self.day_count} of {self.cost_day_count} days"

    @property
    def without_requests(self) -> str:
        """Reason for the absence of a cost per request, in a sentence."""
        if self.refused:
            return f"Requests are {self.refused}, too few for a cost."
        moved = ", or of a model for its owner alone" if self.moved_model_count else ""
        return f"No requests are metered in this period{moved}: add a source of usage."


@per_run
def unit_costs(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit by model with its numerator and denominator.

    Only months in which the model was metered on enough days, and all of it is of the
    scope, are in it. ``coverage_ratio`` is the lowest of the months.
    """
    models, where = ("model_id",), {"unit": unit}
    now = relation(
        selection,
        {
            "model_cost": "known_model_cost",
            "cost": "unit_numerator",
            "quantity": "counted_quantity",
            "coverage_ratio": "least_coverage",
        },
        by=models,
        where=where,
        months="chosen",
        labels=("meter_reason", "has_moved"),
    )
    units = relation(selection, {"unit_cost": "unit_cost"}, by=models, where=where)
    return table(
        snapshot,
        f"""
        with {NAMES}
        select
            model_id,
            coalesce(names.model, model_id) as model,
            unit_cost,
            now.cost,
            now.quantity,
            coverage_ratio,
            unit_cost_prior as prior_unit_cost,
            unit_cost_change_ratio as change_ratio,
            model_cost,
            case when unit_cost is null then coalesce(
                meter_reason,
                case when has_moved then '{MOVED}' end,
                'not metered'
            ) end as reason
        from {now} as now
        inner join {units} as units using (model_id)
        left join names using (model_id)
        where model_cost is not null
        order by unit_cost is null, model_cost desc, model_id
        """,
    )


@per_run
def unit_summary(snapshot: Snapshot, selection: Selection, unit: Unit) -> UnitSummary:
    """Return cost per unit over all metered models together.

    If a part of either period has no exchange rate, there is no change.
    """
    row = measured_row(
        snapshot,
        selection,
        {
            **_MEASURES,
            "metered_cost_ratio": "metered_cost_ratio",
            "metered_model_count": "metered_models",
            "model_count": "charged_count",
        },
        {"unit": unit},
    )
    reasons = unit_costs(snapshot, selection, unit)["reason"].to_pylist()
    refused = [each for each in reasons if each and each.startswith("metered on")]
    now, is_comparable = _unconverted(snapshot, selection)
    return UnitSummary(
        cost=row["cost"],
        quantity=row["quantity"],
        unit_cost=row["unit_cost"],
        prior_unit_cost=row["unit_cost_prior"] if is_comparable else None,
        change_ratio=row["unit_cost_change_ratio"] if is_comparable else None,
        metered_model_count=row["metered_model_count"],
        model_count=row["model_count"],
        metered_cost_ratio=row["metered_cost_ratio"],
        unconverted=now,
        moved_model_count=reasons.count(MOVED),
        refused=max(refused, default=None),
        **_least_metered(snapshot, selection, unit),
        **_with_idle(snapshot, selection, unit),
    )


@per_run
def unit_trend(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit, cost and quantity by month, over all metered models."""
    by_month = relation(
        selection,
        {**_MEASURES, "metered_model_count": "metered_models"},
        by=("billing_month",),
        where={"unit": unit},
        months="all",
        conditions=("billing_month <= $until", "model_id is not null"),
        order="billing_month DESC",
        limit=TREND_MONTHS,
    )
    return table(
        snapshot,
        f"select * from {by_month} order by billing_month",
        until=max(selection.period.months),
    )


def _least_metered(
    snapshot: Snapshot, selection: Selection, unit: Unit
) -> dict[str, Any]:
    """Return the days metered and with cost of the month with the lowest coverage."""
    rows = measured(
        snapshot,
        selection,
        {"coverage": "least_coverage"},
        by=("model_id", "billing_month"),
        where={"unit": unit},
        months="chosen",
        conditions=("unit_reason is null",),
        labels=("day_count", "cost_day_count"),
    ).to_pylist()
    known = [row for row in rows if row["day_count"] is not None]
    least = min(known, key=lambda row: (row["coverage"], row["day_count"]), default={})
    return {name: least.get(name) for name in ("day_count", "cost_day_count")}


def _with_idle(snapshot: Snapshot, selection: Selection, unit: Unit) -> dict[str, Any]:
    """Return GPUs of nobody, which serve nothing, and the unit cost with them.

    Of a scope it is not known how much of them is its own.
    """
    if not selection.covers_everything or unit == "1M tokens":
        return {}
    amortised = replace(selection, basis="Amortised")
    idle = measured_row(
        snapshot, amortised, {"cost": "unowned_idle_cost"}, months="chosen"
    )["cost"]
    if idle is None:
        return {}
    names = {"unit_cost_with_idle": "unit_cost_with_idle"}
    row = measured_row(snapshot, selection, names, {"unit": unit}, "chosen")
    return {"idle_cost": idle, **row}


def _unconverted(
    snapshot: Snapshot, selection: Selection
) -> tuple[tuple[str, ...], bool]:
    """Return currencies of the scope without a rate, and whether none is compared."""
    rows = measured(
        snapshot,
        selection,
        {"cost": "known_model_cost"},
        by=("currency",),
        where={"unit": "1,000 requests"},
    ).to_pylist()
    converted = (selection.currency, run(snapshot).currency)
    lacking = [row for row in rows if row["currency"] not in converted]
    now = (row["currency"] for row in lacking if row["cost_rows"])
    return tuple(now), not lacking
