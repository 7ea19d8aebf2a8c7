"""Asks Railway's public GraphQL API, within the limits that it sets.

GraphQL reports an error with HTTP 200, so an answer with ``errors`` is an error even
where it has data as well: half of an answer must not pass for the whole. In addition to
429, which the HTTP client honours, Railway counts points per token; when they are used
up, the run reports until when, instead of asking in vain.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from ingest.http.client import HttpClient
from ingest.http.pages import follow_pages
from ingest.sources.railway import queries
from ingest.sources.railway.periods import Period, to_moment
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Self

    from ingest.sources.railway.recordings import RailwayRecordings

BASE_URL = "https://backboard.railway.com"
PATH = "/graphql/v2"
_PAGE_SIZE = 100
_SHOWN_CHARACTERS = 300
_DENIED = ("not authorized", "unauthorized", "forbidden", "invalid token", "expired")
_LIMITED = ("rate limit", "too many requests", "try again later")
_LATER = "Run again later; what was loaded before stays current."


@dataclass
class PointBudget:
    """Points left of the token, as last reported and counted down since."""

    remaining: int | None = None
    resets_at: datetime | None = None

    def __post_init__(self) -> None:
        self._lock = Lock()

    def take(self, *, now: datetime, where: str) -> None:
        """Count a single request.

        Raises
        ------
        TransientSourceError
            Nothing is left before the budget is renewed.
        """
        with self._lock:
            if self.remaining is None or (self.resets_at and now >= self.resets_at):
                self.remaining = None
                return
            if self.remaining < 1:
                raise TransientSourceError(
                    "The rate limit of the Railway token is used up until"
                    f" {self.resets_at or 'later'}.",
                    where=where,
                    next_step=_LATER,
                )
            self.remaining -= 1

    def learn(self, answer: Mapping[str, Any] | None, *, where: str) -> None:
        """Take over the API's report about the token."""
        if answer is None:
            return
        with self._lock:
            self.remaining = int(answer["remainingPoints"])
            self.resets_at = to_moment(answer["resetsAt"], where=where)


