"""The command line: its messages and exit codes, and what it says of a workspace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.triptych.cli.commands import (
    HEADER,
    REPOSITORY,
    charge,
    invoke,
    new_workspace,
)
from triptych import __version__
from triptych.core.workspace import initialise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_variables_of_the_machine")


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    heavy = {"duckdb", "pyarrow", "pydantic", "pandas", "boto3", "google", "streamlit"}
    heavy |= {"attribution", "numpy", "scipy", "statsmodels"}
    answer = subprocess.run(
        [sys.executable, "-c", "import sys, triptych.cli; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert not heavy & set(answer.stdout.split())


def test_the_version_is_printed() -> None:
    assert invoke("--version").stdout == f"triptych {__version__}\n"


@pytest.mark.parametrize(
    "command",
    ["init", "demo", "check", "ingest", "build", "run", "sql", "status", "dashboard"],
)
def test_every_command_says_what_it_does(command: str) -> None:
    result = invoke(command, "--help")

    assert result.exit_code == 0
    assert "--workspace" in result.stdout
    assert "--verbose" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["checks"],
        ["run", "--no-such-flag"],
        ["sql"],
        ["sql", "select 1", "--format", "xml"],
        ["ingest", "--from", "yesterday"],
    ],
)
def test_a_command_used_wrongly_ends_with_2(arguments: list[str]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_init_writes_a_workspace_once(tmp_path: Path) -> None:
    folder = tmp_path / "new"

    assert invoke("init", folder).exit_code == 0
    again = invoke("init", folder)

    assert again.exit_code == 2
    assert "not empty" in again.stderr
    assert again.stdout == ""


def test_the_current_folder_comes_before_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = new_workspace(tmp_path / "here")
    there = new_workspace(tmp_path / "there")
    monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(there.root))

    monkeypatch.chdir(here.root)
    assert str(here.root) in invoke("check").stdout
    monkeypatch.chdir(tmp_path)
    assert str(there.root) in invoke("check").stdout
    assert str(here.root) in invoke("check", "--workspace", here.root).stdout


def test_outside_a_workspace_the_message_says_what_to_do(tmp_path: Path) -> None:
    result = invoke("status", "-w", tmp_path)

    assert result.exit_code == 2
    assert 'Run "triptych init"' in result.stderr


def test_check_names_every_line_that_is_wrong(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w")
    (workspace.root / "allocation.yml").write_text(
        "pools:\n  - {name: gpu, driver: gpu_hour}\n  - {name: p, driver: fixed,"
        " percentages: {a: 99}}\n",
        encoding="utf-8",
    )

    result = invoke("check", "-w", workspace.root)

    assert result.exit_code == 2
    *lines, next_step = result.stderr.splitlines()
    assert [line[:17] for line in lines] == ["allocation.yml:2:", "allocation.yml:3:"]
    assert "triptych check" in next_step


def test_check_asks_every_source_and_ends_with_3_when_one_is_not_ready(
    tmp_path: Path,
) -> None:
    workspace = initialise(tmp_path / "w")

    empty = invoke("check", "-w", workspace.root, "--json")
    (workspace.root / "bills" / "a.csv").write_text(HEADER, encoding="utf-8")
    filled = invoke("check", "-w", workspace.root, "--json")

    assert (empty.exit_code, filled.exit_code) == (3, 0)
    assert json.loads(empty.stdout)["sources"][0]["is_ok"] is False
    assert json.loads(filled.stdout)["sources"][0]["is_ok"] is True
    assert "Not ready: bills." in empty.stderr


def test_a_warning_does_not_stop_a_command_or_spoil_its_json(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))
    (workspace.root / "allocation.yml").write_text(
        "pools: [{name: p, driver: even}]\n", encoding="utf-8"
    )

    result = invoke("check", "-w", workspace.root, "--json")

    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["warnings"]) == 1
    assert result.stderr.startswith("warning: allocation.yml:1: pool 'p' is never")


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    """Hear it in tests that run in the background, too, where a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_heard")
def test_ctrl_c_ends_a_command_with_130_and_says_what_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("triptych.service.status.status", pressed)
    result = invoke("status", "-w", new_workspace(tmp_path / "w").root)
    assert result.exit_code == 130
    assert result.stderr == (
        "triptych status: Stopped by Ctrl-C before it was done. What is published"
        " stays, and nothing is counted twice: run the same command again.\n"
    )


#: As where a dataclass is made: its methods are text that Python executes.
_STOPPED_IN_TEXT = """
import shutil
import signal
from triptych.cli.application import new_application

def wait():
    exec("signal.raise_signal(signal.SIGTERM)", {"signal": signal})

if __name__ == "__main__":
    new_application({"wait": wait})()
"""


def test_a_signal_ends_a_command_with_its_code_wherever_it_is(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(_STOPPED_IN_TEXT, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "waiting", "wait"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.startswith("triptych wait: Stopped by SIGTERM")
    assert ended.returncode == 143


@pytest.mark.parametrize(
    "arguments",
    [
        ("mcp-tokens", "add", "bi", "--role", "finance"),
        ("mcp-tokens", "list"),
        ("mcp-tokens", "revoke", "bi"),
        ("mcp",),
        ("scenario", "new", "swap-model"),
        ("scenario", "list"),
        ("sql", "select 1"),
        ("explain", "--list"),
        ("reconcile", "--month", "2026-01"),
        ("export", "table", "cost.mart_cost_waterfall"),
    ],
    ids=" ".join,
)
def test_in_a_folder_that_is_no_workspace_nothing_is_made(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A mistyped folder made tokens and scenarios that no service reads."""
    result = invoke(*arguments, "-w", tmp_path / "mistyped")
    assert result.exit_code == 2, result.stdout
    assert "There is no triptych.yml" in result.stderr
    assert not (tmp_path / "mistyped").exists()


def test_what_is_published_is_read_without_settings(
    published: Path, tmp_path: Path
) -> None:
    shutil.copytree(published / "warehouse", tmp_path / "w" / "warehouse")
    answer = invoke("sql", "select 41 + 1 as answer", "-w", tmp_path / "w")
    assert (answer.exit_code, "42" in answer.stdout) == (0, True)
