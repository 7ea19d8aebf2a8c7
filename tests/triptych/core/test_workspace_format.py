"""The format of a workspace: refused when newer, brought up to date when older."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.triptych.cli.commands import charge, invoke, new_workspace
from triptych import __version__
from triptych.core import workspace_format
from triptych.core.lake import audit_log
from triptych.core.lake.catalogue_file import connect
from triptych.run.upgrading import name_format

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
    assert "triptych 9.1.0 wrote this workspace in format 4" in result.stderr
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
    assert workspace_format.read_format(workspace.lake) == (3, __version__)
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
    assert "Would upgrade from format 1 to 3" in dry.stdout
    assert workspace.build_database.exists()

    done = invoke("upgrade", "--workspace", workspace.root)
    assert "Upgraded from format 1 to 3" in done.stdout
    assert not workspace.build_database.exists()
    (backup,) = (workspace.root / "backups").iterdir()
    with connect(workspace.raw_database, root=workspace.root) as raw:
        entry = audit_log.read_verified(raw)[-1]
    assert entry.event == "workspace_upgraded"
    assert (entry.detail["from_format"], entry.detail["to_format"]) == (1, 3)
    assert entry.detail["backup"] == backup.name
    assert (backup / "raw.duckdb").read_bytes() == catalogue
    assert (backup / "lake" / "audit_log.jsonl").is_file()
    again = invoke("upgrade", "--workspace", workspace.root)
    assert "The workspace has format 3. Nothing to do." in again.stdout


#: Written by users; the line of the format is all that an upgrade may change.
THEIR_OWN = (
    b"# Ours: ask Ana.\norganisation: A  # the holding\n\ncurrency: EUR\n",
    b"organisation: A\r\ncurrency: EUR\r\n# the end",
    b"\xef\xbb\xbforganisation: \xc3\x84\nlog:\n  # JSON, as agreed\n  json: true",
)


@pytest.mark.parametrize("text", THEIR_OWN)
def test_every_byte_of_their_own_settings_is_kept(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "triptych.yml"
    file.write_bytes(text)
    file.chmod(0o640)
    assert name_format(file)
    named = file.read_bytes()
    assert named.startswith(text)
    assert named[len(text) :].strip() == b"format: 3"
    assert file.stat().st_mode & 0o777 == 0o640
    assert name_format(file)
    assert file.read_bytes() == named


@pytest.mark.parametrize("text", [b"{organisation: A}\n", b"a: 1\n...\n", b"a: [\n"])
def test_settings_without_a_place_for_a_line_stay(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "triptych.yml"
    file.write_bytes(text)
    assert not name_format(file)
    assert file.read_bytes() == text


def test_settings_behind_a_link_are_changed_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yml").write_text("organisation: A\n")
    (tmp_path / "triptych.yml").symlink_to(tmp_path / "elsewhere.yml")
    assert name_format(tmp_path / "triptych.yml")
    assert (tmp_path / "triptych.yml").is_symlink()
    assert "format: 3" in (tmp_path / "elsewhere.yml").read_text()


def test_settings_of_a_newer_format_are_refused(workspace: Workspace) -> None:
    text = workspace.settings_file.read_text("utf-8")
    workspace.settings_file.write_text(text.replace("format: 3", "format: 4"))
    before = files_of(workspace)
    result = invoke("run", "--workspace", workspace.root)
    assert result.exit_code == 2
    assert "a newer version of triptych wrote this workspace" in result.stderr
    assert files_of(workspace) == before


def test_a_new_workspace_names_its_format(tmp_path: Path) -> None:
    assert invoke("init", tmp_path / "fresh").exit_code == 0
    text = (tmp_path / "fresh" / "triptych.yml").read_text("utf-8")
    assert f"\nformat: {workspace_format.FORMAT} " in text


def test_documentation_names_the_version_and_its_format(repository: Path) -> None:
    """A version is a development release until the changelog has its section."""
    release, _, development = __version__.partition(".dev")
    minor = release.rpartition(".")[0]
    page = (repository / "docs/how_to/self_host.md").read_text("utf-8")
    *_, newest = re.findall(
        r"^\| (?:before )?([\d.]+)[^|]*\| (\d) \|", page, re.MULTILINE
    )
    assert newest == (minor, str(workspace_format.FORMAT))
    changelog = (repository / "CHANGELOG.md").read_text("utf-8")
    unreleased, *released = re.findall(r"^## \[([^\]]+)\]", changelog, re.MULTILINE)
    assert unreleased == "Unreleased"
    assert (release in released) == (not development)
