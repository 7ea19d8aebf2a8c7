"""Railway's public API on loopback: every question is executed against its schema.

The schema is the reduced one beside the connector's tests, so a question that asks for
what does not exist, or passes an argument of another type, is answered with an error.
Usage is held as moments with values and summed for the range and groups asked for, as
the real one does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    DocumentNode,
    GraphQLError,
    build_schema,
    execute_sync,
    validate,
)
from graphql import (
    parse as parse_question,
)

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

SCHEMA = Path(__file__).parents[1] / "sources" / "railway" / "railway_schema.graphql"
TOKEN = "rw_made_up_token_0123456789"
WORKSPACE_ID = "ws-1"
_SCHEMA = build_schema(SCHEMA.read_text("utf-8"))
_TAGS = {
    "PROJECT_ID": "projectId",
    "ENVIRONMENT_ID": "environmentId",
    "SERVICE_ID": "serviceId",
    "REGION": "region",
}


@cache
def _read_question(text: str) -> tuple[DocumentNode, list[str]]:
    """Return a question, parsed, and what the schema has against it."""
    document = parse_question(text)
    return document, [error.message for error in validate(_SCHEMA, document)]


@dataclass(frozen=True)
class Metered:
    """A value of a measurement at a moment (``2026-08-20T10:00Z``)."""

    moment: str
    measurement: str
    value: float
    tags: dict[str, str | None]
    is_deleted: bool = False

    @property
    def at(self) -> datetime:
        return parse(self.moment)


@dataclass
class LoopbackRailway:
    """One workspace. A context manager around a server; its state may be changed."""

    period: tuple[str, str]
    name: str = "Example"
    current_usage: float = 0.0
    remaining_points: int = 10_000
    resets_at: str = "2026-09-15T13:00:00Z"
    invoices: list[dict[str, Any]] = field(default_factory=list)
    projects: list[dict[str, Any]] = field(default_factory=list)
    usage: list[Metered] = field(default_factory=list)
    deployments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: (service, environment) → status → (Unix seconds, requests).
    requests: dict[tuple[str, str], dict[int, list[tuple[int, float]]]] = field(
        default_factory=dict
    )
    #: (service, environment) → (Unix seconds, p50, p90, p95, p99 in milliseconds).
    latency: dict[tuple[str, str], list[tuple[int, float, float, float, float]]] = (
        field(default_factory=dict)
    )
    page_size: int = 1
    server: ScriptedServer = field(default_factory=ScriptedServer)

    def __post_init__(self) -> None:
        self.server.route("POST", "/graphql/v2", self._answer)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Return the variables of every question of one kind."""
        bodies = [request.json() for request in self.server.requests]
        return [b["variables"] for b in bodies if b["operationName"] == operation]

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"errors": [{"message": "Not Authorized"}], "data": None})
        body = request.json()
        document, complaints = _read_question(body["query"])
        if complaints:
            return Answer({"errors": [{"message": text} for text in complaints]})
        result = execute_sync(
            _SCHEMA,
            document,
            root_value=_Root(self, request),
            variable_values=body["variables"],
            operation_name=body["operationName"],
        )
        return Answer(dict(result.formatted))


