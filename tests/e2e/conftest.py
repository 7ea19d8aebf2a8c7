"""Companies that several modules look at and none changes: each takes a build."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.dashboard.browsing import browser
from tests.dashboard.conftest import (
    _charts_are_checked,
    _kept_as_by_a_server,
    _loopback_server,
    open_app,
)
from tests.e2e.cases.closing_case import ClosingCase
from tests.e2e.cases.unpriced_case import unpriced_company
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace
from triptych.run.pipeline import run
from triptych.sample_company import write_sample_company

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces
    from triptych.core.warehouse.reader import Snapshot

__all__ = [
    "_charts_are_checked",
    "_kept_as_by_a_server",
    "_loopback_server",
    "browser",
    "company",
    "open_app",
]


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


@pytest.fixture(scope="session")
def truth(sample_company: Path) -> dict[str, Any]:
    """Return what was planted in the sample company."""
    text = (sample_company / "sample" / "truth.yml").read_text(encoding="utf-8")
    content = yaml.load(text, Loader=yaml.CSafeLoader)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="session")
def published(sample_company: Path) -> Snapshot:
    """Return what was published of the sample company."""
    return PublishedReader(sample_company).snapshot()


def _build_sample_company(root: Path) -> None:
    write_sample_company(root, months=6, scale=0.05)
    settings = load_settings(root)
    # The other core runs other tests; each process loads the libraries anew.
    alone = settings.attribution.model_copy(update={"processes": 1})
    settings = replace(settings, attribution=alone)
    run(Workspace(root), settings, progress=SilentProgress())
