"""Umzug Inc.: one model on Kubernetes at AWS, moved to Railway.

Three months before, two months in which both run, three months after. Before: 280 %
over budget (3.8 times the budget), p95 three times the threshold, 60 % of the platform
team's hours spent on incidents. After: 40 % less a month, p95 within the threshold,
and the hours are back to normal, 10 %, in the last month of the first quarter. Both
windows have 92 days. Training is at AWS all the time, apart from the cluster.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.acceptance.companies.files import (
    DAY,
    Truth,
    cur_line,
    day_count,
    midnight,
    month_days,
    write_json_lines,
    write_rows,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
    total = sum(cost.values())
    budget = BUDGET[month] * day_count(month)
    served = REQUESTS * day_count(month)
    return {
        "ai_cost.effective": total,
        "ai_cost.billed": total,
        "model.eta": total,
        **{f"platform.{name}": amount for name, amount in cost.items() if amount},
        "budget": budget,
        "budget.share": total / budget,
        "budget.over_ratio": total / budget - 1,
        "requests.eta": served,
        "cost_per_thousand_requests.eta": total * 1_000 / served,
        "latency.p95_to_threshold": P95[month] / THRESHOLD,
        "latency.windows_over": Decimal(P95[month] > THRESHOLD),
    }


def _team(month: str) -> Truth:
    """Return what the platform team delivered and booked in a month."""
    deployments = len(DEPLOYED[month])
    broken = 1 if month in BEFORE else 0
    lead = Decimal(LEAD_HOURS[month] * 3_600)
    cost = sum(charged(month).values())
    facts: Truth = {
        "firefighting": Decimal(INCIDENT_HOURS[month]) / _available(),
        "deployments": Decimal(deployments),
        "change_fail_ratio": Decimal(broken) / deployments,
        # Fewer than five durations have no median.
        "change_lead_time": lead if deployments >= 5 else None,
        "cost_per_deployment.eta": cost / deployments,
    }
    if month != MONTHS[-1]:
        # The last week of all is not over when the files end.
        facts["deployment_frequency"] = _median_week(month)
    return facts


def _available() -> Decimal:
    return Decimal(HEADCOUNT * HOURS_PER_HEAD)


def _median_week(month: str) -> Decimal:
    """Return the median of deployments in the weeks that begin in a month."""
    deployed = {
        _moment(one, number).date() for one in MONTHS for number in DEPLOYED[one]
    }
    mondays = [day for day in month_days(month) if day.weekday() == 0]
    counts = sorted(
        sum(monday <= day < monday + 7 * DAY for day in deployed) for monday in mondays
    )
    middle = len(counts) // 2
    if len(counts) % 2:
        return Decimal(counts[middle])
    return Decimal(counts[middle - 1] + counts[middle]) / 2


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
        # Three months since; of January there is no bill yet.
        "story.monthly_cost_since": after,
    }
    assert round(after / before - 1, 20) == facts["story.monthly_cost_change"]
    return facts


def _mean_cost(months: tuple[str, ...]) -> Decimal:
    total = sum((sum(charged(month).values()) for month in months), Decimal(0))
    return total / len(months)


def _payback() -> Truth:
    """Return what the move cost and after how many months it is paid back."""
    labour = sum(INTEGRATION_HOURS.values()) * RATE
    # The cluster goes on as before, day by day: what comes on top is Railway.
    dual = sum(charged(month)["railway"] for month in MOVING)
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


def _moment(month: str, number: int) -> datetime:
    """Return when the deployment of a day of a month ends, UTC."""
    day = date.fromisoformat(f"{month}-{number:02}")
    return datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001


# --------------------------------------------------------------------------------------
# The files
# --------------------------------------------------------------------------------------
WORKSPACE = "3f6e0c1a-0000-4000-8000-000000000001"
_TAGS = {
    "projectId": "3f6e0c1a-0000-4000-8000-000000000002",
    "environmentId": "3f6e0c1a-0000-4000-8000-000000000003",
    "serviceId": "3f6e0c1a-0000-4000-8000-000000000004",
    "region": "europe-west4-drams3a",
}
TRIPTYCH = f"""\
organisation: Umzug Inc.
currency: USD
delivery:
  loaded_hourly_rates: [{{amount: {RATE}}}]