@dataclass
class _Root:
    """Resolves the fields of ``Query``."""

    railway: LoopbackRailway
    request: Request

    def workspace(self, _: object, **arguments: Any) -> dict[str, Any]:
        if arguments["workspaceId"] != WORKSPACE_ID:
            message = "Workspace not found"
            raise GraphQLError(message)
        railway = self.railway
        start, end = railway.period
        return {
            "id": WORKSPACE_ID,
            "name": railway.name,
            "apiTokenRateLimit": {
                "remainingPoints": railway.remaining_points,
                "resetsAt": railway.resets_at,
            },
            "customer": {
                "id": "cus-1",
                "billingPeriod": {"start": start, "end": end},
                "currentUsage": railway.current_usage,
                "creditBalance": 0.0,
                "invoices": railway.invoices,
            },
        }

    def projects(self, _: object, **arguments: Any) -> object:
        is_deleted_shown = arguments.get("includeDeleted", False)
        shown = [
            project
            for project in self.railway.projects
            if is_deleted_shown or not project.get("deletedAt")
        ]
        return self._connection(shown)

    def usage(self, _: object, **arguments: Any) -> list[dict[str, Any]]:
        start, end = parse(arguments["startDate"]), parse(arguments["endDate"])
        keys = [_TAGS[name] for name in arguments["groupBy"]]
        summed: dict[tuple[Any, ...], float] = {}
        for metered in self.railway.usage:
            is_hidden = metered.is_deleted and not arguments.get("includeDeleted")
            if is_hidden or metered.measurement not in arguments["measurements"]:
                continue
            if start <= metered.at < end:
                group = (metered.measurement, *(metered.tags.get(key) for key in keys))
                summed[group] = summed.get(group, 0.0) + metered.value
        return [
            {
                "measurement": measurement,
                "value": value,
                "tags": dict(zip(keys, tags, strict=True)),
            }
            for (measurement, *tags), value in summed.items()
        ]

    def deployments(self, _: object, **arguments: Any) -> object:
        project = arguments["input"]["projectId"]
        assert arguments["input"]["includeDeleted"]
        return self._connection(self.railway.deployments.get(project, []))

    def httpMetricsGroupedByStatus(  # noqa: N802  (the schema's name)
        self, _: object, **arguments: Any
    ) -> list[dict[str, Any]]:
        place = (arguments["serviceId"], arguments["environmentId"])
        return [
            {
                "statusCode": status,
                "samples": [
                    {"ts": ts, "value": value}
                    for ts, value in samples
                    if _is_asked(ts, arguments)
                ],
            }
            for status, samples in self.railway.requests.get(place, {}).items()
        ]

    def httpDurationMetrics(  # noqa: N802  (the schema's name)
        self, _: object, **arguments: Any
    ) -> dict[str, Any]:
        place = (arguments["serviceId"], arguments["environmentId"])
        names = ("ts", "p50", "p90", "p95", "p99")
        return {
            "samples": [
                dict(zip(names, sample, strict=True))
                for sample in self.railway.latency.get(place, [])
                if _is_asked(sample[0], arguments)
            ]
        }

    def _connection(self, nodes: Sequence[dict[str, Any]]) -> object:
        """Return one page of nodes; how pages go wrong, the server decides."""
        size = self.railway.page_size
        pages = [nodes[i : i + size] for i in range(0, len(nodes), size)] or [[]]
        route = paged(
            lambda _: pages,
            render=lambda page, cursor: {
                "edges": [{"cursor": node["id"], "node": node} for node in page],
                "pageInfo": {
                    "hasNextPage": cursor is not None,
                    "hasPreviousPage": False,
                    "endCursor": cursor,
                },
            },
            token_of=lambda request: request.json()["variables"]["after"],
        )
        return route(self.request, self.railway.server.page_fault).body


def parse(text: str) -> datetime:
    """Return a moment of a question or of this file's state."""
    return datetime.fromisoformat(text).astimezone(UTC)


def project(id_: str, name: str, *, services: dict[str, str], **more: Any) -> Any:
    """Return a project with an environment ``production``."""
    return {
        "id": id_,
        "name": name,
        "environments": _edges({f"{id_}-prod": "production"}),
        "services": _edges(services),
        **more,
    }


def invoice(
    id_: str,
    period: tuple[str, str],
    items: Iterator[tuple[str, float, int]] | Sequence[tuple[str, float, int]],
    *,
    total: int,
    due: float,
    **more: Any,
) -> dict[str, Any]:
    """Return a paid invoice; an item is product, price and quantity."""
    return {
        "invoiceId": id_,
        "periodStart": period[0],
        "periodEnd": period[1],
        "total": total,
        "amountDue": due,
        "amountPaid": due,
        "status": "paid",
        "items": [
            {
                "itemId": f"{id_}-{number}",
                "productId": product,
                "priceId": f"price_{product}",
                "priceDollars": price,
                "quantity": quantity,
            }
            for number, (product, price, quantity) in enumerate(items)
        ],
        **more,
    }


def unix(text: str) -> int:
    """Return the Unix seconds of a moment."""
    return int(parse(text).timestamp())


def _edges(named: dict[str, str]) -> dict[str, Any]:
    nodes = [{"id": id_, "name": name} for id_, name in named.items()]
    return {"edges": [{"cursor": node["id"], "node": node} for node in nodes]}


def _is_asked(ts: int, arguments: dict[str, Any]) -> bool:
    start, end = parse(arguments["startDate"]), parse(arguments["endDate"])
    return start <= datetime.fromtimestamp(ts, tz=UTC) <= end
