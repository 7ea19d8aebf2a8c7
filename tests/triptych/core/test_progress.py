"""Progress is plain lines where nobody draws bars, or JSON lines for machines."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta

import pytest

from triptych.core.progress import (
    FollowsRuns,
    JsonProgress,
    PlainProgress,
    RichProgress,
    SilentProgress,
    progress_for,
)


def test_without_a_terminal_a_stage_is_one_line() -> None:
    stream = io.StringIO()

    with PlainProgress(stream).task("build", total=400) as task:
        for number in range(400):
            task.note(f"int_model_{number}")
            task.advance()

    [line] = stream.getvalue().splitlines()
    assert re.fullmatch(r"build: done 400 of 400 in \d+\.\d s", line)


def test_verbose_lines_tell_beginning_notes_and_end() -> None:
    stream = io.StringIO()

    with PlainProgress(stream, is_verbose=True).task("ingest bills", total=3) as task:
        task.note("reading a.csv")
        task.advance()
        task.advance(2)

    begun, note, done = stream.getvalue().splitlines()
    assert begun == "ingest bills …"
    assert note == "ingest bills: reading a.csv"
    assert re.fullmatch(r"ingest bills: done 3 of 3 in \d+\.\d s", done)


def test_work_that_lasts_says_now_and_then_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("triptych.core.progress._SECONDS_BETWEEN_LINES", 0)

    with PlainProgress(stream).task("build", total=2) as task:
        task.advance()
    assert stream.getvalue().startswith("build: 1 of 2\nbuild: done 1 of 2 in ")


def test_work_that_fails_is_not_called_done() -> None:
    stream = io.StringIO()

    with pytest.raises(RuntimeError), PlainProgress(stream).task("build"):
        raise RuntimeError
    assert stream.getvalue() == ""


def test_bars_go_to_standard_error_and_show_brackets_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = RichProgress()

    with progress.task("outer [bold]") as outer, progress.task("inner", 2) as inner:
        inner.advance(2)
        outer.note("[red]")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "outer [bold]" in captured.err
    assert "inner" in captured.err


def test_each_step_is_one_line_of_json_with_its_run_time_and_outcome() -> None:
    stream = io.StringIO()
    progress = JsonProgress(stream)
    assert isinstance(progress, FollowsRuns)
    with progress.task("before the run"):
        pass
    progress.begin_run("run-7")
    with progress.task("ingest bills", total=3) as task:
        task.note("reading a.csv")
        task.advance(2)
    with pytest.raises(RuntimeError), progress.task("build"):
        raise RuntimeError("secret text")
    progress.run_state("failed", {"error": "It did not work."})

    before, ingested, built, failed = map(json.loads, stream.getvalue().splitlines())
    assert "run_id" not in before
    assert ingested["run_id"] == "run-7"
    assert (ingested["event"], ingested["step"]) == ("step", "ingest bills")
    assert (ingested["outcome"], ingested["count"]) == ("done", 2)
    assert 0 <= ingested["seconds"] < 5
    assert datetime.fromisoformat(ingested["at"]).utcoffset() == timedelta(0)
    assert (built["outcome"], built["level"]) == ("failed", "error")
    assert built["error"] == "RuntimeError"
    assert "secret text" not in stream.getvalue()
    assert (failed["event"], failed["state"]) == ("run", "failed")
    assert failed["error"] == "It did not work."


def test_a_line_break_in_a_message_does_not_break_the_line() -> None:
    stream = io.StringIO()
    JsonProgress(stream).record("log", text="one\ntwo \u20ac")
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["text"] == "one\ntwo €"


def test_silence_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with SilentProgress().task("work") as task:
        task.advance()
        task.note("still working")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_lines_are_chosen_where_there_is_no_terminal() -> None:
    assert isinstance(progress_for(io.StringIO()), PlainProgress)


def test_bars_are_chosen_on_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert isinstance(progress_for(Terminal()), RichProgress)