sources:
  - {{name: aws, type: focus_files, path: bills/aws}}
  - name: railway
    type: railway
    path: bills/railway
    workspace_id: {WORKSPACE}
    deployments: false
    requests: false
    start_date: 2025-08-01
    invoice_items: [{{product_id: prod_usage, kind: usage}}]
    prices:
      - {{measurement: CPU_USAGE, valid_from: 2025-01-01, dollars: 20}}
      - {{measurement: MEMORY_USAGE_GB, valid_from: 2025-01-01, dollars: 10}}
      - {{measurement: DISK_USAGE_GB, valid_from: 2025-01-01, dollars: 0.15}}
      - {{measurement: BACKUP_USAGE_GB, valid_from: 2025-01-01, dollars: 0.15}}
      - {{measurement: NETWORK_TX_GB, valid_from: 2025-01-01, dollars: 0.05}}
  - {{name: requests, type: tables, stream: model_usage, path: meters/requests.csv}}
  - {{name: latency, type: tables, stream: serving_latency, path: meters/latency.csv}}
  - {{name: budgets, type: tables, stream: budgets, path: budgets.csv}}
  - {{name: hours, type: tables, stream: worklogs, path: delivery/hours.csv}}
  - {{name: headcount, type: tables, stream: headcount, path: delivery/headcount.csv}}
  - {{name: rollouts, type: tables, stream: deployments, path: delivery/deployments.csv}}
  - {{name: commits, type: tables, stream: commits, path: delivery/commits.csv}}
  - {{name: incidents, type: tables, stream: incidents, path: delivery/incidents.csv}}
"""
CATALOG = f"""\
cost_centers:
  - {{id: cc-1, name: Network}}
teams:
  - {{id: ml-platform, name: ML platform, cost_center: cc-1}}
models:
  - {{id: eta, name: Arrival times, team: ml-platform, latency_threshold_seconds: {THRESHOLD}}}
platforms:
  - {{id: eks, name: Kubernetes at AWS, kind: managed_kubernetes, match: {{source: aws, tags: {{cluster: eta}}}}, team: ml-platform}}
  - {{id: aws-training, name: Training at AWS, kind: other, match: {{source: aws}}}}
  - {{id: railway, name: Railway, kind: ai_native, match: {{source: railway}}, team: ml-platform}}
placements:
  - {{model: eta, platform: eks, valid_to: 2025-10-01}}
  - {{model: eta, platform: railway, valid_from: 2025-10-01}}
  - {{model: eta, platform: aws-training, stage: training}}
migrations:
  - id: to-railway
    name: From Kubernetes to Railway
    from_platforms: [eks]
    to_platforms: [railway]
    models: [eta]
    migration_from: 2025-08-01
    migration_to: 2025-10-01
"""
ALLOCATION = """\
assignments:
  - {name: cluster, match: {tags: {cluster: eta}}, model: eta, lifecycle_stage: serving}
  - {name: railway, match: {source: railway}, model: eta, lifecycle_stage: serving}
  - {name: training, match: {source: aws}, model: eta, lifecycle_stage: training}
