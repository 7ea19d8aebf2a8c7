"""The format of a workspace: refused when newer, brought up to date when older."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.triptych.cli.commands import charge, invoke, new_workspace
from triptych import __version__
from triptych.core import workspace_format

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return new_workspace(tmp_path / "workspace", charge("10.00", model="chat"))


def write_format(workspace: Workspace, number: int, written_by: str = "9.1.0") -> None:
    workspace.lake.mkdir(exist_ok=True)
    content = {"format": number, "written_by": written_by}
    (workspace.lake / "format.json").write_text(json.dumps(content), "utf-8")


def files_of(workspace: Workspace) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in sorted(workspace.root.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "command", [["run"], ["status"], ["health"], ["sql", "select 1"], ["upgrade"]]
)
def test_a_newer_format_is_refused_before_anything_is_touched(
    workspace: Workspace, command: list[str]
) -> None:
    write_format(workspace, workspace_format.FORMAT + 1)
    before = files_of(workspace)
    result = invoke(*command, "--workspace", workspace.root)
    assert result.exit_code == 2
    assert "triptych 9.1.0 wrote this workspace in format 3" in result.stderr
    assert "Install triptych 9.1.0 or newer" in result.stderr
    assert files_of(workspace) == before


def test_a_format_that_cannot_be_read_is_named(workspace: Workspace) -> None:
    workspace.lake.mkdir(exist_ok=True)
    (workspace.lake / "format.json").write_text("{", "utf-8")
    result = invoke("status", "--workspace", workspace.root)
    assert result.exit_code == 2
    assert "format.json: The format of the workspace cannot be read" in result.stderr


def test_the_first_ingest_records_the_format(workspace: Workspace) -> None:
    assert invoke("ingest", "--workspace", workspace.root).exit_code == 0
    assert workspace_format.read_format(workspace.lake) == (2, __version__)
    assert workspace_format.pending_upgrade(workspace) is None


def test_an_older_format_is_backed_up_and_its_build_begins_again(
    workspace: Workspace,
) -> None:
    invoke("ingest", "--workspace", workspace.root)
    (workspace.lake / "format.json").unlink()
    workspace.build_database.parent.mkdir(exist_ok=True)
    workspace.build_database.write_bytes(b"of another form")
    catalogue = workspace.raw_database.read_bytes()

    dry = invoke("upgrade", "--dry-run", "--workspace", workspace.root)
    assert "Would upgrade from format 1 to 2" in dry.stdout
    assert workspace.build_database.exists()

    done = invoke("upgrade", "--workspace", workspace.root)
    assert "Upgraded from format 1 to 2" in done.stdout
    assert not workspace.build_database.exists()
    (backup,) = (workspace.root / "backups").iterdir()
    assert (backup / "raw.duckdb").read_bytes() == catalogue
    assert (backup / "lake" / "audit_log.jsonl").is_file()
    again = invoke("upgrade", "--workspace", workspace.root)
    assert "The workspace has format 2. Nothing to do." in again.stdout
