"""One empty workspace for the tests that look at the dbt project itself."""

from __future__ import annotations

import pytest

from tests.dbt.dbt_commands import DbtCommands
from triptych.pipeline import build
from triptych.progress import SilentProgress
from triptych.settings import load_settings
from triptych.workspace import Workspace


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> DbtCommands:
    """Return dbt on a workspace without evidence, in which every relation exists."""
    root = tmp_path_factory.mktemp("empty_workspace")
    text = "organisation: Nobody\ncurrency: USD\nsources: []\n"
    (root / "triptych.yml").write_text(text, encoding="utf-8")
    workspace = Workspace(root)
    build(workspace, load_settings(root), progress=SilentProgress())
    return DbtCommands(workspace, tmp_path_factory.mktemp("dbt_target"))
