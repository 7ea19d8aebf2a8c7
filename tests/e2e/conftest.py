"""Companies that several modules look at and none changes: each takes a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dashboard.browsing import browser
from tests.dashboard.conftest import _loopback_server, open_app
from tests.e2e.closing_case import ClosingCase
from tests.e2e.unpriced_case import unpriced_company
from triptych.pipeline import run
from triptych.progress import SilentProgress
from triptych.sample_company import write_sample_company
from triptych.settings import load_settings
from triptych.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

__all__ = ["_loopback_server", "browser", "company", "open_app"]


@pytest.fixture(scope="session")
def company(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> ClosingCase:
    """Return the company of ``unpriced_case``, published."""
    target = tmp_path_factory.mktemp("unpriced") / "workspace"
    built = built_workspaces.copy("unpriced_company", unpriced_company, target)
    return ClosingCase(built)


@pytest.fixture(scope="session")
def sample_company(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the workspace of the sample company over six months, published."""
    target = tmp_path_factory.mktemp("sample") / "nordhafen"
    return built_workspaces.copy("sample_company", _build_sample_company, target)


def _build_sample_company(root: Path) -> None:
    write_sample_company(root, months=6, scale=0.05)
    run(Workspace(root), load_settings(root), progress=SilentProgress())
