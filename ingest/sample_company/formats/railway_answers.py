"""Recorded exchanges with Railway's GraphQL API, in the shape of its public schema.

The queries, day by day and week by week, are those that anybody must send to get a bill
out of an API that returns a single value per group for a whole range.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.sample_company import organisation as company
from ingest.sample_company.charges import DAY_SECONDS, HOUR_SECONDS
from ingest.sample_company.formats.answers import (
    json_number,
    made_up_uuid,
    moment,
    write_json_lines,
)
from ingest.sample_company.railway_bill import (
    PLAN_FEE,
    SEAT_PRICE,
    SEATS,
    minutes_per_dollar,
)
from ingest.sample_company.timeline import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.sample_company.charges import Lines
    from ingest.sample_company.metering import Meters
    from ingest.sample_company.railway_bill import RailwayMonth
    from ingest.sample_company.timeline import Timeline

#: Products on invoices, with their meaning.
PRODUCTS: Final = {
    "prod_Qx1ProPlan": "plan_fee",
    "prod_Qx2Seat": "seats",
    "prod_Qx3Usage": "usage",
}
#: Length of the windows of requests and latency.
WINDOW_SECONDS: Final = 6 * HOUR_SECONDS
#: Services with reported requests, and the model that they serve.
SERVED: Final = {"eta-api": "eta-v2", "route-api": "route-planner"}
_MEASUREMENTS: Final = (
    "BACKUP_USAGE_GB", "CPU_USAGE", "DISK_USAGE_GB", "MEMORY_USAGE_GB", "NETWORK_TX_GB",
)  # fmt: skip
_REGION: Final = "europe-west4-drams3a"
_ENVIRONMENTS: Final = ("production", "staging")
_UNNAMED_PROJECT: Final = "deleted"
_WEEK: Final = 7 * DAY_SECONDS
#: Parts of a day's requests by window, in sixteenths, and milliseconds of latency.
_BY_WINDOW: Final = (2, 5, 6, 3)
_LATENCY: Final = (62.0, 118.0, 171.0, 402.0)
_ROLLOUTS: Final = ("SUCCESS", "SUCCESS", "SUCCESS", "FAILED", "SUCCESS", "CRASHED")

#: Deployment of each service that somebody took down before it was replaced.
_TAKEN_DOWN: Final = 6
_ROLLOUT_SECONDS: Final = 420

_Node = dict[str, Any]
_Group = tuple[str, str, str, str]


class RailwayRecorder:
    """Recorder of the bills as drawn, and writer of Railway's answers.

    Parameters
    ----------
    directory : Path
        Folder of the recording.
    timeline : Timeline
        The months; the recording is made at the end of the last month.
    seed : int
        Source of chance.
    """

    def __init__(self, directory: Path, timeline: Timeline, seed: int) -> None:
        self._directory = directory
        self._timeline = timeline
        self._rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
        self._months: list[RailwayMonth] = []
        self._services: dict[str, str] = {}
        self._answered_at = moment(epoch_seconds(timeline.end) - 1)
        #: Day [s] → group of usage and measurement → units of 1e-10.
        self._usage: dict[int, dict[tuple[_Group, str], int]] = defaultdict(dict)

    def add(self, month: RailwayMonth) -> None:
        """Take a billing period."""
        self._months.append(month)
        for lines in month.estimates:
            self._add_usage(lines)

    def _add_usage(self, lines: Lines) -> None:
        names = dict(lines.charge.tags)
        project, service = names["project"] or _UNNAMED_PROJECT, names["service"]
        if names["project"]:
            self._services[service] = project
        measurement = lines.charge.sku.meter
        group = (project, names["environment"], service, measurement)
        first = self._timeline.first_day
        start = epoch_seconds(first)
        for second, amount in zip(
            lines.started_at.tolist(), lines.amount.tolist(), strict=True
        ):
            day = first + timedelta(days=(second - start) // DAY_SECONDS)
            quantity = amount * minutes_per_dollar(measurement, day)
            self._usage[second][group, measurement] = quantity

    def write(self, meters: Meters) -> None:
        """Write all exchanges."""
        account = [*self._account(), *self._deployments()]
        write_json_lines(self._directory / "account.jsonl.gz", account)
        for month in self._months:
            name = f"usage-{month.month.label}.jsonl.gz"
            start = epoch_seconds(month.month.first_day)
            days = range(start, epoch_seconds(month.month.end), DAY_SECONDS)
            write_json_lines(self._directory / name, map(self._usage_of_day, days))
        write_json_lines(self._directory / "served.jsonl.gz", self._served(meters))

    def _exchange(self, operation: str, variables: _Node, data: _Node) -> _Node:
        return {
            "operationName": operation,
            "variables": variables,
            "answered_at": self._answered_at,
            "answer": {"data": data},
        }

    def _account(self) -> Iterator[_Node]:
        last = self._months[-1]
        workspace = company.RAILWAY_WORKSPACE
        # Railway's own figure is cached, and a little behind.
        usage = last.estimated_amount * 99 // 100
        yield self._exchange(
            "Workspace",
            {"workspaceId": workspace.id},
            {
                "workspace": {
                    "id": workspace.id,
                    "name": workspace.name,
                    "apiTokenRateLimit": None,
                    "customer": {
                        "billingPeriod": _period(last),
                        "currentUsage": round(json_number(usage), 2),
                        "invoices": [
                            _invoice(month)
                            for month in self._months
                            if month.is_invoiced
                        ],
                    },
                }
            },
        )
        nodes = [self._project(name) for name in sorted(set(self._services.values()))]
        yield self._exchange(
            "Projects",
            {"workspaceId": workspace.id, "first": 100, "after": None},
            {"projects": _connection(nodes)},
        )

    def _project(self, name: str) -> _Node:
        services = sorted(s for s, project in self._services.items() if project == name)
        return {
            "id": made_up_uuid("project", name),
            "name": name,
            "environments": _edges(
                {"id": made_up_uuid(name, environment), "name": environment}
                for environment in _ENVIRONMENTS
            ),
            "services": _edges(
                {"id": made_up_uuid("service", service), "name": service}
                for service in services
            ),
        }

    def _usage_of_day(self, day: int) -> _Node:
        answers = [
            _usage(group, measurement, json_number(quantity))
            for (group, measurement), quantity in sorted(self._usage[day].items())
        ]
        if day == max(self._usage):
            # Nobody uses less than nothing.
            group = (answers[0]["tags"] | {"region": "us-west2"}) if answers else {}
            answers.append({"measurement": "CPU_USAGE", "value": -5.0, "tags": group})
        return self._asked_usage(day, day + DAY_SECONDS, _MEASUREMENTS, answers)

    def _asked_usage(
        self, start: int, end: int, measurements: tuple[str, ...], answers: list[_Node]
    ) -> _Node:
        variables = {
            "workspaceId": company.RAILWAY_WORKSPACE.id,
            "measurements": list(measurements),
            "startDate": moment(start),
            "endDate": moment(end),
        }
        return self._exchange("Usage", variables, {"usage": answers})

    def _served(self, meters: Meters) -> Iterator[_Node]:
        """Yield weekly workloads, and requests and latency of those that served."""
        start, end = min(self._usage), epoch_seconds(self._timeline.end)
        # 1 January 1970 was a Thursday: Mondays lie four days after a multiple.
        monday = start + (4 * DAY_SECONDS - start) % _WEEK
        while monday < end:
            week = range(monday, monday + _WEEK, DAY_SECONDS)
            groups = sorted(
                {group for day in week if day in self._usage
                 for group, measurement in self._usage[day]
                 if measurement == "CPU_USAGE"}
            )  # fmt: skip
            answers = [_usage(group, "CPU_USAGE", 1_000.0) for group in groups]
            yield self._asked_usage(monday, monday + _WEEK, ("CPU_USAGE",), answers)
            running = {(group[2], group[1]) for group in groups}
            for service in SERVED:
                if (service, "production") in running:
                    yield from self._requests(service, monday, meters)
            monday += _WEEK

    def _requests(self, service: str, monday: int, meters: Meters) -> Iterator[_Node]:
        variables = {
            "serviceId": made_up_uuid("service", service),
            "environmentId": made_up_uuid(self._services[service], "production"),
            "stepSeconds": WINDOW_SECONDS,
            "startDate": moment(monday),
            "endDate": moment(monday + _WEEK),
        }
        good, bad, latency = [], [], []
        for window, (successes, failures) in self._windows(service, monday, meters):
            good.append({"ts": window, "value": successes})
            bad.append({"ts": window, "value": failures})
            slow = 1 + 0.08 * float(np.sin(window / 190_000))
            values = [round(value * slow, 1) for value in _LATENCY]
            names = ("p50", "p90", "p95", "p99")
            latency.append({"ts": window, **dict(zip(names, values, strict=True))})
        by_status = {
            "httpMetricsGroupedByStatus": [
                {"statusCode": 200, "samples": good},
                {"statusCode": 500, "samples": bad},
            ]
        }
        yield self._exchange("Requests", variables, by_status)
        durations = {"httpDurationMetrics": {"samples": latency}}
        yield self._exchange("Latency", variables, durations | by_status)

    def _windows(
        self, service: str, monday: int, meters: Meters
    ) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield windows with requests that succeeded and failed: a day's, in parts."""
        [series] = [
            one for one in meters.of_pool("kubernetes") if one.model == SERVED[service]
        ]
        assert series.requests is not None  # noqa: S101
        assert series.successes is not None  # noqa: S101
        first = epoch_seconds(self._timeline.first_day)
        for day in range(monday, monday + _WEEK, DAY_SECONDS):
            number = (day - first) // DAY_SECONDS
            if number >= self._timeline.day_count:
                return
            whole = int(series.requests[number])
            good = _in_windows(int(series.successes[number]))
            bad = _in_windows(whole - int(series.successes[number]))
            for position, pair in enumerate(zip(good, bad, strict=True)):
                yield day + position * WINDOW_SECONDS, pair

    def _deployments(self) -> Iterator[_Node]:
        by_project: dict[str, list[_Node]] = defaultdict(list)
        for service, project in sorted(self._services.items()):
            by_project[project] += self._deployments_of(service, project)
        for project, nodes in by_project.items():
            project_id = made_up_uuid("project", project)
            yield self._exchange(
                "Deployments",
                {"projectId": project_id, "first": 100, "after": None},
                {"deployments": _connection(nodes)},
            )

    def _deployments_of(self, service: str, project: str) -> Iterator[_Node]:
        """Yield about three a month: most replaced, some failed, 1 rolled back."""
        moments = []
        at, end = min(self._usage), epoch_seconds(self._timeline.end)
        while at < end - DAY_SECONDS:
            moments.append(at + int(self._rng.integers(7, 16)) * HOUR_SECONDS)
            at += int(self._rng.integers(4, 17)) * DAY_SECONDS
        for number, created in enumerate(moments):
            rollout = _ROLLOUTS[number % len(_ROLLOUTS)]
            gone_at = _gone_at(moments, number)
            is_rollback = number % len(_ROLLOUTS) == len(_ROLLOUTS) - 2
            digest = made_up_uuid(service, str(number)).replace("-", "")
            changed = moment(gone_at or created + _ROLLOUT_SECONDS)
            yield {
                "id": made_up_uuid("deployment", service, str(number)),
                "status": "REMOVED" if gone_at else rollout,
                "createdAt": moment(created),
                "updatedAt": changed,
                "statusUpdatedAt": changed,
                "projectId": made_up_uuid("project", project),
                "environmentId": made_up_uuid(project, "production"),
                "serviceId": made_up_uuid("service", service),
                "url": None,
                "staticUrl": f"{service}.nordhafen.example",
                "meta": {
                    "repo": f"nordhafen/{service}",
                    "branch": "main",
                    "commitHash": (digest * 2)[:40],
                    "reason": "rollback" if is_rollback else "deploy",
                },
            }


