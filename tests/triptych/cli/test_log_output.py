"""What a command logs, as people and as programs read it."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest

from triptych.cli.log_output import log_as_json, log_as_text
from triptych.core.log_events import LogEvent
from triptych.core.progress import JsonProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = logging.getLogger("ingest.sources.anything")


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    ours = [logging.getLogger(name) for name in ("ingest", "triptych", "dashboard")]
    before = [(each.level, list(each.handlers)) for each in ours]
    yield
    for each, (level, handlers) in zip(ours, before, strict=True):
        each.setLevel(level)
        each.handlers = handlers


def log_something() -> None:
    LOG.info(LogEvent("load_committed", rows=3))
    LOG.warning(LogEvent("Alerts were not sent.", file="a.yml", why="no such host"))


def test_warnings_are_text_on_standard_error_and_all_else_where_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_as_text(is_verbose=False)
    log_something()
    quiet = capsys.readouterr()
    log_as_text(is_verbose=True)
    log_something()
    verbose = capsys.readouterr()
    warning = "[WARNING] Alerts were not sent. file=a.yml why='no such host'"
    assert (quiet.out, verbose.out) == ("", "")
    assert [line.split(" ", 2)[2] for line in quiet.err.splitlines()] == [warning]
    assert [line.split(" ", 2)[2] for line in verbose.err.splitlines()] == [
        "[INFO] load_committed rows=3",
        warning,
    ]


def test_as_json_values_keep_their_types_and_an_error_its_traceback() -> None:
    stream = io.StringIO()
    log_as_json(JsonProgress(stream), is_verbose=True)
    log_something()
    LOG.debug("delivery_failed", exc_info=OSError("broken"))
    committed, _, failed = map(json.loads, stream.getvalue().splitlines())
    assert (committed["event"], committed["level"]) == ("log", "info")
    assert (committed["text"], committed["rows"]) == ("load_committed", 3)
    assert failed["text"] == "delivery_failed"
    assert failed["exception"].endswith("OSError: broken")
