"""GitHub: deployments in every state, and the commits of each.

A list of deployments has no filter by time, so it is read newest first, back to those
that may still change. Of those that changed since the last time, with an overlap, each
status is read. A repository that deploys by a workflow names the workflow's file, and
its runs are deployments.

The changes in a deployment to production are those that a comparison with the
deployment before it lists: commits with their times, and the pull requests that they
came by. The first deployment has nothing before it, and no reported changes.

Source: GitHub REST API 2022-11-28.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from ingest.connector import Finding
from ingest.http.options import BaseUrl, EnvironmentVariable
from ingest.http.refusals import NotThereError
from ingest.source_kinds.code_hosts import (
    COMMITS,
    DEPLOYMENTS,
    Access,
    CodeHost,
    CodeHostConfig,
)
from ingest.sources.github.api import GithubApi
from ingest.sources.github.changes import GithubRules, RepositoryChanges, Span
from ingest.sources.github.rows import PAYLOAD_COLUMNS, GithubReading
from triptych.core.declared import Declared
from triptych.core.errors import SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ingest.connector import Delivery

_REPOSITORY = r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"


class GithubWorkflow(Declared):
    """Workflow with runs that are deployments."""

    repository: str = Field(pattern=_REPOSITORY, description="owner/name.")
    path: str = Field(
        pattern=r"^\.github/workflows/[^/@]+\.ya?ml$", description="Its file."
    )
    environment: str = Field(description="Environment that it deploys to.")


class GithubConfig(CodeHostConfig):
    """Options of a ``github`` source: some repositories of a server."""

    base_url: BaseUrl = Field(
        default="https://api.github.com",
        description="Address of the API; https://HOST/api/v3 of a server of your own.",
    )
    token_variable: EnvironmentVariable = Field(
        default="GITHUB_TOKEN",
        description="Environment variable that holds the token.",
    )
    repositories: tuple[str, ...] = Field(
        min_length=1, description="Repositories to read, as owner/name."
    )
    workflows: tuple[GithubWorkflow, ...] = Field(
        default=(), description="Workflows that deploy."
    )
    pull_requests: bool = Field(
        default=True, description="Also read the pull requests of those commits."
    )
    production_environments: tuple[str, ...] = Field(
        default=("production", "prod", "live"),
        description="Environments, or tiers of them, whose deployments are compared.",
    )
    payload: dict[str, str] = Field(
        default_factory=lambda: {name: name for name in PAYLOAD_COLUMNS},
        description="Column → key in a deployment's payload that fills it.",
    )
    open_days: int = Field(
        default=30,
        ge=1,
        le=366,
        description="How long after its creation a deployment may still change.",
    )

    @field_validator("repositories")
    @classmethod
    def _are_repositories(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name.count("/") != 1 or not all(name.split("/")) or name != name.strip():
                message = f"{name!r} is no repository; write it as owner/name"
                raise ValueError(message)
        return names

    @field_validator("payload")
    @classmethod
    def _fills_known_columns(cls, payload: dict[str, str]) -> dict[str, str]:
        for column in payload:
            if column not in PAYLOAD_COLUMNS:
                known = ", ".join(PAYLOAD_COLUMNS)
                message = f"a payload cannot fill {column!r}; it can fill {known}"
                raise ValueError(message)
        return payload


class Github(CodeHost[GithubConfig, GithubApi]):
    """Reads deployments and changes of some repositories."""

    type: ClassVar[str] = "github"

    def _projects(self) -> Sequence[str]:
        return self._config.repositories

    def _api(self, access: Access) -> GithubApi:
        return GithubApi(access)

    def _of_project(
        self, api: GithubApi, project: str, since: datetime, now: datetime
    ) -> Iterator[Delivery]:
        oldest = since - timedelta(days=self._config.open_days)
        following = now - timedelta(hours=self._config.overlap_hours)
        changes = RepositoryChanges(
            api,
            project,
            rules=self._rules(project),
            span=Span(since, oldest, now),
        )
        changed = list(changes.changed())
        states = [(one.at, one.states) for one in changed]
        brought = (
            [(one.at, changes.brought(one)) for one in changed]
            if self._config.commits
            else []
        )
        # Commits come first: the note of deployments records that both were read.
        for stream, found in ((COMMITS, brought), (DEPLOYMENTS, states)):
            rows = [row for _, told in found for row in told]
            if rows:
                yield self._loads.offer(
                    stream,
                    project,
                    rows,
                    now=now,
                    label=f"GitHub {stream} of {project}",
                    notes={"since": following.isoformat()},
                    next_rows=[
                        row for at, told in found if at >= following for row in told
                    ],
                )

    def _rules(self, repository: str) -> GithubRules:
        config = self._config
        return GithubRules(
            reading=GithubReading(
                payload=config.payload,
                environment_tiers=config.environment_tiers,
                hotfix_branches=config.hotfix_branches,
            ),
            production=config.production_environments,
            workflows={
                workflow.path.rpartition("/")[2]: workflow.environment
                for workflow in config.workflows
                if workflow.repository == repository
            },
            has_pull_requests=config.pull_requests,
        )

    def _probe(self, api: GithubApi, project: str) -> Finding:
        for permission, path in self._needed(project):
            try:
                api.probe(f"/repos/{project}{path}")
            except (NotThereError, SourceAccessError) as error:
                return Finding(
                    False,
                    f"{project}: {error.what}",
                    f"The token needs the permission {permission!r} on {project}."
                    f" {self._advice}",
                )
        return Finding(True, f"{project} can be read.")

    def _needed(self, repository: str) -> Iterator[tuple[str, str]]:
        """Yield each permission that is needed, and a path that needs it."""
        config = self._config
        yield "Metadata: read", ""
        yield "Deployments: read", "/deployments"
        if any(workflow.repository == repository for workflow in config.workflows):
            yield "Actions: read", "/actions/runs"
        if config.commits:
            yield "Contents: read", "/commits"
        if config.commits and config.pull_requests:
            yield "Pull requests: read", "/pulls"

    @property
    def _advice(self) -> str:
        return (
            f"Let {self._config.token_variable} hold a fine-grained token, or the"
            " installation token of a GitHub App, that may read Deployments, Contents,"
            " Pull requests and, for workflows, Actions of the repositories."
        )