"""


def write(root: Path) -> None:
    """Write the workspace of the company."""
    write_text(root / "triptych.yml", TRIPTYCH)
    write_text(root / "catalog.yml", CATALOG)
    write_text(root / "allocation.yml", ALLOCATION)
    for month in MONTHS:
        write_rows(root / f"bills/aws/cur-{month}.csv", list(_aws(month)))
    write_json_lines(root / "bills/railway/recorded.jsonl", _railway())
    budgets = [
        {"budget_month": month, "scope_type": "all", "scope_id": "all",
         "budget_amount": BUDGET[month] * day_count(month), "currency": "USD"}
        for month in MONTHS
    ]  # fmt: skip
    write_rows(root / "budgets.csv", budgets)
    _write_meters(root / "meters")
    _write_delivery(root / "delivery")


def _aws(month: str) -> Iterator[dict[str, object]]:
    for day in month_days(month):
        if month not in AFTER:
            yield cur_line(
                month, day, day + DAY, {"cluster": "eta"},
                product_code="AmazonEC2", usage_type="EUC1-BoxUsage:m6i.16xlarge",
                operation="RunInstances", resource_id="i-eta", usage_amount=24,
                unblended_cost=CLUSTER, term="OnDemand", unit="Hrs",
                instance_type="m6i.16xlarge", servicecode="AmazonEC2",
                line_item_description="m6i.16xlarge, on demand",
            )  # fmt: skip
        yield cur_line(
            month, day, day + DAY, {"purpose": "training"},
            product_code="AmazonSageMaker", usage_type="EUC1-Train:ml.m5.4xlarge",
            operation="RunInstance", resource_id="training-eta", usage_amount=24,
            unblended_cost=TRAINING, term="OnDemand", unit="Hrs",
            instance_type="ml.m5.4xlarge", servicecode="AmazonSageMaker",
            line_item_description="ml.m5.4xlarge, training",
        )  # fmt: skip


def _railway() -> Iterator[dict[str, Any]]:
    """Yield what Railway answered: the workspace with its invoices, and each day."""
    invoices = [_invoice(month) for month in MOVING + AFTER]
    customer = {
        "billingPeriod": {
            "start": "2026-01-01T00:00:00Z",
            "end": "2026-02-01T00:00:00Z",
        },
        "currentUsage": 0.0,
        "invoices": invoices,
    }
    workspace = {
        "id": WORKSPACE,
        "name": "umzug",
        "apiTokenRateLimit": None,
        "customer": customer,
    }
    yield _exchange("Workspace", {"workspaceId": WORKSPACE}, {"workspace": workspace})
    project = {
        "id": _TAGS["projectId"],
        "name": "serving",
        "environments": _edges(_TAGS["environmentId"], "production"),
        "services": _edges(_TAGS["serviceId"], "eta-api"),
    }
    page = {"hasNextPage": False, "endCursor": None}
    projects = {"edges": [{"node": project}], "pageInfo": page}
    variables = {"workspaceId": WORKSPACE, "first": 100, "after": None}
    yield _exchange("Projects", variables, {"projects": projects})
    for month in MOVING + AFTER:
        for day in month_days(month):
            yield _usage(day, [_cpu()])
    # The recording was made on the morning of New Year, which has used nothing yet.
    yield _usage(date(2026, 1, 1), [])


def _cpu() -> dict[str, Any]:
    """Return what a day used: 188 USD of vCPU-minutes at 20 USD for 43,200."""
    minutes = RAILWAY * 43_200 / 20
    return {"measurement": "CPU_USAGE", "value": float(minutes), "tags": _TAGS}


def _usage(day: date, used: list[dict[str, Any]]) -> dict[str, Any]:
    variables = {
        "workspaceId": WORKSPACE,
        "measurements": [
            "BACKUP_USAGE_GB", "CPU_USAGE", "DISK_USAGE_GB", "MEMORY_USAGE_GB",
            "NETWORK_TX_GB",
        ],
        "startDate": midnight(day),
        "endDate": midnight(day + DAY),
    }  # fmt: skip
    return _exchange("Usage", variables, {"usage": used})


def _exchange(name: str, variables: dict[str, Any], data: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "operationName": name,
        "variables": variables,
        "answered_at": "2026-01-01T06:00:00Z",
        "answer": {"data": data},
    }


def _edges(id_: str, name: str) -> dict[str, Any]:
    return {"edges": [{"node": {"id": id_, "name": name}}]}


def _invoice(month: str) -> dict[str, Any]:
    period = month_days(month)
    dollars = float(RAILWAY * len(period))
    item = {
        "itemId": f"ii_{month}",
        "productId": "prod_usage",
        "priceId": "price_usage",
        "priceDollars": dollars,
        "quantity": 1,
    }
    return {
        "invoiceId": f"in_{month}",
        "periodStart": midnight(period[0]),
        "periodEnd": midnight(period[-1] + DAY),
        "total": int(dollars * 100),
        "amountDue": dollars,
        "amountPaid": dollars,
        "status": "paid",
        "items": [item],
    }


def _write_meters(folder: Path) -> None:
    served, latency = [], []
    for month in MONTHS:
        platform = "railway" if month in AFTER else "eks"
        for day in month_days(month):
            counts = {"requests": REQUESTS, "successful_requests": REQUESTS}
            served.append({"date": day, "model": "eta", "platform": platform, **counts})
            p95 = P95[month]
            latency.append(
                {
                    "period_start": midnight(day),
                    "period_end": midnight(day + DAY),
                    "source_system": "gateway",
                    "model_id": "eta",
                    "platform_id": platform,
                    "environment": "production",
                    "latency_p50_seconds": p95 / 3,
                    "latency_p90_seconds": p95 / 2,
                    "latency_p95_seconds": p95,
                    "latency_p99_seconds": p95 * 2,
                    **counts,
                }
            )
    write_rows(folder / "requests.csv", served)
    write_rows(folder / "latency.csv", latency)


def _write_delivery(folder: Path) -> None:
    booked, heads, rollouts, commits, incidents = [], [], [], [], []
    for month in MONTHS:
        booked += list(_booked(month))
        heads.append(
            {"month": f"{month}-01", "team_id": "ml-platform", "headcount": HEADCOUNT,
             "working_hours_per_head": HOURS_PER_HEAD, "leave_hours": 0}
        )  # fmt: skip
        for number in DEPLOYED[month]:
            moment = _moment(month, number)
            name = f"{month}-{number:02}"
            rollouts.append(_rollout(name, moment))
            written = moment - timedelta(hours=LEAD_HOURS[month])
            commits.append(_commit(name, written))
            if month in BEFORE and number == BROKEN_DAY:
                incidents += _incident(name, moment + timedelta(hours=1))
    write_rows(folder / "hours.csv", booked)
    write_rows(folder / "headcount.csv", heads)
    write_rows(folder / "deployments.csv", rollouts)
    write_rows(folder / "commits.csv", commits)
    write_rows(folder / "incidents.csv", incidents)


def _booked(month: str) -> Iterator[dict[str, object]]:
    """Yield bookings of a twentieth of the month's hours on each of its 20 days."""
    hours = {
        "incident": INCIDENT_HOURS[month],
        "infra": INFRA_HOURS[month],
        "integration": INTEGRATION_HOURS.get(month, 0),
    }
    for number in range(1, 21):
        for category, total in hours.items():
            if total:
                yield {
                    "source_system": "timesheets",
                    "worklog_id": f"{month}-{number}-{category}",
                    "work_date": f"{month}-{number:02}",
                    "hours": Decimal(total) / 20,
                    "team_id": "ml-platform",
                    "category": category,
                }


