"""Permissions of roles; a user limited to cost centres may do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from triptych.core.settings import Role

FINANCE: Final[frozenset[Role]] = frozenset({"finance"})
PLANNING: Final[frozenset[Role]] = frozenset({"finance", "analyst"})
INSIDE: Final[frozenset[Role]] = frozenset({"finance", "engineering", "analyst"})
