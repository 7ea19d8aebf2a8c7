"""Shared parts of code hosts: deployments, and the commits of each.

A subclass defines the server's name for its projects, the requirements of a token, and
the reading of a single project.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from pydantic import Field

from ingest.connector import SourceConfig
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import (
    BaseUrl,
    EnvironmentVariable,
    RequestsPerSecond,
    TimeoutSeconds,
)
from ingest.source_kinds.polled import PolledSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import Self

    import httpx

    from ingest.connector import Delivery, Finding, Window
    from ingest.reading.text_rows import Row

DEPLOYMENTS, COMMITS = "deployments", "commits"


class CodeHostConfig(SourceConfig):
    """Options of every source that is a server of code."""

    base_url: BaseUrl = Field(description="Address of the server.")
    token_variable: EnvironmentVariable = Field(
        description="Environment variable that holds the token.",
    )
    commits: bool = Field(
        default=True, description="Also read commits of deployments to production."
    )
    production_environments: tuple[str, ...] = Field(
        default=("production", "prod", "live"),
        description="Environments of which that is read, by name or tier, in any case.",
    )
    environment_tiers: dict[str, str] = Field(
        default_factory=dict, description="Environment → tier, such as production."
    )
    hotfix_branches: tuple[str, ...] = Field(
        default=("hotfix/*",), description="Branches that repair production."
    )
    history_days: int = Field(
        default=90, ge=1, le=3650, description="How far back the first look goes."
    )
    overlap_hours: int = Field(
        default=24,
        ge=1,
        le=24 * 31,
        description="How long after its change a deployment is still read again.",
    )
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None


def is_production(deployment: Row, environments: Iterable[str]) -> bool:
    """Return True by its environment's name or tier, as the metrics do."""
    names = {name.strip().lower() for name in environments}
    where = (deployment["environment"], deployment["environment_tier"])
    return any((name or "").lower() in names for name in where)


@dataclass(frozen=True, slots=True)
class Access:
    """Address of a server, and the token for it."""

    base_url: str
    token: str
    source: str
    denied_advice: str
    timeout_seconds: float = 60.0
    requests_per_second: float | None = None


class CodeHostApi:
    """API of requests that triptych sends for each project in turn.

    Parameters
    ----------
    access : Access
        Address and token.
    headers : mapping
        Headers of each request, the token among them.
    limit_of : callable, optional
        Time that a refusal asks to wait.
    """

    def __init__(
        self,
        access: Access,
        *,
        headers: Mapping[str, str],
        limit_of: Callable[[httpx.Response, str], float | None] | None = None,
    ) -> None:
        self._source = access.source
        self._client = HttpClient(
            base_url=access.base_url,
            source=access.source,
            headers=headers,
            secrets=[access.token],
            denied_advice=access.denied_advice,
            limit_of=limit_of,
            timeout_seconds=access.timeout_seconds,
            requests_per_second=access.requests_per_second,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()


HostConfigT = TypeVar("HostConfigT", bound=CodeHostConfig)
ApiT = TypeVar("ApiT", bound=CodeHostApi)


class CodeHost(PolledSource[HostConfigT], Generic[HostConfigT, ApiT]):
    """Source of deployments and changes of some projects of a server."""

    def streams(self) -> Sequence[str]:
        """Return deployments, and commits where they are asked for."""
        return (DEPLOYMENTS, COMMITS) if self._config.commits else (DEPLOYMENTS,)

    def probe(self) -> Iterator[Finding]:
        """Probe each project, and name the permission that a token lacks."""
        with self._api(self._access()) as api:
            for project in self._projects():
                yield self._probe(api, project)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield the changes of each project since the last time."""
        now = self._now()
        with self._api(self._access()) as api:
            for project in self._projects():
                since = self._loads.since(
                    DEPLOYMENTS,
                    project,
                    first=now - timedelta(days=self._config.history_days),
                    window=window,
                )
                yield from self._of_project(api, project, since, now)

    @property
    @abstractmethod
    def _advice(self) -> str:
        """Return advice on the token needed, and the place for it."""

    @abstractmethod
    def _projects(self) -> Sequence[str]:
        """Return the projects to read, as the server calls them."""

    @abstractmethod
    def _api(self, access: Access) -> ApiT:
        """Open the server's API."""

    @abstractmethod
    def _probe(self, api: ApiT, project: str) -> Finding:
        """Return a finding on access to a project."""

    @abstractmethod
    def _of_project(
        self, api: ApiT, project: str, since: datetime, now: datetime
    ) -> Iterator[Delivery]:
        """Yield the changes of a project since a moment."""

    def _origin(self, delivery: Delivery) -> str:
        return f"{self._config.base_url}#{delivery.scope}"

    def _access(self) -> Access:
        config, source = self._config, f"source {self._config.name!r}"
        return Access(
            base_url=config.base_url,
            token=secret_from_environment(
                config.token_variable, source=source, advice=self._advice
            ),
            source=source,
            denied_advice=self._advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
        )
