"""The only gate to published data, for every door.

A page, a command, an export or a service requests the current run here as somebody may
see it, and never opens the file itself. The returned snapshot answers queries, line
items, rows of evidence and explanations under a single policy: role, cost centres,
groups of too few and streams about people, for the rows behind a figure as for the
figure.

>>> gate = Gate(workspace.root)                        # doctest: +SKIP
>>> snapshot = gate.snapshot(Viewer("analyst"))        # doctest: +SKIP
>>> snapshot.query("select * from cost.mart_cost_waterfall")     # doctest: +SKIP
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triptych.core.warehouse.data_policy import restriction_of
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.warehouse.restricted import RestrictedSnapshot, restricted

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings import Role
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.warehouse.restricted import Restriction

#: Views of a run are kept for so many combinations of role and cost centres.
_KEPT = 32


@dataclass(frozen=True, slots=True)
class Viewer:
    """User who requests data.

    Attributes
    ----------
    role : {'finance', 'engineering', 'analyst', 'viewer'} or None
        None is this machine itself: a command of a user who can read the files anyway.
    cost_centers : tuple of str or None
        Only rows of these; None for all.
    """

    role: Role | None = None
    cost_centers: tuple[str, ...] | None = None

    @property
    def restriction(self) -> Restriction | None:
        """Visible part of a run; None for all."""
        if self.role is None:
            return None
        return restriction_of(self.role, self.cost_centers)


#: A command on the machine of the workspace.
THIS_MACHINE: Final = Viewer()


class Gate:
    """Hands out the current run of a workspace as somebody may see it.

    It may be asked by several threads at once.

    Parameters
    ----------
    root : Path
        The folder that holds ``warehouse/``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.reader = PublishedReader(root)
        self._lock = threading.Lock()
        self._restricted: dict[tuple[str, str], RestrictedSnapshot] = {}

    def snapshot(self, viewer: Viewer = THIS_MACHINE) -> Snapshot:
        """Return the current run as a viewer may see it.

        Raises
        ------
        NothingPublishedError
            No run has been published.
        PublishedFileError
            The published file is missing, damaged or differs from its publication.
        """
        return self.seen_by(viewer, self.reader.snapshot())

    def seen_by(self, viewer: Viewer, whole: Snapshot) -> Snapshot:
        """Return a run of the workspace, got before, as a viewer may see it."""
        restriction = viewer.restriction
        if restriction is None:
            return whole
        key = str(whole.path), restriction.key
        with self._lock:
            if key not in self._restricted:
                if len(self._restricted) >= _KEPT:
                    self._restricted.pop(next(iter(self._restricted)))
                self._restricted[key] = restricted(whole, self._root, restriction)
            return self._restricted[key]


def open_published(root: Path, viewer: Viewer = THIS_MACHINE) -> Snapshot:
    """Return the current run of a workspace, for a command that asks once."""
    return Gate(root).snapshot(viewer)
