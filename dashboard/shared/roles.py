"""Pages that each role may open; a role missing in here opens none.

A page that is not listed is for nobody who signs in. Users limited to cost centres see
those pages on which every row has a cost centre. The parts of a run that a role sees on
them, and by any other door, are in :mod:`triptych.core.warehouse.data_policy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triptych.core.settings import Role
    from triptych.core.warehouse.gate import Viewer

_EVERYBODY: frozenset[Role] = frozenset({"finance", "engineering", "analyst", "viewer"})
_INSIDE: frozenset[Role] = frozenset({"finance", "engineering", "analyst"})
_PLANNING: frozenset[Role] = frozenset({"finance", "analyst"})
_FINANCE: frozenset[Role] = frozenset({"finance"})

#: Page, by its address, and whom it is for.
AUDIENCES: dict[str, frozenset[Role]] = {
    "summary": _INSIDE,
    "setup": _INSIDE,
    "cost_by_model": _EVERYBODY,
    "explore": _EVERYBODY,
    "budget": _INSIDE,
    "gpu_idle": _EVERYBODY,
    "velocity": _EVERYBODY,
    "impact": _EVERYBODY,
    "scenarios": _PLANNING,
    "scorecard": _INSIDE,
    "close": _FINANCE,
    "statements": _FINANCE,
    "lineage": _INSIDE,
    "data_health": _INSIDE,
}
#: Pages on which every amount belongs to a cost centre, a team or a model.
_NARROWED = frozenset({"cost_by_model", "explore", "gpu_idle", "velocity"})


def may_open(role: Role, page: str, *, is_limited: bool) -> bool:
    """Return True if a page is for a role.

    Parameters
    ----------
    role : {'finance', 'engineering', 'analyst', 'viewer'}
        Role of the viewer.
    page : str
        Address of the page.
    is_limited : bool
        True if they see single cost centres only.
    """
    is_for_role = role in AUDIENCES.get(page, frozenset())
    return is_for_role and (page in _NARROWED or not is_limited)


def may_view(viewer: Viewer, page: str) -> bool:
    """Return True if a page, by its address, is for a viewer."""
    is_limited = viewer.cost_centers is not None
    return viewer.role is None or may_open(viewer.role, page, is_limited=is_limited)
