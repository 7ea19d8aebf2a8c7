"""A workspace that was run once, for all files of commands on what is published."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.triptych.cli.commands import charge, invoke, new_workspace

if TYPE_CHECKING:
    from tests.conftest import BuiltWorkspaces


@pytest.fixture
def no_variables_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("TRIPTYCH_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def published(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a workspace that was run once; one of its four rows is broken."""
    # A name that no SQL, no pattern and no list of folders may trip over.
    folder = tmp_path_factory.mktemp("published") / "o'brien, co [1]*" / "workspace"
    folder.parent.mkdir()
    return built_workspaces.copy("o'brien [1]*", run_once, folder)


def run_once(folder: Path) -> None:
    """Run a new workspace, and keep what the run said."""
    workspace = new_workspace(
        folder,
        charge("10.0000000001", model="eta"),
        charge("20.25", model="vision"),
        charge("0.5"),
        charge("ten euros"),
    )
    result = invoke("run", "-w", workspace.root, "--json", "--log-format", "json")
    assert result.exit_code == 0, result.stderr
    (workspace.runs_dir / "stderr.jsonl").write_text(result.stderr, encoding="utf-8")
    report = json.loads(result.stdout)
    assert report["ingest"]["quarantined_row_count"] == 1
    assert Path(report["build"]["published_path"]).is_file()
