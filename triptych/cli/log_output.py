"""Command logs on standard error: as text, or as lines of JSON."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from triptych.core.log_events import LogEvent

if TYPE_CHECKING:
    from triptych.core.progress import JsonProgress

#: Packages with events that are shown. Log events of libraries stay with them.
_OURS: Final = ("attribution", "dashboard", "ingest", "triptych")
_FORM: Final = logging.Formatter("{asctime} [{levelname}] {message}", style="{")


class _TextOutput(logging.Handler):
    """Keeps standard output for results."""

    def emit(self, record: logging.LogRecord) -> None:
        # Looked up late: a test or a caller may have replaced standard error.
        print(_FORM.format(record), file=sys.stderr)


class _JsonOutput(logging.Handler):
    """Writes lines of the same form as those of a run's progress."""

    def __init__(self, lines: JsonProgress) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        event = record.msg if isinstance(record.msg, LogEvent) else None
        values = dict(event.values) if event else {}
        if record.exc_info:
            values["exception"] = _FORM.formatException(record.exc_info)
        text = event.text if event else record.getMessage()
        self._lines.record("log", level=record.levelname.lower(), text=text, **values)


def log_as_text(*, is_verbose: bool) -> None:
    """Show warnings and errors on standard error; all events where asked to."""
    _hand_over_to(_TextOutput(), is_verbose=is_verbose)


def log_as_json(lines: JsonProgress, *, is_verbose: bool) -> None:
    """Write log events among the lines of a run, with its id."""
    _hand_over_to(_JsonOutput(lines), is_verbose=is_verbose)


def _hand_over_to(output: logging.Handler, *, is_verbose: bool) -> None:
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers = [output]
        logger.setLevel(logging.DEBUG if is_verbose else logging.WARNING)
