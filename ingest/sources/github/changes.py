"""Changes in a repository: deployment states, and commits of each.

A deployment to production is compared with the successful deployment before it in the
same environment. A list of deployments is in the order of their creation, so the
predecessor is looked for among older deployments. Without a predecessor, nothing is
reported: the first deployment ever would bring years of changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.source_kinds.code_hosts import is_production
from ingest.sources.github.rows import (
    GithubReading,
    commit_row,
    deployment_row,
    moment_of,
    workflow_run_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from ingest.reading.text_rows import Row
    from ingest.sources.github.api import GithubApi

#: Number of older deployments searched for a success.
_LOOKED_BACK = 50


class Span(NamedTuple):
    """Span to read: changes ``since``, of items created from ``oldest`` on."""

    since: datetime
    oldest: datetime
    now: datetime


class Deployed(NamedTuple):
    """A deployment that succeeded: when it ended, where, and with which revision."""

    at: str
    environment: str
    deployment_id: str
    sha: str


class Changed(NamedTuple):
    """The states of a deployment, and when it changed last."""

    states: list[Row]
    at: datetime


@dataclass(frozen=True, slots=True)
class GithubRules:
    """Rules for reading a repository.

    Parameters
    ----------
    reading : GithubReading
        Conversion of its deployments into rows.
    production : sequence of str
        Environments, or tiers of them, with deployments to compare; in any case.
    workflows : mapping of str to str
        Name of the file of a workflow that deploys → environment.
    has_pull_requests : bool
        Also ask which pull requests a commit came by.
    """

    reading: GithubReading
    production: Sequence[str]
    workflows: Mapping[str, str]
    has_pull_requests: bool


class RepositoryChanges:
    """The deployments of a repository that changed, and the commits they brought.

    Parameters
    ----------
    api : GithubApi
        API to ask.
    repository : str
        ``owner/name``.
    rules : GithubRules
        Rules for reading it.
    span : Span
        Span to read.
    """

    def __init__(
        self, api: GithubApi, repository: str, *, rules: GithubRules, span: Span
    ) -> None:
        self._api = api
        self._repository = repository
        self._rules = rules
        self._span = span
        self._older = iter(api.deployments(repository))
        self._listed = sorted(self._newest(), key=_created_at, reverse=True)
        self._states: dict[str, list[Row]] = {}
        self._runs = [run for file in rules.workflows for run in self._runs_of(file)]

    def changed(self) -> Iterator[Changed]:
        """Yield the changes, deployments first."""
        for deployment in self._listed:
            at = moment_of(deployment, "updated_at") or self._span.now
            if at >= self._span.since:
                yield Changed(self._states_of(deployment), at)
        for run in self._runs:
            if run.at >= self._span.since:
                yield run

    def brought(self, changed: Changed) -> list[Row]:
        """Return the commits that a changed deployment to production brought."""
        rows: list[Row] = []
        for head in self._deployed(changed.states):
            base = self._before(head)
            if base is not None and base.sha != head.sha:
                rows += self._compared(base, head)
        return rows

    def _newest(self) -> Iterator[dict[str, Any]]:
        for deployment in self._older:
            yield deployment
            if _created_at(deployment) < self._span.oldest.isoformat():
                return

    def _states_of(self, deployment: Mapping[str, Any]) -> list[Row]:
        id_ = str(deployment.get("id"))
        if id_ not in self._states:
            statuses = self._api.statuses(self._repository, id_)
            self._states[id_] = [
                deployment_row(
                    deployment,
                    repository=self._repository,
                    reading=self._rules.reading,
                    status=status,
                )
                for status in (None, *statuses)
            ]
        return self._states[id_]

    def _runs_of(self, file: str) -> Iterator[Changed]:
        """Yield the runs of a workflow, each with its earlier attempts."""
        found = self._api.workflow_runs(
            self._repository, file, self._span.oldest, self._span.now
        )
        for run in found:
            run_id, attempts = str(run.get("id")), int(run.get("run_attempt") or 1)
            earlier = [
                self._api.attempt(self._repository, run_id, number)
                for number in range(1, attempts)
            ]
            rows = [
                workflow_run_row(
                    one,
                    repository=self._repository,
                    environment=self._rules.workflows[file],
                    reading=self._rules.reading,
                )
                for one in (*earlier, run)
            ]
            yield Changed(rows, moment_of(run, "updated_at") or self._span.now)

    def _deployed(self, states: Iterable[Row]) -> Iterator[Deployed]:
        """Yield the successful attempts among states.

        The outcome is the first end; later states have no influence on that.
        """
        first: dict[str | None, Row] = {}
        for row in sorted(states, key=lambda row: str(row["finished_at"])):
            if row["finished_at"] and is_production(row, self._rules.production):
                first.setdefault(row["attempt"], row)
        for row in first.values():
            if row["status"] == "success":
                yield Deployed(
                    str(row["finished_at"]),
                    str(row["environment"]),
                    str(row["deployment_id"]),
                    str(row["commit_sha"]),
                )

    def _before(self, head: Deployed) -> Deployed | None:
        """Return the last success in the same environment before a deployment."""
        runs = [one for run in self._runs for one in self._deployed(run.states)]
        candidates = [one for one in runs if _comes_before(one, head)]
        for deployment in self._in_environment(head.environment):
            found = [
                one
                for one in self._deployed(self._states_of(deployment))
                if _comes_before(one, head)
            ]
            if found:
                return max([*candidates, *found])
        return max(candidates, default=None)

    def _in_environment(self, environment: str) -> Iterator[dict[str, Any]]:
        """Yield deployments to an environment, newest first, not all that there are."""
        yield from (d for d in self._listed if d.get("environment") == environment)
        for deployment in islice(self._older, _LOOKED_BACK):
            self._listed.append(deployment)
            if deployment.get("environment") == environment:
                yield deployment

    def _compared(self, base: Deployed, head: Deployed) -> Iterator[Row]:
        for commit in self._api.compared(self._repository, base.sha, head.sha):
            yield commit_row(
                commit,
                self._pull_request(str(commit.get("sha"))),
                repository=self._repository,
                deployment_id=head.deployment_id,
                deployed_sha=head.sha,
            )

    def _pull_request(self, sha: str) -> Mapping[str, Any] | None:
        """Return the pull request by which a commit was merged first."""
        if not self._rules.has_pull_requests:
            return None
        pulls = self._api.pull_requests(self._repository, sha)
        merged = [pull for pull in pulls if pull.get("merged_at")]
        return min(merged, key=lambda pull: str(pull["merged_at"]), default=None)


def _created_at(deployment: Mapping[str, Any]) -> str:
    moment = moment_of(deployment, "created_at")
    return "" if moment is None else moment.isoformat()


def _comes_before(one: Deployed, head: Deployed) -> bool:
    return one.environment == head.environment and one.at < head.at
