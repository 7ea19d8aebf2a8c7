"""The kinds of event in an inbox, and the rows that each becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import UnfitEventError
from ingest.sources.events import cdevents, devlake_webhooks
from ingest.sources.github import events as github_events
from ingest.sources.mlflow import promotion_notices
from ingest.sources.mlflow import webhooks as mlflow_webhooks
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.reading.text_rows import Row
    from ingest.sources.events.inbox import ReceivedEvent

#: Streams that events become rows of.
STREAMS_OF_EVENTS = ("deployments", "incidents", "promotions", "commits")


@dataclass(frozen=True, slots=True)
class EventReading:
    """Settings for facts that events do not contain.

    Parameters
    ----------
    rules : sequence of PipelineRule
        Pipelines of CDEvents that deploy.
    workflows : mapping of str to str
        File of a GitHub workflow that deploys → environment.
    """

    rules: Sequence[cdevents.PipelineRule] = ()
    workflows: Mapping[str, str] = field(default_factory=dict)


def rows_of(
    event: ReceivedEvent,
    *,
    reading: EventReading,
    chain: Iterable[dict[str, Any]],
) -> list[tuple[str, Row]]:
    """Return the rows of an event with their streams; none if it is not read.

    Raises
    ------
    UnfitEventError
        It lacks a field that its kind requires.
    """
    at = event.received_at
    match event.kind:
        case "cdevents":
            return cdevents.rows_of(
                event.event, received_at=at, rules=reading.rules, chain=chain
            )
        case "devlake":
            return _devlake_rows(event)
        case "promotion":
            notice = promotion_notices.notice_rows(
                event.event, received_at=at, key=event.key
            )
            return list(notice)
        case "mlflow":
            return [("promotions", _mlflow_row(event))]
        case "github":
            return github_events.rows_of(
                event.event,
                observed_at=_received_at(event),
                workflows=reading.workflows,
            )
    return []


def streams_of_type(type_: str) -> tuple[str, ...]:
    """Return the streams that events of a type may become rows of.

    ``type_`` is kind and type as the name of a file has them, such as
    ``cdevents.service.deployed.0.3.0``.
    """
    kind, _, rest = type_.partition(".")
    match kind:
        case "cdevents":
            return _streams_of_cdevent(rest)
        case "devlake":
            known = {"deployments": "deployments", "issues": "incidents"}
            return (known[rest],) if rest in known else ()
        case "promotion" | "mlflow":
            return ("promotions",)
        case "github" if rest in {"deployment", "deployment_status", "workflow_run"}:
            return ("deployments",)
    return ()


def chain_of(event: ReceivedEvent) -> str | None:
    """Return the chain that an event of CDEvents belongs to."""
    if event.kind != "cdevents":
        return None
    chain = event.event.get("context", {}).get("chainId")
    return None if chain is None else str(chain)


def _streams_of_cdevent(rest: str) -> tuple[str, ...]:
    event = {"context": {"type": f"dev.cdevents.{rest}"}}
    name = cdevents.name_of_type(event)
    return () if name is None else (cdevents.stream_of_type(name),)


def _mlflow_row(event: ReceivedEvent) -> Row:
    try:
        row = mlflow_webhooks.promotion_row(
            event.event, delivery_id=event.key, observed_at=_received_at(event)
        )
    except MalformedDeliveryError as error:
        raise UnfitEventError("it is no delivery of an MLflow webhook") from error
    return {name: _as_text(value) for name, value in row.items()}


def _devlake_rows(event: ReceivedEvent) -> list[tuple[str, Row]]:
    read = {
        "deployments": devlake_webhooks.deployment_rows,
        "issues": devlake_webhooks.issue_rows,
    }.get(event.type)
    return list(read(event.event, received_at=event.received_at)) if read else []


def _received_at(event: ReceivedEvent) -> datetime:
    return datetime.fromisoformat(event.received_at).astimezone(UTC)


def _as_text(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)
