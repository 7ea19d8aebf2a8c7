"""Umzug Inc.: one model on Kubernetes at AWS, moved to Railway.

Three months before, two months in which both run, three months after. Before: 280 %
over budget (3.8 times the budget), p95 three times the threshold, 60 % of the platform
team's hours spent on incidents. After: 40 % less a month, p95 within the threshold,
and the hours are back to normal, 10 %, in the last month of the first quarter. Both
windows have 92 days. Training is at AWS all the time, apart from the cluster.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from tests.acceptance.companies.files import Truth, day_count, month_days, total

BEFORE = ("2025-05", "2025-06", "2025-07")
MOVING = ("2025-08", "2025-09")
AFTER = ("2025-10", "2025-11", "2025-12")
MONTHS = BEFORE + MOVING + AFTER
#: What a day costs [USD].
CLUSTER, TRAINING, RAILWAY = Decimal(340), Decimal(40), Decimal(188)
#: Budget of a day [USD]; before, 380 is 3.8 times 100.
BUDGET = (
    dict.fromkeys(BEFORE, Decimal(100))
    | dict.fromkeys(MOVING, Decimal(500))
    | dict.fromkeys(AFTER, Decimal(240))
)
REQUESTS = 40_000
THRESHOLD = Decimal("0.4")
#: p95 of each day [s].
P95 = (
    dict.fromkeys(BEFORE, Decimal("1.2"))
    | dict.fromkeys(MOVING, Decimal("0.8"))
    | dict.fromkeys(AFTER, Decimal("0.36"))
)
#: Five people of 160 hours, and what they booked a month [hours], on 20 days each.
HEADCOUNT, HOURS_PER_HEAD = 5, 160
INCIDENT_HOURS = dict(zip(MONTHS, (480, 480, 480, 360, 360, 200, 120, 80), strict=True))
INFRA_HOURS = dict(zip(MONTHS, (100, 100, 100, 100, 100, 40, 40, 40), strict=True))
INTEGRATION_HOURS = dict.fromkeys(MOVING, 50)
RATE = Decimal(80)
#: Days of a month on which it is deployed, and hours from commit to production.
SLOW, FAST = (3, 10, 17, 24), (2, 5, 9, 12, 16, 19, 23, 26)
DEPLOYED = dict.fromkeys(BEFORE + MOVING, SLOW) | dict.fromkeys(AFTER, FAST)
LEAD_HOURS = dict.fromkeys(BEFORE + MOVING, 96) | dict.fromkeys(AFTER, 24)
#: Before the move the second deployment of each month caused an incident.
BROKEN_DAY = 10


# --------------------------------------------------------------------------------------
# The truth, from the plan alone
# --------------------------------------------------------------------------------------
def charged(month: str) -> dict[str, Decimal]:
    """Return what each platform charges in a month [USD]."""
    days = day_count(month)
    return {
        "eks": Decimal(0) if month in AFTER else CLUSTER * days,
        "aws-training": TRAINING * days,
        "railway": Decimal(0) if month in BEFORE else RAILWAY * days,
    }


def truth() -> Truth:
    """Return every figure that the product may state, worked out from the plan."""
    facts: Truth = {}
    for month in MONTHS:
        figures = _month(month) | _team(month)
        facts |= {f"{month}.{name}": value for name, value in figures.items()}
    return facts | _story() | _payback() | _platforms()


def _month(month: str) -> Truth:
    """Return money and latency of a month."""
    cost = charged(month)
    spend = total(cost.values())
    budget = BUDGET[month] * day_count(month)
    served = REQUESTS * day_count(month)
    return {
        "ai_cost.effective": spend,
        "ai_cost.billed": spend,
        "model.eta": spend,
        **{f"platform.{name}": amount for name, amount in cost.items() if amount},
        "budget": budget,
        "budget.share": spend / budget,
        "budget.over_ratio": spend / budget - 1,
        "requests.eta": served,
        "cost_per_thousand_requests.eta": spend * 1_000 / served,
        "latency.p95_to_threshold": P95[month] / THRESHOLD,
        "latency.windows_over": Decimal(P95[month] > THRESHOLD),
    }


def _team(month: str) -> Truth:
    """Return what the platform team delivered and booked in a month."""
    deployments = len(DEPLOYED[month])
    broken = 1 if month in BEFORE else 0
    lead = Decimal(LEAD_HOURS[month] * 3_600)
    cost = total(charged(month).values())
    return {
        "deployment_frequency": deployments * 7 / _known_days(month),
        "firefighting": Decimal(INCIDENT_HOURS[month]) / _available(),
        "deployments": Decimal(deployments),
        "change_fail_ratio": Decimal(broken) / deployments,
        # Fewer than five durations have no median.
        "change_lead_time": lead if deployments >= 5 else None,
        "cost_per_deployment.eta": cost / deployments,
    }


def _available() -> Decimal:
    return Decimal(HEADCOUNT * HOURS_PER_HEAD)


def _known_days(month: str) -> Decimal:
    """Return days of a month from the first deployment of all to the last."""
    first = DEPLOYED[month][0] if month == MONTHS[0] else 1
    last = DEPLOYED[month][-1] if month == MONTHS[-1] else day_count(month)
    return Decimal(last - first + 1)


def _story() -> Truth:
    """Return the five numbers of the move, and what they are made of."""
    before, after = _mean_cost(BEFORE), _mean_cost(AFTER)
    quarter = sum(INCIDENT_HOURS[month] for month in AFTER) / (3 * _available())
    facts: Truth = {
        "story.over_budget": Decimal("2.8"),
        "story.times_budget": Decimal("3.8"),
        "story.latency_before": Decimal(3),
        "story.latency_after": Decimal("0.9"),
        "story.firefighting_before": Decimal("0.6"),
        "story.firefighting_quarter_after": quarter,
        "story.months_to_normal": Decimal(3),
        "story.monthly_cost_before": before,
        "story.monthly_cost_after": after,
        "story.monthly_cost_change": Decimal("-0.4"),
        # Three months since; of January the bills have six hours.
        "story.monthly_cost_since": after,
    }
    assert round(after / before - 1, 20) == facts["story.monthly_cost_change"]
    return facts


def _mean_cost(months: tuple[str, ...]) -> Decimal:
    return total(total(charged(month).values()) for month in months) / len(months)


def _payback() -> Truth:
    """Return what the move cost and after how many months it is paid back."""
    labour = sum(INTEGRATION_HOURS.values()) * RATE
    # The cluster goes on as before, day by day: what comes on top is Railway.
    dual = total(charged(month)["railway"] for month in MOVING)
    saving = _mean_cost(BEFORE) - _mean_cost(AFTER)
    return {
        "move.integration_hours": Decimal(sum(INTEGRATION_HOURS.values())),
        "move.labour": labour,
        "move.dual_running": dual,
        "move.unused_commitment": Decimal(0),
        "move.cost": labour + dual,
        "move.monthly_saving": saving,
        "move.payback_months": (labour + dual) / saving,
    }


def _platforms() -> Truth:
    """Return what a platform charged for serving by what it served; training apart."""
    return {
        "platform.eks.cost_per_thousand": CLUSTER * 1_000 / REQUESTS,
        "platform.railway.cost_per_thousand": RAILWAY * 1_000 / REQUESTS,
        "platform.eks.windows_over": Decimal(1),
        "platform.railway.windows_over": Decimal(0),
        "platform.eks.p95_to_threshold": _median_p95(BEFORE + MOVING),
        "platform.railway.p95_to_threshold": Decimal("0.9"),
        # Nobody judged the services of the bills.
        "platform.eks.lock_in": None,
        "platform.railway.lock_in": None,
        "infra_hours_per_deployment.2025-07": Decimal(300) / 12,
        "infra_hours_per_deployment.2025-12": Decimal(120) / 24,
        # No machine has a GPU, and nobody measured what the model earns.
        "cost_per_gpu_hour.eta": None,
        "idle.cost": None,
        "idle.share": None,
        "net_value": None,
    }


def _median_p95(months: tuple[str, ...]) -> Decimal:
    """Return the median day's p95 in units of the threshold."""
    every = sorted(P95[month] for month in months for _ in month_days(month))
    return every[len(every) // 2] / THRESHOLD


def deployed_at(month: str, number: int) -> datetime:
    """Return when the deployment of a day of a month ends, UTC."""
    day = date.fromisoformat(f"{month}-{number:02}")
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001
