"""Data with published answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def causal(shared_data: Path) -> Path:
    """Return the folder of panels whose answer somebody else has published."""
    return shared_data / "causal"
