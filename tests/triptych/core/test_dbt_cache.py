"""What dbt reads of the project is kept, and dbt ends with the run that started it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from triptych.core.dbt import cache
from triptych.core.dbt.cache import ProjectAsItWasRead, environment_of_dbt
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("environment", "engine"),
    [
        ({"TRIPTYCH_THREADS": "2"}, "spark"),
        ({"TRIPTYCH_THREADS": "8"}, "duckdb"),
    ],
    ids=["another engine", "another value in the profile"],
)
def test_what_was_read_of_the_project_is_kept_for_those_who_would_read_the_same(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    engine: str,
) -> None:
    """All of the project is read again when the profile has other values."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first, same, other = (tmp_path / name / "parsed" for name in ("a", "b", "c"))
    two_threads = {"TRIPTYCH_THREADS": "2", "TRIPTYCH_ROOT": "/one"}
    with ProjectAsItWasRead(first, two_threads):
        first.write_bytes(b"read with two threads")
    with ProjectAsItWasRead(same, {**two_threads, "TRIPTYCH_ROOT": "/another"}):
        assert same.read_bytes() == b"read with two threads"
    with ProjectAsItWasRead(other, environment, engine=engine):
        assert not other.exists()


def test_what_was_read_of_another_version_of_the_project_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took a model that another file describes now for one described twice."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "project"
    described = project / "models" / "_described.yml"
    described.parent.mkdir(parents=True)
    described.write_text("models: [{name: former}]", "utf-8")
    monkeypatch.setattr(cache, "dbt_project_dir", lambda: project)
    first, later, again = (tmp_path / name / "parsed" for name in ("a", "b", "c"))
    with ProjectAsItWasRead(first, {}):
        first.write_bytes(b"the first version")
    described.write_text("models: [{name: later}]", "utf-8")
    with ProjectAsItWasRead(later, {}):
        assert not later.exists()
        later.write_bytes(b"the later version")
    with ProjectAsItWasRead(again, {}):
        assert again.read_bytes() == b"the later version"
    assert len(list((tmp_path / "cache" / "triptych").iterdir())) == 1


def test_dbt_ends_as_soon_as_the_run_that_started_it_is_gone(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "triptych.core.dbt.process", "parse"],
        env=environment_of_dbt(Workspace(tmp_path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        process.communicate("", timeout=60)
    assert process.returncode == 70
