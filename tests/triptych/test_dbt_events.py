"""dbt's events are made for a log or a callback that hears them, and not otherwise."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from dbt_common.events.base_types import EventLevel
from dbt_common.events.logger import LineFormat, LoggerConfig
from dbt_common.events.types import Note, SystemExecutingCmd
from dbt_common.exceptions.events import EventCompilationError

from triptych.dbt_events import HeardEvents

if TYPE_CHECKING:
    from collections.abc import Callable

    Heard = list[tuple[str, str]]


def hears(heard: Heard) -> Callable[[Any], None]:
    return lambda event: heard.append((event.info.level, event.info.msg))


def manager(level: EventLevel, log: io.StringIO, heard: Heard) -> HeardEvents:
    made = HeardEvents()
    made.add_logger(
        LoggerConfig(
            name=f"heard at {level.value}",
            level=level,
            line_format=LineFormat.PlainText,
            output_stream=log,
        )
    )
    made.add_callback(hears(heard))
    return made


def tell(events: HeardEvents) -> None:
    for level in (EventLevel.DEBUG, EventLevel.INFO, EventLevel.WARN, EventLevel.ERROR):
        events.fire_event(Note(msg=f"told at {level.value}"), level=level)
    # Told at its own level, which is debug.
    events.fire_event(SystemExecutingCmd(cmd=["ls"]))


def test_a_log_at_level_info_costs_no_event_of_level_debug() -> None:
    log, heard = io.StringIO(), []  # type: ignore[var-annotated]
    tell(manager(EventLevel.INFO, log, heard))
    assert heard == [
        ("info", "told at info"),
        ("warn", "told at warn"),
        ("error", "told at error"),
    ]
    assert [line.split("  ")[-1] for line in log.getvalue().splitlines()] == [
        "told at info",
        "told at warn",
        "told at error",
    ]


def test_a_log_at_level_debug_gets_every_event() -> None:
    log, heard = io.StringIO(), []  # type: ignore[var-annotated]
    tell(manager(EventLevel.DEBUG, log, heard))
    assert [level for level, _ in heard] == ["debug", "info", "warn", "error", "debug"]
    assert "told at debug" in log.getvalue()


def test_a_warning_that_is_an_error_is_still_raised() -> None:
    events = manager(EventLevel.INFO, io.StringIO(), [])
    events.warn_error = True
    with pytest.raises(EventCompilationError, match="told of a node"):
        events.fire_event(Note(msg="told of a node"), force_warn_or_error_handling=True)
