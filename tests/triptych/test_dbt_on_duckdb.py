"""One process of dbt for all commands of a run, and the project that it read kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from triptych.dbt_on_duckdb import (
    DbtOnDuckDB,
    EngineSettings,
    ProjectAsItWasRead,
    environment_of_dbt,
)
from triptych.dbt_process import COMMAND_ENDED
from triptych.errors import TransformError
from triptych.progress import SilentProgress
from triptych.workspace import Workspace

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
ENGINE = EngineSettings(memory_limit="1GB", threads=2)
READ_ANEW = "Unable to do partial parsing"
LIST_ONE = ("list", "--select", "mart_run", "--quiet")


def dbt_in(folder: Path) -> DbtOnDuckDB:
    workspace = Workspace(folder)
    workspace.warehouse_dir.mkdir(parents=True)
    for database in (workspace.raw_database, workspace.build_database):
        duckdb.connect(str(database)).close()
    return DbtOnDuckDB(workspace, engine=ENGINE, run_dir=folder / "run")


def log_of(dbt: DbtOnDuckDB) -> str:
    return (dbt.run_dir / "dbt" / "dbt.log").read_text("utf-8")


def run(dbt: DbtOnDuckDB, *arguments: str) -> None:
    with SilentProgress().task("build") as task:
        dbt.run(arguments, task=task)


def test_what_one_workspace_read_of_the_project_no_other_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with dbt_in(tmp_path / "first") as first:
        run(first, *LIST_ONE)
    with dbt_in(tmp_path / "second") as second:
        run(second, *LIST_ONE)
    assert READ_ANEW in log_of(first)
    assert READ_ANEW not in log_of(second)


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


def test_between_two_commands_of_one_process_the_database_is_free(
    tmp_path: Path,
) -> None:
    with dbt_in(tmp_path / "workspace") as dbt:
        run(dbt, "show", "--inline", "select 1 as one")
        database = str(dbt.workspace.build_database)
        with duckdb.connect(database) as connection:
            connection.execute("CREATE TABLE written_in_between AS SELECT 4711 AS n")
        run(dbt, "show", "--inline", "select n from main.written_in_between")
    assert "4711" in log_of(dbt)


def test_a_command_that_fails_is_told_of_and_the_next_one_works(
    tmp_path: Path,
) -> None:
    with dbt_in(tmp_path / "workspace") as dbt:
        with pytest.raises(TransformError, match="no_such_table"):
            run(dbt, "show", "--inline", "select * from no_such_table")
        run(dbt, *LIST_ONE)


def test_variables_of_a_file_beside_the_workspace_are_not_for_dbt(
    tmp_path: Path,
) -> None:
    """From 1.12 dbt reads ``.env`` of the current folder and of those above."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / ".env").write_text("DBT_TARGET=no_such_target\n", "utf-8")
    with dbt_in(workspace) as dbt:
        run(dbt, *LIST_ONE)


def test_without_a_place_to_keep_it_the_project_is_read_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("in the way of the folder", "utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a file"))
    with dbt_in(tmp_path / "workspace") as dbt:
        run(dbt, *LIST_ONE)
    assert READ_ANEW in log_of(dbt)


@pytest.mark.parametrize("is_busy", [True, False], ids=["at work", "idle"])
def test_dbt_ends_as_soon_as_nobody_waits_for_it(tmp_path: Path, is_busy: bool) -> None:
    dbt = dbt_in(tmp_path / "workspace")
    with subprocess.Popen(
        [sys.executable, "-m", "triptych.dbt_process"],
        env=environment_of_dbt(dbt.workspace, ENGINE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        command = json.dumps(["parse", "--project-dir", str(tmp_path)])
        said, _ = process.communicate(f"{command}\n" if is_busy else "", timeout=60)
    # The project is not there: the command may have ended before its reader was gone.
    assert process.returncode in ({70, 0} if is_busy else {0})
    assert (COMMAND_ENDED in said) == (is_busy and process.returncode == 0)


def test_a_build_goes_on_after_it_has_spilled(tmp_path: Path) -> None:
    """As dbt does it: settings are repeated for each statement."""
    with dbt_in(tmp_path / "workspace") as dbt:
        run(dbt, "show", "--inline", "select 1 as one")  # the profile is valid
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text("utf-8"))
    target = profile["triptych"]["outputs"]["duckdb"]
    config = {"temp_directory": str(tmp_path / "spill"), "memory_limit": "50MB"}
    assert config.keys() <= target["config_options"].keys()
    with duckdb.connect(config={**config, "threads": 1}) as connection:
        spilling = "SELECT md5(i::VARCHAR) AS text FROM range(2_000_000) AS t(i)"
        connection.execute(f"CREATE TEMP TABLE spilled AS {spilling} ORDER BY text")
        assert (tmp_path / "spill").is_dir()
        for name, value in target["settings"].items():
            connection.execute(f"SET {name} = '{value}'")
        with pytest.raises(duckdb.Error, match="Cannot switch temporary directory"):
            connection.execute(f"SET temp_directory = '{tmp_path / 'spill'}'")
