"""Langfuse as its public API shows it: observations, and metrics over them.

The metrics are worked out here from the observations, so a test changes these and both
interfaces follow, as in the real one.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Sequence

PUBLIC_KEY = "pk-lf-4711"
SECRET_KEY = "sk-lf-0815-secret"
BASIC = base64.b64encode(f"{PUBLIC_KEY}:{SECRET_KEY}".encode()).decode()
PAGE_SIZE = 2


def observation(id_: str, started_at: datetime, **columns: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "traceId": f"trace-of-{id_}",
        "type": "GENERATION",
        "startTime": started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "endTime": (started_at + timedelta(seconds=2)).isoformat(),
        "projectId": "project-1",
        "name": "answer",
        "level": "DEFAULT",
        "environment": "production",
        "userId": "somebody@example.com",
        "providedModelName": "gpt-4o-mini",
        "usageDetails": {
            "input": 60,
            "input_cached_tokens": 40,
            "output": 15,
            "output_reasoning_tokens": 5,
            "total": 120,
        },
        "costDetails": {"input": Decimal("0.0006"), "total": Decimal("0.001")},
        "totalCost": Decimal("0.001"),
        # Seconds here, milliseconds in metrics.
        "latency": Decimal("2.0"),
        "tags": ["beta"],
        "traceName": "chat",
        **columns,
    }


@dataclass
class LangfuseApi:
    """Serves what ``observations`` holds."""

    server: ScriptedServer
    observations: list[dict[str, Any]] = field(default_factory=list)
    row_limit: int = 1000

    def __post_init__(self) -> None:
        self.server.route(
            "GET",
            "/api/public/v2/observations",
            paged(
                self._pages,
                render=lambda items, token: {
                    "data": items,
                    "meta": {} if token is None else {"cursor": token},
                },
                token_of=lambda request: request.one("cursor"),
            ),
        )
        self.server.route("GET", "/api/public/v2/metrics", self._metrics)

    def _pages(self, request: Request) -> Sequence[Sequence[dict[str, Any]]]:
        assert request.headers["authorization"] == f"Basic {BASIC}"
        assert "io" not in str(request.one("fields")).split(",")
        conditions = json.loads(str(request.one("filter")))
        found = [
            line
            for line in self.observations
            if all(_holds(condition, line) for condition in conditions)
        ]
        size = min(PAGE_SIZE, int(request.one("limit") or 50))
        return [found[i : i + size] for i in range(0, len(found), size)]

    def _metrics(self, request: Request) -> Answer:
        query = json.loads(str(request.one("query")))
        dimensions = [each["field"] for each in query["dimensions"]]
        if "userId" in dimensions:
            return Answer({"message": "high cardinality dimension"}, 400)
        granularity = query["timeDimension"]["granularity"]
        groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
        for line in self.observations:
            moment = line["startTime"][:19] + "Z"
            is_inside = query["fromTimestamp"] <= moment <= query["toTimestamp"]
            if is_inside and all(_holds(each, line) for each in query["filters"]):
                bucket = line["startTime"][: 13 if granularity == "hour" else 10]
                values = [json.dumps(line[name]) for name in dimensions]
                groups[bucket, *values].append(line)
        rows = [
            {
                "time_dimension": f"{bucket}:00:00.000Z" if "T" in bucket else bucket,
                **{
                    name: json.loads(value)
                    for name, value in zip(dimensions, values, strict=True)
                },
                **_sums(lines),
            }
            for (bucket, *values), lines in sorted(groups.items())
        ]
        return Answer({"data": rows[: self.row_limit]})


def _holds(condition: dict[str, Any], line: dict[str, Any]) -> bool:
    value, asked = line[condition["column"]], condition["value"]
    match condition["operator"]:
        case "any of":
            return value in asked
        case ">=":
            return bool(value[:19] >= asked[:19])
        case "<":
            return bool(value[:19] < asked[:19])
    raise AssertionError(condition)


def _sums(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the measures; sums come as text, like those of large numbers there."""

    def tokens(part: str) -> str:
        total = 0
        for line in lines:
            for name, count in (line["usageDetails"] or {}).items():
                total += count if part in name and isinstance(count, int) else 0
        return str(total)

    return {
        "count_count": str(len(lines)),
        "sum_inputTokens": tokens("input"),
        "sum_outputTokens": tokens("output"),
        "sum_totalCost": sum((line["totalCost"] for line in lines), Decimal(0)),
    }
