"""Events at the sample company between a commit and a quiet night.

Times are UTC, on whole seconds. Nobody has a name: a team, a service, a number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.sample_company.organisation import Model
    from ingest.sample_company.timeline import Month

Kind = Literal["new", "redeploy", "rollback"]
Category = Literal["infra", "incident", "integration"]


@dataclass(frozen=True, slots=True)
class Commit:
    """A change, with the pull request it came by."""

    sha: str
    committed_at: datetime
    pull_request: int
    opened_at: datetime
    merged_at: datetime


@dataclass(frozen=True, slots=True)
class Deployment:
    """Deployment to production, with the changes it first contained."""

    id: int
    model: Model
    sha: str
    kind: Kind
    created_at: datetime
    finished_at: datetime
    has_succeeded: bool
    commits: tuple[Commit, ...] = ()

    @property
    def is_counted(self) -> bool:
        """Return True if it counts towards deployment frequency."""
        return self.has_succeeded and self.kind == "new"


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that users felt."""

    id: str
    model: Model
    started_at: datetime
    resolved_at: datetime
    engaged_seconds: int
    deployment_id: int | None


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run that trained a model, or searched for its settings."""

    id: str
    model: Model
    started_at: datetime
    ended_at: datetime
    status: Literal["FINISHED", "FAILED"]
    sha: str
    architecture: str
    gpu_count: int
    version: int | None = None
    promoted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Worklog:
    """Hours that a team booked on a day."""

    id: str
    team: str
    started_at: datetime
    hours: float
    category: Category


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of a person in a group; a number identifies the person."""

    wave: str
    submitted_at: datetime
    group: str
    item: str
    respondent: int
    value: int


@dataclass(slots=True)
class Delivery:
    """Everything that was planned, in no order."""

    months: tuple[Month, ...]
    deployments: list[Deployment] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    runs: list[TrainingRun] = field(default_factory=list)
    worklogs: list[Worklog] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    invited: dict[tuple[str, str], int] = field(default_factory=dict)
