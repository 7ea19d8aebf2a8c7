"""A new workspace is valid as it is written, also with its examples switched on."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from ingest.engine.registry import bind_sources
from ingest.streams import BUDGETS
from triptych.core.errors import UsageError
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace, initialise

COMMENTED_LINE = re.compile(r"^(\s*)# ( *- |  +[a-z_]+:|[a-z_]+:)")


def uncomment(path: Path) -> None:
    """Switch every commented example of a file on; prose stays a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    text = "\n".join(COMMENTED_LINE.sub(r"\1\2", line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")


def test_places_are_those_of_the_contract(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)

    assert workspace.lake == tmp_path / "lake"
    assert workspace.staging == tmp_path / "lake" / ".staging"
    assert workspace.raw_database == tmp_path / "raw.duckdb"
    assert workspace.build_database == tmp_path / "warehouse" / "build.duckdb"
    assert workspace.published_dir == tmp_path / "warehouse" / "published"
    assert workspace.pointer == tmp_path / "warehouse" / "CURRENT"
    assert workspace.lock_file == tmp_path / "runs" / "lock"


def test_a_relative_root_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert Workspace(Path("here")).root == tmp_path / "here"


def test_a_new_workspace_is_valid_and_reads_what_is_put_into_bills(
    tmp_path: Path,
) -> None:
    workspace = initialise(tmp_path / "new")

    settings = load_settings(workspace.root)
    [connector] = bind_sources(settings.sources, workspace.root)
    assert settings.warnings == ()
    assert connector.streams() == ("focus",)
    assert not connector.check()[0].is_ok
    (workspace.root / "bills" / "bill.csv").write_text("x\n", encoding="utf-8")
    assert connector.check()[0].is_ok


def test_every_commented_example_is_valid_too(tmp_path: Path) -> None:
    root = initialise(tmp_path / "new").root
    for name in ("triptych.yml", "catalog.yml", "allocation.yml", "assumptions.yml"):
        uncomment(root / name)

    settings = load_settings(root)

    assert {source.type for source in settings.sources} == {
        "focus_files",
        "aws_data_exports",
        "ecb_rates",
        "gcp_billing",
        "tables",
    }
    assert len(bind_sources(settings.sources, root)) == len(settings.sources) == 6
    assert [model.id for model in settings.catalog.models] == ["eta-v2"]
    assert [pool.name for pool in settings.allocation.pools] == [
        "gpu-cluster",
        "support plan",
    ]
    assert len(settings.allocation.scope) == 2
    assert [one.id for one in settings.assumptions.assumptions] == [
        "handling-minute",
        "contribution-margin",
        "cost-of-capital",
    ]


def test_the_header_of_the_budgets_is_that_of_their_stream(tmp_path: Path) -> None:
    root = initialise(tmp_path / "new").root

    with (root / "budgets.csv").open(encoding="utf-8", newline="") as file:
        [header] = csv.reader(file)
    assert header == [column.name for column in BUDGETS.columns]


def test_what_triptych_writes_is_ignored_by_git(tmp_path: Path) -> None:
    ignored = (initialise(tmp_path / "new").root / ".gitignore").read_text("utf-8")

    assert {"lake/", "raw.duckdb*", "warehouse/", "published/"} <= set(
        ignored.splitlines()
    )


def test_a_folder_with_anything_in_it_is_refused_and_left_alone(
    tmp_path: Path,
) -> None:
    (tmp_path / ".hidden").touch()

    with pytest.raises(UsageError, match="not empty") as caught:
        initialise(tmp_path)

    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == [".hidden"]


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="a file, not a folder"):
        initialise(tmp_path / "file")
