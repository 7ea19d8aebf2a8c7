"""Notices that an alias of a registered model was moved, in a form of our own.

For registries with webhooks that send a body that their user writes, such as the
automations of Weights & Biases. The body has no time: a promotion happened when its
notice arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import (
    UnfitEventError,
    identifier,
    instant,
    needed,
    without_empty,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.reading.text_rows import Row

Event = dict[str, Any]

_EVENTS = ("alias_set", "alias_deleted")
_DEFAULT_SYSTEM = "promotion_notice"


def stripped_notice(body: Event) -> Event:
    """Return the fields of a notice that are kept.

    Raises
    ------
    UnfitEventError
        It names no model, no alias, or no version that an alias was set to.
    """
    event = identifier(body, "event") or "alias_set"
    if event not in _EVENTS:
        raise UnfitEventError(f"event is none of {', '.join(_EVENTS)}")
    read = needed if event == "alias_set" else identifier
    kept = {
        "event": event,
        "registered_model": needed(body, "registered_model"),
        "alias": needed(body, "alias"),
        "model_version": read(body, "model_version"),
        "source_system": identifier(body, "source_system"),
        "event_id": identifier(body, "event_id"),
        "event_time": instant(body, "event_time"),
        "model_id": identifier(body, "model_id"),
        "environment": identifier(body, "environment"),
    }
    return without_empty(kept)


def notice_rows(
    event: Event, *, received_at: str | None, key: str
) -> Iterator[tuple[str, Row]]:
    """Yield the move of an alias; ``key`` identifies it where no id was given."""
    yield (
        "promotions",
        {
            "source_system": identifier(event, "source_system") or _DEFAULT_SYSTEM,
            "event": needed(event, "event"),
            "event_id": identifier(event, "event_id") or key,
            "event_time": instant(event, "event_time") or received_at,
            "observed_at": received_at,
            **{
                name: identifier(event, name)
                for name in (
                    "registered_model",
                    "alias",
                    "model_version",
                    "model_id",
                    "environment",
                )
            },
        },
    )
