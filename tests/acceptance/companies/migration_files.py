"""Write the files of Umzug Inc.: AWS, Railway, meters, hours and deployments."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.acceptance.companies.files import (
    DAY,
    copy_settings,
    cur_line,
    day_count,
    midnight,
    month_days,
    write_json_lines,
    write_rows,
)
from tests.acceptance.companies.migration_company import (
    AFTER,
    BEFORE,
    BROKEN_DAY,
    BUDGET,
    CLUSTER,
    DEPLOYED,
    HEADCOUNT,
    HOURS_PER_HEAD,
    INCIDENT_HOURS,
    INFRA_HOURS,
    INTEGRATION_HOURS,
    LEAD_HOURS,
    MONTHS,
    MOVING,
    P95,
    RAILWAY,
    REQUESTS,
    TRAINING,
    deployed_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: When Railway was recorded: of January its bill has six hours, and AWS's nothing.
NEW_YEAR, _MORNING = date(2026, 1, 1), Decimal("0.25")
WORKSPACE = "3f6e0c1a-0000-4000-8000-000000000001"
_TAGS = {
    "projectId": "3f6e0c1a-0000-4000-8000-000000000002",
    "environmentId": "3f6e0c1a-0000-4000-8000-000000000003",
    "serviceId": "3f6e0c1a-0000-4000-8000-000000000004",
    "region": "europe-west4-drams3a",
}


def write(root: Path) -> None:
    """Write the workspace of the company."""
    copy_settings("migration", root)
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
        "currentUsage": float(RAILWAY * _MORNING),
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
    yield _usage(NEW_YEAR, [_cpu(of_day=_MORNING)])


def _cpu(of_day: Decimal = Decimal(1)) -> dict[str, Any]:
    """Return what a day used: 188 USD of vCPU-minutes at 20 USD for 43,200."""
    minutes = RAILWAY * of_day * 43_200 / 20
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


def _exchange(name: str, variables: dict[str, Any], data: Any) -> dict[str, Any]:
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
            moment = deployed_at(month, number)
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
