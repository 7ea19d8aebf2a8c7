"""Write ``sample/truth.yml``: the planted facts, for tests to compare.

Amounts of bills are exact, at ten decimals. Amounts divided by a meter are right to a
millionth. The pipeline never reads this file.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ingest.sample_company import outcomes as effects
from ingest.sample_company.anomalies import planted_in
from ingest.sample_company.commitments import burnt_down
from ingest.sample_company.deciding_figures import (
    millionths,
    monthly_fees,
    prepayments,
    served,
    token_costs,
)
from ingest.sample_company.delivery.people import FIREFIGHTING
from ingest.sample_company.delivery.truth import delivery_truth
from ingest.sample_company.formats.yaml_text import to_yaml
from ingest.sample_company.latency import over_threshold_share, p95_to_threshold
from ingest.sample_company.money import to_decimal
from ingest.sample_company.splits import DRIVERS, FIXED_PERCENTAGES, split_pools
from ingest.sample_company.timeline import HOURS_PER_DAY
from ingest.sample_company.workspace.registers import (
    Spending,
    budgets,
    missing_invoice_month,
    phase_totals,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.charges import Charge
    from ingest.sample_company.delivery.events import Delivery
    from ingest.sample_company.ledger import Ledger, Total
    from ingest.sample_company.metering import Meters
    from ingest.sample_company.splits import PoolMonth
    from ingest.sample_company.timeline import Phase, Timeline

#: A single row of each source cannot be read, and is counted, not used.
QUARANTINED: Final = {
    "aws": ("focus", "unknown_currency"),
    "gcp": ("gcp_billing_export", "cost_unreadable"),
    "tidewater": ("focus", "BilledCost_unreadable"),
    "railway": ("railway_usage", "negative_quantity"),
    "openai": ("llm_provider_costs", "amount_unreadable"),
    "anthropic": ("llm_provider_costs", "amount_unreadable"),
    "gateway": ("llm_usage", "input_tokens_unreadable"),
    "cluster": ("opencost_allocation", "negative_quantity"),
    "prometheus": ("model_usage", "negative_quantity"),
    "ecb": ("fx_rates", "rate_unreadable"),
    "accelerators": ("accelerator_usage", "pool_id_missing"),
    "mixed-gpus": ("accelerator_usage", "pool_id_missing"),
    "usage-gpu": ("model_usage", "negative_quantity"),
    "usage-daily": ("model_usage", "period_start_unreadable"),
    "rates": ("fx_rates", "rate_not_positive"),
    "invoices": ("invoices", "invoiced_amount_unreadable"),
    "outcomes": ("outcomes", "unit_missing"),
    "processes": ("process_volumes", "volume_unreadable"),
    "commitments": ("commitments", "unknown_commitment_type"),
    "events": ("commits", "source_system_missing"),
    "github": ("deployments", "event_time_unreadable"),
    "argocd": ("deployments", "event_time_unreadable"),
    "incidents": ("incidents", "unknown_status"),
    "training-runs": ("training_runs", "unknown_status"),
    "model-versions": ("model_versions", "model_version_missing"),
    "worklogs": ("worklogs", "negative_quantity"),
    "headcount": ("headcount", "team_id_missing"),
    "survey": ("survey_responses", "value_off_the_scale"),
}

_Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the truth is written from."""

    timeline: Timeline
    charges: tuple[tuple[Charge, ...], ...]
    ledger: Ledger
    meters: Meters
    outcomes: effects.Outcomes
    delivery: Delivery
    spending: Spending
    seed: int
    scale: float
    row_counts: dict[str, int]


