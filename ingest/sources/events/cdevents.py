"""CDEvents: services that were deployed, incidents, pipelines that failed.

An event is read if its type begins as a known type and its version lies in the range
with known content. Any other is kept by its context and counted.

``service.*`` reports successes only. A deployment that failed shows as a pipeline run
that did not succeed, which names neither service nor environment: a rule of the source
gives the pipelines and their deployments, or events of the same chain do.

Source: CDEvents 0.1 to 0.5 (cdevents/spec, ``schemas/``).
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import (
    UnfitEventError,
    flag,
    identifier,
    instant,
    member,
    needed,
    needed_instant,
    without_empty,
)
from ingest.sources.events.package_urls import read_package_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.reading.text_rows import Row

Event = dict[str, Any]

SOURCE_SYSTEM = "cdevents"
_TYPE = re.compile(
    r"dev\.cdevents\.(?P<subject>[a-z]+)\.(?P<predicate>[a-z]+)"
    r"\.(?P<major>\d+)\.(?P<minor>\d+)\.\d+(-[0-9A-Za-z.]+)?"
)
#: First version of each subject with content that is read; 1.0.0 is beyond the range.
_FIRST_MINOR = 1
_SERVICE = ("deployed", "upgraded", "rolledback")
_INCIDENT = ("detected", "reported", "resolved")
_STREAMS = {
    **{f"service.{one}": "deployments" for one in _SERVICE},
    **{f"incident.{one}": "incidents" for one in _INCIDENT},
    "pipelinerun.finished": "deployments",
    "change.merged": "commits",
}
#: Events that name the subject of other events of their chain, and have no rows
#: themselves.
_OF_A_CHAIN = frozenset({"artifact.packaged", "artifact.published"})
#: Unsuccessful results of a pipeline run.
_FAILED = {
    "failure": "failure",
    "error": "failure",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
}
#: Members of ``customData`` that are kept; all are identifiers.
CUSTOM_FIELDS = (
    "model_id",
    "registered_model",
    "model_version",
    "run_id",
    "feature_id",
    "repository",
    "branch",
    "commit_sha",
    "deployment_id",
    "incident_id",
    "severity",
    "team_id",
    "project",
    "region",
    "environment",
    "service",
)
CUSTOM_TIMES = ("started_at", "impact_started_at", "committed_at")


@dataclass(frozen=True, slots=True)
class PipelineRule:
    """Rule for pipelines that deploy: glob over names, and the target."""

    pipeline: str
    environment: str | None = None
    service: str | None = None


def name_of_type(event: Event) -> str | None:
    """Return ``service.deployed`` and the like; ``None`` where it cannot be read."""
    name = _known_name(event)
    return name if name in _STREAMS else None


def stream_of_type(name: str) -> str:
    """Return the stream of the rows of events of a known type."""
    return _STREAMS[name]


def stripped(event: Event) -> Event:
    """Return the fields of an event that are kept.

    Raises
    ------
    UnfitEventError
        It lacks members that CDEvents require.
    """
    context = {
        "id": needed(event, "context", "id"),
        "source": needed(event, "context", "source"),
        "type": needed(event, "context", "type"),
        "timestamp": needed_instant(event, "context", "timestamp"),
        "specversion": identifier(event, "context", "specversion"),
        "chainId": identifier(event, "context", "chainId"),
    }
    if _known_name(event) in _OF_A_CHAIN:
        content = {"artifactId": _package(event)}
        subject = without_empty({"content": without_empty(content)})
        return without_empty({"context": without_empty(context), "subject": subject})
    if name_of_type(event) is None:
        return {"context": without_empty(context)}
    kept = {
        "context": without_empty(context),
        "subject": {
            "id": needed(event, "subject", "id"),
            "content": _stripped_content(event),
        },
        "customData": _stripped_custom(event),
    }
    rows_of(kept, received_at=None)  # refuses what would have no row later
    return without_empty(kept)


def rows_of(
    event: Event,
    *,
    received_at: str | None,
    rules: Sequence[PipelineRule] = (),
    chain: Iterable[Event] = (),
) -> list[tuple[str, Row]]:
    """Return the rows of an event, each with its stream; none if it has none.

    Parameters
    ----------
    event : dict
        As :func:`stripped` returns it.
    received_at : str, optional
        Time of arrival.
    rules : sequence of PipelineRule
        Pipelines that deploy.
    chain : iterable of dict
        Events of the same chain, for facts that a pipeline run lacks.

    Raises
    ------
    UnfitEventError
        A member that its type requires is missing.
    """
    name = name_of_type(event)
    if name is None:
        return []
    if name.startswith("service."):
        row: Row | None = _service_row(event, name.removeprefix("service."))
    elif name.startswith("incident."):
        row = _incident_row(event, name.removeprefix("incident."))
    elif name == "pipelinerun.finished":
        row = _pipeline_row(event, rules, list(chain))
    else:
        row = _commit_row(event)
    if row is None:
        return []
    row["observed_at"] = received_at
    return [(_STREAMS[name], row)]


def _known_name(event: Event) -> str | None:
    found = _TYPE.fullmatch(str(member(event, "context", "type") or ""))
    if found is None or found["major"] != "0" or int(found["minor"]) < _FIRST_MINOR:
        return None
    return f"{found['subject']}.{found['predicate']}"


def _package(event: Event) -> str | None:
    subject = identifier(event, "subject", "id") or ""
    return subject if subject.startswith("pkg:") else None


def _stripped_content(event: Event) -> Event:
    content = ("subject", "content")
    return without_empty(
        {
            **{
                one: without_empty({"id": identifier(event, *content, one, "id")})
                for one in ("environment", "service", "repository")
            },
            **{
                one: identifier(event, *content, one)
                for one in ("artifactId", "pipelineName", "outcome")
            },
        }
    )


def _stripped_custom(event: Event) -> Event:
    custom = {field: _custom(event, field) for field in CUSTOM_FIELDS}
    times = {one: instant(event, "customData", one) for one in CUSTOM_TIMES}
    return without_empty({**custom, **times})


def _custom(event: Event, name: str) -> str | None:
    value = member(event, "customData", name)
    # Custom data has any content that a sender likes; values other than identifiers are
    # left out.
    if isinstance(value, str) and value.count(" ") > 1:
        return None
    try:
        return identifier(event, "customData", name)
    except UnfitEventError:
        return None


def _service_row(event: Event, predicate: str) -> Row:
    happened_at = needed_instant(event, "context", "timestamp")
    environment = needed(event, "subject", "content", "environment", "id")
    service = needed(event, "subject", "id")
    is_rollback = predicate == "rolledback"
    return {
        **_deployment_row(event, environment, service),
        "deployment_id": _deployment_id(event, environment, service, is_rollback),
        "status": "success",
        "native_status": predicate,
        "event_time": happened_at,
        "finished_at": happened_at,
        "is_rollback": flag(is_rollback),
    }


def _deployment_row(event: Event, environment: str | None, service: str | None) -> Row:
    return {
        "source_system": SOURCE_SYSTEM,
        "environment": environment,
        "environment_id": environment,
        "service": service,
        "started_at": member(event, "customData", "started_at"),
        "artifact_id": identifier(event, "subject", "content", "artifactId"),
        **_code_and_model(event),
        **_customs(event, "branch", "feature_id", "incident_id", "project", "region"),
    }


def _code_and_model(event: Event) -> Row:
    """Return commit and model, as custom data names them or the package URL does."""
    package = read_package_url(identifier(event, "subject", "content", "artifactId"))
    custom = _customs(
        event,
        *("repository", "commit_sha", "model_id", "registered_model", "model_version"),
    )
    return {
        "repository": custom["repository"] or package.repository,
        "commit_sha": custom["commit_sha"] or package.commit_sha,
        "model_id": custom["model_id"],
        "registered_model": custom["registered_model"] or package.registered_model,
        "model_version": custom["model_version"] or package.model_version,
    }


def _customs(event: Event, *names: str) -> Row:
    return {name: identifier(event, "customData", name) for name in names}


def _deployment_id(
    event: Event,
    environment: str | None,
    service: str | None,
    is_rollback: bool,  # noqa: FBT001
) -> str:
    """Return a deployment's id: a chain's rollout of a service to a place.

    A rollback is a separate deployment, though it belongs to the same chain.
    """
    chain = identifier(event, "context", "chainId")
    if chain is None or is_rollback:
        source = needed(event, "context", "source")
        return f"{source}#{needed(event, 'context', 'id')}"
    return "/".join(filter(None, (chain, environment, service)))


def _pipeline_row(
    event: Event, rules: Sequence[PipelineRule], chain: list[Event]
) -> Row | None:
    """Return the failed deployment of a pipeline run, if it has any."""
    outcome = (identifier(event, "subject", "content", "outcome") or "").lower()
    happened_at = needed_instant(event, "context", "timestamp")
    target = _target_of_pipeline(event, rules, chain)
    if target is None or outcome not in _FAILED:
        return None
    environment, service = target
    row = _deployment_row(event, environment, service)
    for other in chain:
        row.update({k: v for k, v in _code_of_chain(other).items() if not row.get(k)})
    return {
        **row,
        "deployment_id": _deployment_id(event, environment, service, False),
        "status": _FAILED[outcome],
        "native_status": outcome,
        "event_time": happened_at,
        "finished_at": happened_at,
    }


def _target_of_pipeline(
    event: Event, rules: Sequence[PipelineRule], chain: list[Event]
) -> tuple[str | None, str | None] | None:
    """Return environment and service deployed by a pipeline, or ``None``."""
    pipeline = identifier(event, "subject", "content", "pipelineName") or ""
    own = _customs(event, "environment", "service")
    for rule in rules:
        if fnmatch.fnmatchcase(pipeline, rule.pipeline):
            service = own["service"] or rule.service
            return own["environment"] or rule.environment, service
    if own["environment"]:
        return own["environment"], own["service"]
    rollouts = {
        (
            identifier(other, "subject", "content", "environment", "id"),
            identifier(other, "subject", "id"),
        )
        for other in chain
        if (name_of_type(other) or "").startswith("service.")
    }
    if not rollouts:
        return None
    # Several rollouts in the same chain: nobody reported which of them failed.
    return rollouts.pop() if len(rollouts) == 1 else (None, None)


def _code_of_chain(event: Event) -> Row:
    found = _code_and_model(event)
    repository = identifier(event, "subject", "content", "repository", "id")
    artifact = identifier(event, "subject", "content", "artifactId")
    return {
        **found,
        "repository": found["repository"] or repository,
        "artifact_id": artifact,
    }


def _incident_row(event: Event, predicate: str) -> Row:
    happened_at = needed_instant(event, "context", "timestamp")
    content = ("subject", "content")
    is_resolved = predicate == "resolved"
    impact = member(event, "customData", "impact_started_at")
    opened_at = None if is_resolved else happened_at
    code = _code_and_model(event)
    return {
        "source_system": SOURCE_SYSTEM,
        "incident_id": needed(event, "subject", "id"),
        "status": "resolved" if is_resolved else "open",
        "native_status": predicate,
        "event_time": happened_at,
        "created_at": opened_at,
        "impact_started_at": impact or opened_at,
        "resolved_at": happened_at if is_resolved else None,
        "starts_at_record": None if is_resolved else flag(impact is None),
        "service": identifier(event, *content, "service", "id"),
        "environment": needed(event, *content, "environment", "id"),
        **{name: code[name] for name in ("commit_sha", "model_id", "model_version")},
        **_customs(event, "severity", "team_id", "feature_id", "deployment_id"),
    }


def _commit_row(event: Event) -> Row | None:
    """Return a commit where custom data names it and when it was made."""
    code = _customs(event, "commit_sha", "branch", "service", "project", "model_id")
    committed_at = member(event, "customData", "committed_at")
    repository = identifier(event, "subject", "content", "repository", "id")
    if not (code["commit_sha"] and committed_at and repository):
        return None
    return {
        "source_system": SOURCE_SYSTEM,
        "repository": repository,
        "committed_at": committed_at,
        "merged_at": needed_instant(event, "context", "timestamp"),
        **code,
        **_customs(event, "feature_id", "deployment_id"),
    }
