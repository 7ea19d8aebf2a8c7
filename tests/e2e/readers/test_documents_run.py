"""Console blocks of the documents are typed as printed, and answer as printed.

Not typed: installations, and commands of a clone. A server is started on a free port
and stopped once it has printed its address.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.triptych.discovery.held_out_bills import held_out_bills

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.full

REPOSITORY: Final = Path(__file__).resolve().parents[3]
_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_TYPED: Final = re.compile(r"(uv|make|python3 -m venv|\S*pip) ")
_SERVER: Final = re.compile("triptych dashboard")
#: Ids that each run makes.
_MADE: Final = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{4}|\b[0-9a-f]{10,64}\b")
_LONGEST_SECONDS: Final = 1200


class Typed(NamedTuple):
    """A command of a block, and the lines of its answer that the page shows."""

    command: str
    shown: list[str]


def typed_commands(page: str) -> Iterator[Typed]:
    """Yield the commands of a page; a line within open quotes goes on."""
    for block in _BLOCK.findall((REPOSITORY / page).read_text("utf-8")):
        command: str | None = None
        shown: list[str] = []
        for line in block.splitlines():
            if command is not None and command.count('"') % 2:
                command = f"{command}\n{line}"
            elif line.startswith("$ "):
                if command is not None:
                    yield Typed(command, shown)
                command, shown = line.removeprefix("$ "), []
            else:
                shown.append(line)
        if command is not None:
            yield Typed(command, shown)


def bills(folder: Path) -> None:
    """Put bills where the pages expect them."""
    by_name = {bill.name: bill for bill in held_out_bills()}
    (folder / "more-bills").mkdir()
    received = folder / "Downloads" / "bills"
    received.mkdir(parents=True)
    shutil.move(by_name["aws_focus"].write(folder), folder / "bill.csv")
    by_name["oracle_focus"].write(folder / "more-bills")
    by_name["aws_focus"].write(received)


def nothing(folder: Path) -> None:
    """Leave the folder empty."""


@pytest.mark.parametrize(
    ("page", "prepare", "most"),
    [
        ("README.md", bills, None),
        ("docs/how_to/quick_start.md", bills, None),
        ("docs/how_to/first_dashboard.md", bills, None),
        ("docs/how_to/add_a_connector.md", nothing, 2),
    ],
)
def test_a_newcomer_gets_what_a_page_shows(
    tmp_path: Path, page: str, prepare: Callable[[Path], None], most: int | None
) -> None:
    prepare(tmp_path)
    type_all(list(typed_commands(page))[:most], tmp_path, home=tmp_path)


@pytest.mark.parametrize("page", ["explain_a_figure", "export_statements"])
def test_the_demo_answers_what_a_page_shows(
    sample_company: Path, tmp_path: Path, page: str
) -> None:
    demo = shutil.copytree(sample_company, tmp_path / "demo", symlinks=True)
    type_all(list(typed_commands(f"docs/how_to/{page}.md")), demo, home=tmp_path)


def test_scenarios_of_the_demo_run_as_their_page_shows(
    sample_company: Path, tmp_path: Path
) -> None:
    demo = shutil.copytree(sample_company, tmp_path / "demo", symlinks=True)
    page = "docs/how_to/run_a_scenario.md"
    type_all(
        [
            Typed("triptych scenario run scenarios/quantise_vision.yml", []),
            *typed_commands(page),
        ],
        demo,
        home=tmp_path,
    )


def test_a_bill_is_explored_as_its_page_shows(tmp_path: Path) -> None:
    bills(tmp_path)
    first, *later = typed_commands("docs/how_to/tags_to_models.md")
    type_all([first], tmp_path, home=tmp_path)
    type_all(later[1:], tmp_path / "my-costs", home=tmp_path)


def type_all(commands: list[Typed], folder: Path, *, home: Path) -> None:
    """Type commands one after the other; `cd` lasts."""
    assert commands
    for command, shown in commands:
        plain = command.partition("  #")[0].strip()
        if _NOT_TYPED.match(plain):
            continue
        if plain.startswith("cd ") and "&&" not in plain:
            folder = folder / plain.removeprefix("cd ")
        elif _SERVER.match(plain):
            assert "http://127.0.0.1:" in first_address(plain, folder, home)
        else:
            assert_answer(answer(plain, folder, home), shown)


def answer(command: str, folder: Path, home: Path) -> str:
    """Return what a command prints; it must end well."""
    process = subprocess.run(
        ["bash", "-c", command],  # noqa: S607  (whatever shell a reader has)
        cwd=folder,
        env=environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
        check=False,
    )
    assert process.returncode == 0, (command, process.stdout, process.stderr)
    return process.stderr + process.stdout


def assert_answer(printed: str, shown: list[str]) -> None:
    """Compare in order; an ellipsis stands for any text, an id for any other id."""
    position = 0
    for line in shown:
        pattern = ".*".join(map(re.escape, _MADE.sub("…", line).split("…")))
        found = re.compile(pattern).search(printed, position)
        assert found, (line, printed)
        position = found.end()


def first_address(command: str, folder: Path, home: Path) -> str:
    """Return the line with the address of a server, and stop it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        ["bash", "-c", f"exec {command} --headless --port {port}"],  # noqa: S607
        cwd=folder,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        stop = threading.Timer(
            _LONGEST_SECONDS, os.killpg, (process.pid, signal.SIGKILL)
        )
        stop.start()
        try:
            lines = iter(process.stdout.readline, "")
            return next((line for line in lines if "http://" in line), "")
        finally:
            stop.cancel()
            os.killpg(process.pid, signal.SIGTERM)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a shell in which triptych is installed."""
    programs = Path(sys.executable).parent
    return os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "COLUMNS": "200",
        "PYTHONUNBUFFERED": "1",
    }