def write_truth(path: Path, facts: Facts) -> None:
    """Write the planted truth."""
    split = split_pools(facts.ledger, facts.meters, facts.timeline)
    content: _Tree = {
        "organisation": {
            "seed": facts.seed,
            "scale": facts.scale,
            "months": [month.label for month in facts.timeline.months],
        },
        "ledger": _ledger(facts.ledger),
        "components": _components(facts),
        "direct": _direct(facts.ledger),
        "pools": _pools(split),
        "token_costs": token_costs(split, facts.ledger, facts.meters, facts.timeline),
        "monthly_fees": monthly_fees(facts.ledger),
        "prepayments": prepayments(facts.charges),
        "served": served(facts.meters, facts.timeline),
        "fixed_percentages": dict(FIXED_PERCENTAGES),
        "quarantined": _quarantined(),
        "row_counts": facts.row_counts,
        "missing_invoice": {
            "source": "gcp",
            "billing_month": missing_invoice_month(facts.timeline).label,
        },
        "commitments": burnt_down(facts.ledger, facts.timeline),
        "phases": _phases(facts),
        "budgets": _budgets(facts),
        "effects": _effects(facts),
        "anomalies": _anomalies(facts),
        "delivery": delivery_truth(facts.delivery),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEADER + to_yaml(content), encoding="utf-8")


_HEADER: Final = """\
# The planted truth of the sample company. Everything in it is made up.
# ledger, components, direct, commitments: exact. pools: right to 0.000001.
"""


def _tree() -> defaultdict[str, Any]:
    return defaultdict(_tree)


def _plain(tree: Any) -> Any:  # noqa: ANN401  (a tree of any depth)
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    return tree


def _amounts(total: Total) -> _Tree:
    return {
        "line_items": total.line_count,
        "billed_cost": to_decimal(total.billed),
        "effective_cost": to_decimal(total.effective),
    }


def _ledger(ledger: Ledger) -> _Tree:
    tree = _tree()
    for (source, month, currency), total in sorted(ledger.totals.items()):
        tree[source][month][currency] = _amounts(total)
    return dict(_plain(tree))


def _components(facts: Facts) -> _Tree:
    """Return each component in EUR; exact, see ``charges``."""
    tree = _tree()
    for source, month, currency, component in sorted(facts.ledger.components):
        euros = facts.ledger.component_euros(source, month, currency, component)
        tree[source][month][component] = _pair(euros)
    return dict(_plain(tree))


def _direct(ledger: Ledger) -> _Tree:
    """Return direct cost in EUR by kind of owner, owner and month."""
    tree = _tree()
    for month, _, kind, target in sorted(ledger.direct):
        tree[f"{kind}s"][target][month] = _pair(
            ledger.direct_euros(kind, target, month)
        )
    return dict(_plain(tree))


def _pair(euros: tuple[int, int]) -> _Tree:
    billed, effective = euros
    return {"billed_cost": to_decimal(billed), "effective_cost": to_decimal(effective)}


def _pools(split: dict[str, dict[str, PoolMonth]]) -> _Tree:
    return {
        pool: {
            "driver": DRIVERS[pool],
            "months": {month: _pool_month(part) for month, part in months.items()},
        }
        for pool, months in split.items()
    }


def _pool_month(part: PoolMonth) -> _Tree:
    return {
        "billed_cost": to_decimal(part.billed),
        "effective_cost": to_decimal(part.effective),
        "idle": {
            "billed_cost": millionths(part.idle_billed),
            "effective_cost": millionths(part.idle_effective),
        },
        "models": {
            model: {
                "weight": millionths(part.weights[model]),
                "billed_cost": millionths(part.model_billed[model]),
                "effective_cost": millionths(part.model_effective[model]),
            }
            for model in sorted(part.weights)
            if part.weights[model]
        },
        "kinds": {
            kind: {name: millionths(cost) for name, cost in parts.items() if cost}
            for kind, parts in part.kinds.items()
            if kind
        },
    }


def _quarantined() -> _Tree:
    return {
        source: {"stream": stream, "reason": reason, "rows": 1}
        for source, (stream, reason) in QUARANTINED.items()
    }


