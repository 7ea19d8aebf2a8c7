"""``triptych connector new``: what it writes passes the suite, and is found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.layers import in_full
from triptych.cli import app

REPOSITORY = Path(__file__).parents[3]
FILES = {
    "pyproject.toml",
    "README.md",
    "acme_billing.py",
    "tests/test_acme_billing.py",
    "tests/answers/2026-03.json",
}


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["connector", "new", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def run(
    *arguments: str | Path, folder: Path, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with triptych and one more folder to import from."""
    places = os.pathsep.join(str(place) for place in (path, REPOSITORY) if place)
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def files_of(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["acme_billing", *in_full("cloud9_ai_usage")])
def test_a_new_connector_passes_the_suite_on_its_sample_record(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "project"
    code, told, _ = invoke(name, "--dir", folder)
    assert code == 0
    assert files_of(folder) == {file.replace("acme_billing", name) for file in FILES}
    assert f'cd "{folder}" && python -m pytest' in told

    finished = run("-m", "pytest", "-q", "-p", "no:cacheprovider", folder=folder)

    assert finished.returncode == 0, finished.stdout
    assert "11 passed" in finished.stdout


def test_a_connector_that_loses_a_row_does_not_pass_the_suite(tmp_path: Path) -> None:
    invoke("acme_billing", "--dir", tmp_path)
    module = tmp_path / "acme_billing.py"
    whole = "for charge in charges]"
    assert whole in module.read_text("utf-8")
    module.write_text(
        module.read_text("utf-8").replace(whole, "for charge in charges[1:]]"), "utf-8"
    )

    name = "test_the_first_ingest_holds_every_row_and_all_money"
    finished = run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", name), folder=tmp_path
    )

    assert finished.returncode == 1
    assert f"::{name}" in finished.stdout


def test_an_installed_connector_is_found_by_its_type(tmp_path: Path) -> None:
    project, installed = tmp_path / "project", tmp_path / "installed"
    invoke("acme_billing", "--dir", project)
    built = run(
        *("-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"),
        *("--no-build-isolation", "--python", sys.executable),
        *("--target", installed, project),
        folder=tmp_path,
    )
    assert built.returncode == 0, built.stderr
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    shutil.copytree(project / "tests" / "answers", workspace / "answers")
    (workspace / "triptych.yml").write_text(
        "organisation: Example\ncurrency: EUR\nsources:\n"
        "  - {name: acme, type: acme_billing, path: answers}\n",
        "utf-8",
    )

    checked = run("-m", "triptych", "check", folder=workspace, path=installed)
    unknown = run("-m", "triptych", "check", folder=workspace)

    assert checked.returncode == 0, checked.stderr
    assert "1 months, the last is 2026-03" in checked.stdout
    assert unknown.returncode == 2
    assert "there is no type 'acme_billing'" in unknown.stderr


def test_the_code_has_the_form_of_the_house(tmp_path: Path) -> None:
    invoke("acme_billing", "--dir", tmp_path)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (
        [*ruff, "format", "--check", "--isolated"],
        [*ruff, "check", "--isolated", "--select", "E,F,W,B,C4,SIM,UP,PT,RET,N"],
    ):
        finished = subprocess.run(
            [*command, str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("present", sorted(FILES))
def test_it_never_writes_over_a_file_and_then_writes_nothing(
    tmp_path: Path, present: str
) -> None:
    file = tmp_path / present
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine", "utf-8")

    code, told, error = invoke("acme_billing", "--dir", tmp_path)

    assert (code, told) == (2, "")
    assert f"{file.name} already; nothing was written" in error
    assert files_of(tmp_path) == {present}
    assert file.read_text("utf-8") == "mine"


def test_it_may_be_written_beside_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    assert invoke("acme_billing", "--dir", tmp_path)[0] == 0
    assert files_of(tmp_path) == {*FILES, "notes.txt"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Acme Billing", "such as 'acme_billing'"),
        ("acme-billing", "such as 'acme_billing'"),
        ("../acme", "such as 'acme'"),
        ("9lives", "cannot be the name of a connector"),
        ("a" * 41, "at most 40 characters"),
        ("focus_files", "There is a connector 'focus_files' already"),
        ("json", "name of a Python module already"),
        ("class", "name of a Python module already"),
        ("duckdb", "such as 'duckdb_billing'"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_a_better_one(
    tmp_path: Path, name: str, says: str
) -> None:
    code, _, error = invoke(name, "--dir", tmp_path / "project")
    assert code == 2
    assert says in error
    assert not (tmp_path / "project").exists()


def test_without_a_folder_it_is_named_after_the_connector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, told, _ = invoke("acme_billing", "--json")
    assert code == 0
    report = json.loads(told)
    assert report["directory"] == "triptych-acme-billing"
    assert len(report["files"]) == len(FILES)
    assert files_of(tmp_path / "triptych-acme-billing") == FILES


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    code, _, error = invoke("acme_billing", "--dir", tmp_path / "file")
    assert code == 2
    assert "cannot be written" in error
