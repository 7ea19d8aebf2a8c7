"""A company that several modules look at and none changes: it takes a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.dashboard.browsing import browser
from tests.dashboard.conftest import _loopback_server, open_app
from tests.e2e.closing_case import ClosingCase
from tests.e2e.unpriced_case import unpriced_company

if TYPE_CHECKING:
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
