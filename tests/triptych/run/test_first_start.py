"""What a first start begins in the background, and where there is nothing to begin."""

from __future__ import annotations

import py_compile
import sys
from importlib.util import find_spec
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

from triptych.core.marts import recipe
from triptych.run import first_start
from triptych.run.first_start import begin_first_start, is_compiled

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class Started:
    """Notes the commands that are started, and when each is waited for."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.are_pages_imported = Event()

    def __call__(self, command: tuple[str, ...]) -> Self:
        self.last = command[-1]
        self.notes.append(f"start {self.last}")
        return self

    def wait(self) -> None:
        self.notes.append(f"end {self.last}")
        if self.last == "triptych.run.first_start":
            self.are_pages_imported.set()


def test_a_first_start_imports_what_simulating_needs_before_dbt_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of its own for compiled files stands for a new environment."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    notes: list[str] = []
    started = Started(notes)
    monkeypatch.setattr(first_start, "_started", started)

    def compile_ahead() -> Thread:
        compiling = Thread(target=notes.append, args=["dbt"])
        compiling.start()
        return compiling

    monkeypatch.setattr(recipe, "read_recipe_ahead", compile_ahead)
    begin_first_start()
    assert started.are_pages_imported.wait(30)
    assert notes == [
        *("start import pandas", "end import pandas", "dbt"),
        *("start triptych.run.first_start", "end triptych.run.first_start"),
    ]


def test_a_library_counts_as_compiled_once_its_first_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of its own for compiled files stands for a new environment."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    assert not is_compiled("streamlit")
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    py_compile.compile(spec.origin)
    assert is_compiled("streamlit")


def test_what_is_part_of_python_or_missing_is_not_compiled_ahead() -> None:
    assert is_compiled("sys")
    assert is_compiled("no_library_of_this_name")