def _rollout(name: str, moment: datetime) -> dict[str, object]:
    return {
        "source_system": "pipeline",
        "deployment_id": f"deploy-{name}",
        "status": "success",
        "event_time": f"{moment.isoformat()}Z",
        "started_at": f"{(moment - timedelta(minutes=10)).isoformat()}Z",
        "finished_at": f"{moment.isoformat()}Z",
        "service": "eta-api",
        "repository": "umzug/eta",
        "commit_sha": _sha(name),
        "environment": "production",
        "model_id": "eta",
    }


def _commit(name: str, moment: datetime) -> dict[str, object]:
    return {
        "source_system": "pipeline",
        "repository": "umzug/eta",
        "commit_sha": _sha(name),
        "committed_at": f"{moment.isoformat()}Z",
        "deployment_id": f"deploy-{name}",
        "deployed_sha": _sha(name),
        "service": "eta-api",
        "model_id": "eta",
    }


def _sha(name: str) -> str:
    return name.encode().hex().ljust(40, "0")


def _incident(name: str, moment: datetime) -> list[dict[str, object]]:
    """Return an incident that a deployment caused, resolved after five hours."""
    end = moment + timedelta(hours=5)
    return [
        {
            "source_system": "pager",
            "incident_id": f"incident-{name}",
            "status": status,
            "event_time": f"{at.isoformat()}Z",
            "impact_started_at": f"{moment.isoformat()}Z",
            "resolved_at": f"{end.isoformat()}Z" if status == "resolved" else "",
            "service": "eta-api",
            "environment": "production",
            "model_id": "eta",
            "deployment_id": f"deploy-{name}",
        }
        for status, at in (("open", moment), ("resolved", end))
    ]
