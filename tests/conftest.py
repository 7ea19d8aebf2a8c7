"""What tests of every package share."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository."""
    return _ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the developer data beside the repository; skip where there is none."""
    folder = _ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the developer data (../shared/data) is not beside the repository")
    return folder
