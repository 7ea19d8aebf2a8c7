"""Keep how far comparing files with their checksums has come, between runs."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from triptych.core.workspace import Workspace

_FILE: Final = "evidence.json"


@dataclass(frozen=True, slots=True)
class ScrubState:
    """Scrubbing state that a run leaves for the next.

    ``seen`` and ``read`` are the last files compared by size and by bytes, below the
    workspace. ``credit`` is the number of further bytes that may be read,
    ``saved_seconds`` the time that was not spent, below zero the time spent ahead [s].
    """

    at_ns: int = 0
    seen: str = ""
    read: str = ""
    credit: float = 0
    saved_seconds: float = 0
    doubtful: tuple[str, ...] = ()


def read_state(workspace: Workspace) -> ScrubState:
    """Return the state of the last run; the beginning if unreadable."""
    try:
        content = json.loads((workspace.runs_dir / _FILE).read_text("utf-8"))
        return ScrubState(**content | {"doubtful": tuple(content["doubtful"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ScrubState()  # everything is looked at from the beginning


def write_state(workspace: Workspace, state: ScrubState) -> None:
    """Write the state from which the next run goes on."""
    target = workspace.runs_dir / _FILE
    fresh = target.with_name(f".{_FILE}.new")
    # Lost with the machine's power it costs a second look, and no wait for the disk.
    with suppress(OSError):
        fresh.write_text(json.dumps(asdict(state)), "utf-8")
        fresh.replace(target)