class RailwayApi:
    """Railway workspace as a token may see it. A context manager.

    Parameters
    ----------
    token : str
        Sent as a bearer token; disclosed to nobody else.
    workspace_id : str
        Workspace of the usage to read.
    source : str
        Name of the source, for messages.
    base_url : str
        Address of the API.
    denied_advice : str
        Advice for a token that is refused.
    timeout_seconds : float
        Timeout for each piece of an answer.
    requests_per_second : float
        Highest rate.
    budget : PointBudget
        Shared by all connections of the token.
    recordings : RailwayRecordings, optional
        Answer in place of the API; nothing is sent then.
    """

    def __init__(  # noqa: PLR0913  (each is a policy of its own, by keyword)
        self,
        *,
        token: str,
        workspace_id: str,
        source: str,
        base_url: str,
        denied_advice: str,
        timeout_seconds: float,
        requests_per_second: float,
        budget: PointBudget,
        recordings: RailwayRecordings | None = None,
    ) -> None:
        self._token = token
        self._workspace_id = workspace_id
        self._source = source
        self._denied_advice = denied_advice
        self._budget = budget
        self._client = recordings or HttpClient(
            base_url=base_url,
            source=source,
            headers={"Authorization": f"Bearer {token}"},
            secrets=(token,),
            denied_advice=denied_advice,
            timeout_seconds=timeout_seconds,
            requests_per_second=requests_per_second,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def workspace(self) -> dict[str, Any]:
        """Return the workspace with its customer, and update the token's budget.

        Raises
        ------
        FatalSourceError
            There is no such workspace, or the token may not see it.
        """
        where = f"{self._source} (Workspace)"
        answer = self._ask("Workspace", {"workspaceId": self._workspace_id})
        workspace: dict[str, Any] | None = answer.get("workspace")
        if workspace is None:
            raise FatalSourceError(
                f"Railway knows no workspace {self._workspace_id!r} that the token may"
                " see.",
                where=where,
                next_step="Correct 'workspace_id', or create the token in it.",
            )
        self._budget.learn(workspace.get("apiTokenRateLimit"), where=where)
        return workspace

    def projects(self) -> list[dict[str, Any]]:
        """Return every project, including deleted projects, each once."""
        variables = {"workspaceId": self._workspace_id}
        return self._nodes("Projects", variables, "projects")

    def usage(
        self, period: Period, measurements: Iterable[str]
    ) -> list[dict[str, Any]]:
        """Return the usage in a period: a value for each group and measurement."""
        answer: list[dict[str, Any]] = self._ask(
            "Usage",
            {
                "workspaceId": self._workspace_id,
                "measurements": sorted(measurements),
                **_range(period),
            },
        )["usage"]
        return answer

    def deployments(self, project_id: str) -> list[dict[str, Any]]:
        """Return every deployment of a project, each once, in no certain order."""
        return self._nodes("Deployments", {"projectId": project_id}, "deployments")

    def requests(
        self, service_id: str, environment_id: str, period: Period, step_seconds: int
    ) -> dict[str, Any]:
        """Return the request counts of a service, by status and window."""
        variables = _metric(service_id, environment_id, period, step_seconds)
        return self._ask("Requests", variables)

    def latency(
        self, service_id: str, environment_id: str, period: Period, step_seconds: int
    ) -> dict[str, Any]:
        """Return percentiles and request counts of a service, by window."""
        variables = _metric(service_id, environment_id, period, step_seconds)
        return self._ask("Latency", variables)

    def _nodes(
        self, operation: str, variables: dict[str, Any], field: str
    ) -> list[dict[str, Any]]:
        """Return the distinct nodes of a Relay connection."""
        pages = follow_pages(
            lambda cursor: self._ask(
                operation, {**variables, "first": _PAGE_SIZE, "after": cursor}
            )[field],
            self._next_cursor,
            source=f"{self._source} ({operation})",
        )
        nodes: dict[str, dict[str, Any]] = {}
        for page in pages:
            for edge in page["edges"]:
                node = edge["node"]
                known = nodes.get(node["id"])
                if known is None or _is_newer(node, known):
                    nodes[node["id"]] = node
        return list(nodes.values())

    def _next_cursor(self, page: Mapping[str, Any]) -> str | None:
        info = page["pageInfo"]
        if not info["hasNextPage"]:
            return None
        if not info.get("endCursor"):
            raise MalformedDeliveryError(
                "A page says that there is another, and not where.",
                where=self._source,
                next_step="Nothing of this answer was loaded. Run again; if it stays"
                " so, report it to Railway.",
            )
        return str(info["endCursor"])

    def _ask(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        where = f"{self._source} ({operation})"
        if isinstance(self._client, HttpClient):
            self._budget.take(now=datetime.now(UTC), where=where)
        body = {
            "operationName": operation,
            "query": queries.ALL[operation],
            "variables": variables,
        }
        answer = self._client.post_json(PATH, body=body)
        errors = answer.get("errors") if isinstance(answer, dict) else None
        if errors:
            raise self._refusal(errors, where)
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, dict):
            raise MalformedDeliveryError(
                "The answer has neither data nor errors.",
                where=where,
                next_step="Check 'base_url': it is not Railway's API that answers.",
            )
        return data

    def _refusal(self, errors: Iterable[object], where: str) -> SourceError:
        said = "; ".join(dict.fromkeys(map(_message, errors)))
        hidden = said.replace(self._token, "•••") if self._token else said
        shown = hidden[:_SHOWN_CHARACTERS]
        plain = said.casefold()
        if any(text in plain for text in _DENIED):
            return SourceAccessError(
                f"Railway refuses the token: {shown}",
                where=where,
                next_step=self._denied_advice,
            )
        if any(text in plain for text in _LIMITED):
            return TransientSourceError(
                f"Railway limits how often it may be asked: {shown}",
                where=where,
                next_step=_LATER,
            )
        return FatalSourceError(
            f"Railway could not answer: {shown}",
            where=where,
            next_step="Nothing of this answer was loaded. Run again; if it stays so,"
            " Railway's API may have changed.",
        )


@contextmanager
def understood(where: str) -> Iterator[None]:
    """Convert failures on an undocumented answer form to triptych errors.

    Raises
    ------
    MalformedDeliveryError
        A field is missing inside the block, or holds something of another kind.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise MalformedDeliveryError(
            f"Unexpected response format from Railway ({reason_of(error)}).",
            where=where,
            next_step="Nothing of it was loaded. Check 'base_url'; Railway's API may"
            " have changed.",
        ) from error


def nodes_of(connection: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a connection that lies inside another answer."""
    for edge in (connection or {}).get("edges", ()):
        yield edge["node"]


def _is_newer(node: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    return str(node.get("updatedAt") or "") > str(known.get("updatedAt") or "")


def _range(period: Period) -> dict[str, str]:
    return {"startDate": _to_text(period.start), "endDate": _to_text(period.end)}


def _metric(
    service_id: str, environment_id: str, period: Period, step_seconds: int
) -> dict[str, Any]:
    return {
        "serviceId": service_id,
        "environmentId": environment_id,
        "stepSeconds": step_seconds,
        **_range(period),
    }


def _to_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _message(error: object) -> str:
    message = error.get("message") if isinstance(error, dict) else None
    return " ".join(str(message or "an error without a message").split())
