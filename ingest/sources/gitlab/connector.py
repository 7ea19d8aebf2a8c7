"""GitLab: deployments as they were seen, and the merge requests that each shipped.

Deployments are requested by the time of their change, with an overlap, so those that
failed are among them. GitLab itself notes which merge requests a deployment was the
first to bring to an environment; their commits show when each change was begun.

Source: GitLab REST API v4.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import Finding
from ingest.engine.state_rows import instant
from ingest.http.options import BaseUrl, EnvironmentVariable
from ingest.http.refusals import NotThereError
from ingest.source_kinds.code_hosts import (
    COMMITS,
    DEPLOYMENTS,
    Access,
    CodeHost,
    CodeHostConfig,
    is_production,
)
from ingest.sources.gitlab.api import GitlabApi
from ingest.sources.gitlab.rows import commit_row, deployment_row
from triptych.core.errors import SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.connector import Delivery
    from ingest.reading.text_rows import Row

_PRODUCTION_TIER = "production"


class GitlabConfig(CodeHostConfig):
    """Options of a ``gitlab`` source: some projects of a server."""

    base_url: BaseUrl = Field(
        default="https://gitlab.com", description="Address of the server."
    )
    token_variable: EnvironmentVariable = Field(
        default="GITLAB_TOKEN",
        description="Environment variable that holds the token.",
    )
    projects: tuple[str, ...] = Field(
        min_length=1, description="Projects to read, as group/name or by number."
    )
    production_environments: tuple[str, ...] = Field(
        default=("production", "prod", "live"),
        description="Environments of which that is read, by name or tier, in any case;"
        " those of GitLab's tier production always are.",
    )
    environment_tiers: dict[str, str] = Field(
        default_factory=dict,
        description="Environment → tier, in place of the one that GitLab tells.",
    )


class Gitlab(CodeHost[GitlabConfig, GitlabApi]):
    """Reads deployments and changes of some projects."""

    type: ClassVar[str] = "gitlab"

    def _projects(self) -> Sequence[str]:
        return self._config.projects

    def _api(self, access: Access) -> GitlabApi:
        return GitlabApi(access)

    def _of_project(
        self, api: GitlabApi, project: str, since: datetime, now: datetime
    ) -> Iterator[Delivery]:
        repository = api.path_of(project)
        following = now - timedelta(hours=self._config.overlap_hours)
        states: list[Row] = []
        commits: list[Row] = []
        listed_again: dict[str, list[Row]] = {DEPLOYMENTS: [], COMMITS: []}
        for deployment in api.deployments(project, since):
            row = deployment_row(
                deployment,
                repository=repository,
                tiers=self._config.environment_tiers,
                hotfix_branches=self._config.hotfix_branches,
            )
            shipped = self._shipped(api, project, row)
            states.append(row)
            commits += shipped
            changed_at = instant(deployment.get("updated_at"))
            if not isinstance(changed_at, datetime) or changed_at > _second(following):
                listed_again[DEPLOYMENTS].append(row)
                listed_again[COMMITS] += shipped
        # Commits come first: the note of deployments records that both were read.
        for stream, rows in ((COMMITS, commits), (DEPLOYMENTS, states)):
            if rows:
                yield self._loads.offer(
                    stream,
                    project,
                    rows,
                    now=now,
                    label=f"GitLab {stream} of {repository}",
                    notes={"since": _second(following).isoformat()},
                    next_rows=listed_again[stream],
                )

    def _shipped(self, api: GitlabApi, project: str, deployment: Row) -> list[Row]:
        """Return the commits that a deployment to production was the first to ship."""
        environments = (_PRODUCTION_TIER, *self._config.production_environments)
        if not (
            self._config.commits
            and deployment["status"] == "success"
            and is_production(deployment, environments)
        ):
            return []
        return [
            commit_row(commit, request, deployment=deployment)
            for request in api.merge_requests(project, str(deployment["deployment_id"]))
            for commit in api.commits(project, str(request.get("iid")))
        ]

    def _probe(self, api: GitlabApi, project: str) -> Finding:
        try:
            path = api.path_of(project)
            api.probe(project, "deployments")
            if self._config.commits:
                api.probe(project, "merge_requests")
        except (NotThereError, SourceAccessError) as error:
            return Finding(
                False,
                f"{project}: {error.what}",
                f"The token needs the scope 'read_api' and the role 'Reporter' on"
                f" {project}. {self._advice}",
            )
        return Finding(True, f"{path} can be read.")

    @property
    def _advice(self) -> str:
        return (
            f"Let {self._config.token_variable} hold a project or group access token"
            " with the scope read_api and the role Reporter; with 'commits', the"
            " project's merge requests have to be visible to it."
        )


def _second(moment: datetime) -> datetime:
    """Return a moment as finely as it is asked for."""
    return moment.replace(microsecond=0)
