"""Nothing that stands in a workspace is executed, whichever command is called there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboard.app.server import command
from triptych.core.child_processes import isolated_environment, python_module
from triptych.core.dbt.cache import environment_of_dbt
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).parents[3]
#: Modules of Python, of libraries and those that Python itself looks for.
NAMES = (
    *sorted(name for name in sys.stdlib_module_names if not name.startswith("_")),
    *("duckdb", "pandas", "pyarrow", "pydantic", "dbt_trap", "streamlit", "typer"),
    *("sitecustomize", "usercustomize", "dashboard", "ingest", "attribution"),
)
#: Libraries that pages import and that take tenths of a second to load.
SLOW_TO_LOAD = {"altair", "duckdb", "pandas", "pyarrow", "typst", "xlsxwriter"}


@pytest.fixture
def trapped(tmp_path: Path) -> Path:
    """Return a folder of modules that note in ``executed`` that they were."""
    return trap(tmp_path)


def trap(around: Path) -> Path:
    note = around / "executed"
    folder = around / "workspace"
    folder.mkdir()
    code = f"open({str(note)!r}, 'a').write(__name__ + ' ')\n"
    for name in NAMES:
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    (folder / "triptych.yml").write_text("organisation: A\ncurrency: EUR\n", "utf-8")
    return folder


def executed(folder: Path) -> str:
    note = folder.with_name("executed")
    return note.read_text("utf-8") if note.exists() else ""


def call(
    arguments: Sequence[str | Path], folder: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def with_our_code(variables: dict[str, str]) -> dict[str, str]:
    return {**variables, "PYTHONPATH": str(REPOSITORY)}


def test_the_traps_work(trapped: Path) -> None:
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    plain["PYTHONPATH"] = str(REPOSITORY)
    call([sys.executable, "-m", "triptych.run.spark.process"], trapped, plain)
    assert executed(trapped)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("sql", "SELECT 1"), 2),
        (("check",), 0),
        pytest.param(("build",), 0, marks=pytest.mark.full),
    ],
)
def test_a_command_executes_nothing_of_the_folder_it_is_called_in(
    trapped: Path, arguments: tuple[str, ...], code: int
) -> None:
    program = Path(sysconfig.get_path("scripts")) / "triptych"
    # An empty entry of the path is the folder of the call.
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONSTARTUP": "os.py"}
    ended = call([program, *arguments], trapped, variables)
    assert ended.returncode == code, ended.stderr
    assert executed(trapped) == ""


def test_the_process_of_dbt_executes_nothing_of_its_folder(trapped: Path) -> None:
    variables = with_our_code(environment_of_dbt(Workspace(trapped)))
    # It ends with its standard input, so that is held open.
    with subprocess.Popen(
        [*python_module("triptych.core.dbt.process"), "--version"],
        cwd=trapped,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "duckdb" in process.stdout.read()
    assert executed(trapped) == ""


@pytest.fixture(scope="module")
def serving(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Return a folder, and how a server ended there that told what it imported."""
    folder = trap(tmp_path_factory.mktemp("served"))
    python, *served = command(folder, headless=True)
    line = [python, "-X", "importtime", *served[: served.index("run")], "version"]
    return folder, call(line, folder, with_our_code(isolated_environment()))


def test_the_server_of_the_dashboard_executes_nothing_of_its_folder(
    serving: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, ended = serving
    assert ended.stdout.startswith("Streamlit"), ended.stderr
    assert executed(folder) == ""


def test_libraries_of_pages_are_loaded_before_the_server_listens(
    serving: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, ended = serving
    loaded = set(re.findall(r"\| +(\w+)$", ended.stderr, re.MULTILINE))
    assert loaded >= SLOW_TO_LOAD


def test_processes_that_fit_series_execute_nothing_of_their_folder(
    trapped: Path,
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        "from attribution.estimates.fitting_processes import pool\n"
        "if __name__ == '__main__':\n"
        "    with pool(1) as workers: print(workers.submit(abs, -3).result())\n"
    )
    script = trapped.with_name("fit.py")
    script.write_text(code, encoding="utf-8")
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    ended = call([sys.executable, "-P", script], trapped, plain)
    assert ended.stdout == "3\n", ended.stderr
    assert executed(trapped) == ""


def test_relative_folders_are_no_longer_looked_through(tmp_path: Path) -> None:
    paths = ["", ".", "lib", str(tmp_path)]
    given = {"PYTHONPATH": os.pathsep.join(paths), "LANG": "C"}
    assert isolated_environment(given) == {
        "LANG": "C",
        "PYTHONPATH": str(tmp_path),
        "PYTHONSAFEPATH": "1",
    }