def _gone_at(moments: Sequence[int], number: int) -> int | None:
    """Return when a deployment that succeeded made room: for the next that did."""
    if _ROLLOUTS[number % len(_ROLLOUTS)] != "SUCCESS":
        return None
    if number == _TAKEN_DOWN:
        return moments[number] + HOUR_SECONDS // 3
    later = range(number + 1, len(moments))
    successes = (n for n in later if _ROLLOUTS[n % len(_ROLLOUTS)] == "SUCCESS")
    following = next(successes, None)
    return None if following is None else moments[following] + _ROLLOUT_SECONDS


def _usage(group: _Group, measurement: str, value: float) -> _Node:
    project, environment, service, _ = group
    tags = {
        "projectId": made_up_uuid("project", project),
        "environmentId": made_up_uuid(project, environment),
        "serviceId": made_up_uuid("service", service),
        "region": _REGION,
    }
    return {"measurement": measurement, "value": value, "tags": tags}


def _in_windows(count: int) -> list[int]:
    parts = [count * weight // sum(_BY_WINDOW) for weight in _BY_WINDOW]
    parts[2] += count - sum(parts)
    return parts


def _period(month: RailwayMonth) -> _Node:
    first, end = month.month.first_day, month.month.end
    return {"start": moment(epoch_seconds(first)), "end": moment(epoch_seconds(end))}


def _invoice(month: RailwayMonth) -> _Node:
    usage = round(json_number(month.usage_amount), 2)
    total = round(usage + PLAN_FEE + SEATS * SEAT_PRICE, 2)
    due = round(total - json_number(month.credit_amount), 2)
    label = month.month.label
    amounts = ((PLAN_FEE, 1), (SEAT_PRICE, SEATS), (usage, 1))
    period = _period(month)
    return {
        "invoiceId": f"in_{label.replace('-', '')}",
        "periodStart": period["start"],
        "periodEnd": period["end"],
        "total": round(total * 100),
        "amountDue": due,
        "amountPaid": due,
        "status": "paid",
        "items": [
            {
                "itemId": f"ii_{label}-{product}",
                "productId": product,
                "priceId": product.replace("prod", "price"),
                "priceDollars": price,
                "quantity": quantity,
            }
            for product, (price, quantity) in zip(PRODUCTS, amounts, strict=True)
        ],
    }


def _edges(nodes: Iterator[_Node] | list[_Node]) -> _Node:
    return {"edges": [{"node": node} for node in nodes]}


def _connection(nodes: list[_Node]) -> _Node:
    info = {"hasNextPage": False, "endCursor": None}
    return {**_edges(nodes), "pageInfo": info}
