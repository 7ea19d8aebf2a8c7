"""Argo CD: GitOps deployments, from the history of each application.

The server keeps ten entries and the newest operation, so it has to be polled more often
than ten deployments take; entries that were seen once stay. Its list has no pages; with
``projects``, each project is a separate list. Lists that were recorded into files are
read in place of the server's, as if each had been read when it was new.

Source: Argo CD API, ``GET /api/v1/applications``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from ingest.connector import (
    Delivery,
    Finding,
    SourceConfig,
    Window,
)
from ingest.engine.state_rows import objects, part_of, text
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import (
    BaseUrl,
    EnvironmentVariable,
    RequestsPerSecond,
    TimeoutSeconds,
)
from ingest.http.pages import each_once
from ingest.source_kinds.polled import PolledSource
from ingest.sources.argocd.rows import ArgocdEnvironment, deployment_rows
from ingest.storage.recorded_answers import RecordedAnswers
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from ingest.reading.text_rows import Row

DEPLOYMENTS = "deployments"
_APPLICATIONS = "/api/v1/applications"


class ArgocdConfig(SourceConfig):
    """Options of an ``argocd`` source: the applications of a server."""

    base_url: BaseUrl | None = Field(default=None, description="Address of the server.")
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of recorded lists, instead of the server.",
    )
    token_variable: EnvironmentVariable = Field(
        default="ARGOCD_AUTH_TOKEN",
        description="Environment variable that holds the token.",
    )
    projects: tuple[str, ...] = Field(
        default=(), description="Projects to read; all that the token sees if not set."
    )
    environments: tuple[ArgocdEnvironment, ...] = Field(
        default=(), description="Ordered rules that name an application's environment."
    )
    environment_labels: tuple[str, ...] = Field(
        default=("environment", "env"),
        description="Labels that name the environment where no rule holds.",
    )
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None

    @model_validator(mode="after")
    def _is_of_a_server_or_of_files(self) -> Self:
        if (self.base_url is None) == (self.path is None):
            message = "name either base_url, the server, or path, a folder of lists"
            raise ValueError(message)
        return self


class Argocd(PolledSource[ArgocdConfig]):
    """Source of the applications of an Argo CD server."""

    type: ClassVar[str] = "argocd"

    def __init__(self, config: ArgocdConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._recorded = (
            None
            if config.path is None
            else RecordedAnswers(config.path, root=root, source=config.name)
        )

    def streams(self) -> Sequence[str]:
        """Return the single stream of deployments."""
        return (DEPLOYMENTS,)

    def probe(self) -> Iterator[Finding]:
        """Read the applications, and report how many there are."""
        if self._recorded is not None:
            yield from self._recorded.check()
        elif applications := self._applications():
            yield Finding(True, f"{len(applications)} applications can be read.")
        else:
            yield Finding(False, "No application can be seen.", self._advice)

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Yield the deployments of each application, if they changed."""
        now = self._now()
        rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for application in self._looked_at():
            rows[_identity(application)] += self._rows_of(application)
        for identity, of_application in rows.items():
            if of_application:
                yield self._loads.offer(
                    DEPLOYMENTS,
                    "/".join(identity),
                    of_application,
                    now=now,
                    label=f"Argo CD application {identity[1]}",
                )

    def _rows_of(self, application: Mapping[str, Any]) -> Iterator[Row]:
        return deployment_rows(
            application,
            environments=self._config.environments,
            environment_labels=self._config.environment_labels,
            where=f"{self._where} ({_identity(application)[1]})",
        )

    def _origin(self, delivery: Delivery) -> str:
        return f"{self._config.base_url or self._config.path}#{delivery.scope}"

    def _looked_at(self) -> list[dict[str, Any]]:
        """Return applications as they are, or as each recorded list has them."""
        if self._recorded is None:
            return self._applications()
        return [
            application
            for body in self._recorded.bodies(_APPLICATIONS)
            for application in self._items(body)
        ]

    def _items(self, answer: object) -> list[dict[str, Any]]:
        return list(
            objects(part_of(answer, "items") or [], "'items'", where=self._where)
        )

    def _applications(self) -> list[dict[str, Any]]:
        """Return every application once, in the order of their names.

        Raises
        ------
        MalformedDeliveryError
            A list has an application of another project than was asked for.
        """
        found: list[dict[str, Any]] = []
        with self._client() as client:
            for project in self._config.projects or (None,):
                answer = client.get_json(_APPLICATIONS, params={"projects": project})
                items = self._items(answer)
                self._refuse_others(items, project)
                found += items
        return sorted(each_once(found, key=_identity), key=_identity)

    def _refuse_others(
        self, items: Sequence[Mapping[str, Any]], project: str | None
    ) -> None:
        others = {text(part_of(item.get("spec"), "project")) for item in items}
        if project is not None and others - {project}:
            raise MalformedDeliveryError(
                f"Asked for the project {project!r}, the server answered for"
                f" {', '.join(sorted(map(repr, others - {project})))}.",
                where=self._where,
                next_step="Something between may repeat old answers. Nothing of this"
                " was loaded; run again.",
            )

    @property
    def _advice(self) -> str:
        return (
            f"Let {self._config.token_variable} hold a token of an account that may"
            " 'get' 'applications' of the projects, as in"
            " 'p, role:triptych, applications, get, */*, allow'; nothing more."
        )

    def _client(self) -> HttpClient:
        config = self._config
        token = secret_from_environment(
            config.token_variable, source=self._where, advice=self._advice
        )
        return HttpClient(
            base_url=str(config.base_url),
            source=self._where,
            headers={"Authorization": f"Bearer {token}"},
            secrets=[token],
            denied_advice=self._advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
        )


def _identity(application: Mapping[str, Any]) -> tuple[str, str]:
    metadata = application.get("metadata")
    names = (text(part_of(metadata, key)) or "-" for key in ("namespace", "name"))
    namespace, name = names
    return namespace, name