def _phases(facts: Facts) -> _Tree:
    totals = phase_totals(facts.spending, facts.timeline)
    answer: _Tree = {}
    for phase, (actual, budget) in totals.items():
        months = facts.timeline.of(phase)
        answer[phase] = {
            "months": [month.label for month in months],
            "ai_spend": actual,
            "ai_spend_per_month": (actual / len(months)).quantize(Decimal("0.01")),
            "budget": budget,
            "budget_variance_ratio": round(float(actual / budget) - 1.0, 6),
            "gpu_used_ratio": _gpu_used_ratio(facts, phase),
            "p95_latency_to_threshold": p95_to_threshold(phase),
            "requests_over_threshold": over_threshold_share(phase),
            "firefighting_share": FIREFIGHTING[phase],
        }
    first = answer["managed_kubernetes"]["ai_spend_per_month"]
    last = answer["hybrid"]["ai_spend_per_month"]
    answer["hybrid"]["change_to_managed_kubernetes"] = round(
        float(last / first) - 1.0, 6
    )
    return answer


def _budgets(facts: Facts) -> _Tree:
    """Return budgets in EUR by kind of scope, scope and month."""
    answer: _Tree = {}
    for (kind, scope), amounts in budgets(facts.spending, facts.timeline).items():
        answer.setdefault(kind, {})[scope] = dict(amounts)
    return answer


def _gpu_used_ratio(facts: Facts, phase: Phase) -> float:
    """Return GPU hours used by GPU hours there, over all pools."""
    months = facts.timeline.of(phase)
    first = facts.timeline.day_offset(months[0]) * HOURS_PER_DAY
    hours = slice(first, first + sum(month.hour_count for month in months))
    used = sum(int(s.used[hours].sum()) for s in facts.meters.accelerators)
    there = sum(int(s.capacity[hours].sum()) for s in facts.meters.accelerators)
    return round(used / there, 6)


def _anomalies(facts: Facts) -> _Tree:
    """Return the anomalies planted in daily cost, and where they show."""
    anomalies: _Tree = {}
    for one, charge in planted_in(facts.charges, facts.timeline):
        first, last = one.days(charge.month)
        owner = {charge.placement.kind: charge.placement.target}
        anomalies[one.name] = {
            "source": one.source,
            "service_name": charge.sku.service,
            "model_id": owner.get("model"),
            "pool_id": owner.get("pool"),
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "driver": one.driver,
        }
    return anomalies


def _effects(facts: Facts) -> _Tree:
    starts = facts.outcomes.starts

    def planted(feature: str, metric: str, design: str, **effect: float) -> _Tree:
        first_day = facts.timeline.first_day.toordinal()
        return {
            "metric": metric,
            "design": design,
            **effect,
            "starts": {
                unit: date.fromordinal(first_day + day).isoformat()
                for unit, day in starts[feature].items()
            },
        }

    return {
        "eta-prediction": planted(
            "eta-prediction", "revenue_per_depot_day", "staggered rollout",
            relative_effect=effects.ETA_EFFECT,
        ),
        "predictive-maintenance": planted(
            "predictive-maintenance", "breakdown_cost_per_region_day",
            "one treated region", relative_effect=effects.MAINTENANCE_EFFECT,
        ),
        "support-assistant": planted(
            "support-assistant", "handling_minutes_per_case",
            "randomised by customer", relative_effect=effects.ASSISTANT_EFFECT,
        ),
        "route-optimiser": planted(
            "route-optimiser", "parcels_per_day",
            "launched with a price promotion and an app redesign",
            relative_effect=effects.ROUTE_EFFECT,
            promotion_effect=effects.PROMOTION_EFFECT,
            redesign_effect=effects.REDESIGN_EFFECT,
        ),
        "driver-safety": planted(
            "driver-safety", "on_time_rate", "staggered rollout",
            absolute_effect=effects.SAFETY_EFFECT,
        ),
        "invoice-reading": planted(
            "invoice-reading", "incoming-invoices", "counted process",
            automated_ratio=effects.AUTOMATED_PART,
            minutes_per_document=effects.MINUTES_PER_DOCUMENT,
        ),
    }  # fmt: skip
