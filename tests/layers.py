"""The two layers of the suite: what ``make test`` runs, and all that there is."""

from __future__ import annotations

import os

#: ``make test-full`` says so; a single test by name is of the fast layer.
IS_FULL = os.environ.get("TRIPTYCH_TEST_LAYER") == "full"
_FAST_PART = 8


def examples(count: int) -> int:
    """Return how many examples a property is tried on: ``count``, or an eighth."""
    return count if IS_FULL else max(count // _FAST_PART, 5)
