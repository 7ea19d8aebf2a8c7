"""One empty workspace for the tests that look at the dbt project itself."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dbt.dbt_commands import DbtCommands
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run.pipeline import build

if TYPE_CHECKING:
    from tests.conftest import BuiltWorkspaces


@pytest.fixture(scope="session")
def dbt(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> DbtCommands:
    """Return dbt on a workspace without evidence, in which every relation exists."""
    target = tmp_path_factory.mktemp("empty_workspace") / "workspace"
    prepared = os.environ.get("TRIPTYCH_EMPTY_WORKSPACE")
    if prepared:
        # tests.mutants has it from before anything was changed: only columns count.
        root = Path(shutil.copytree(prepared, target))
    else:
        root = built_workspaces.copy("empty_workspace", build_empty_workspace, target)
    return DbtCommands(Workspace(root), tmp_path_factory.mktemp("dbt_target"))


def build_empty_workspace(root: Path) -> None:
    root.mkdir()
    text = "organisation: Nobody\ncurrency: USD\nsources: []\n"
    (root / "triptych.yml").write_text(text, encoding="utf-8")
    build(Workspace(root), load_settings(root), progress=SilentProgress())
