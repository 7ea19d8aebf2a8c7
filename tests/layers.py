"""The two layers of the suite: what ``make test`` runs, and all that there is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

#: ``make test-full`` says so; a single test by name is of the fast layer.
IS_FULL = os.environ.get("TRIPTYCH_TEST_LAYER") == "full"
_FAST_PART = 8


def examples(count: int) -> int:
    """Return how many examples a property is tried on: ``count``, or an eighth."""
    return count if IS_FULL else max(count // _FAST_PART, 5)


def in_full(*values: Any) -> list[ParameterSet]:
    """Return cases of a parameter that only the full layer tries."""
    return [pytest.param(value, marks=pytest.mark.full) for value in values]
