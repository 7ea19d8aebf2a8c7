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
    """What a run leaves for the next.

    ``seen`` and ``read`` are the last files whose size and whose bytes were compared,
    below the workspace. ``credit`` is how many bytes may be read besides,
    ``saved_seconds`` how much time was not spent, below zero what was spent ahead [s].
    """

    at_ns: int = 0
    seen: str = ""
    read: str = ""
    credit: float = 0
    saved_seconds: float = 0
    doubtful: tuple[str, ...] = ()


def read_state(workspace: Workspace) -> ScrubState:
    """Return what the last run left; the beginning where that cannot be read."""
    try:
        content = json.loads((workspace.runs_dir / _FILE).read_text("utf-8"))
        return ScrubState(**content | {"doubtful": tuple(content["doubtful"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ScrubState()  # everything is looked at from the beginning


def write_state(workspace: Workspace, state: ScrubState) -> None:
    """Write what the next run goes on from."""
    target = workspace.runs_dir / _FILE
    fresh = target.with_name(f".{_FILE}.new")
    # Lost with the machine's power it costs a second look, and no wait for the disk.
    with suppress(OSError):
        fresh.write_text(json.dumps(asdict(state)), "utf-8")
        fresh.replace(target)
