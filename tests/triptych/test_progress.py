"""Progress is plain lines where nobody draws bars."""

from __future__ import annotations

import io
import re

import pytest

from triptych.progress import (
    PlainProgress,
    RichProgress,
    SilentProgress,
    progress_for,
)


def test_plain_lines_tell_beginning_notes_and_end() -> None:
    stream = io.StringIO()

    with PlainProgress(stream).task("ingest bills", total=3) as task:
        task.note("reading a.csv")
        task.advance()
        task.advance(2)

    begun, note, done = stream.getvalue().splitlines()
    assert begun == "ingest bills …"
    assert note == "ingest bills: reading a.csv"
    assert re.fullmatch(r"ingest bills: done 3 of 3 in \d+\.\d s", done)


def test_work_that_fails_is_not_called_done() -> None:
    stream = io.StringIO()

    with pytest.raises(RuntimeError), PlainProgress(stream).task("build"):
        raise RuntimeError
    assert stream.getvalue() == "build …\n"


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
