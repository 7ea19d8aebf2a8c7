"""What ``triptych check`` has to say about files and settings."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["ok", "note", "missing"]


@dataclass(frozen=True, slots=True)
class Observation:
    """Something to know about a workspace's files before they are loaded.

    ``ok`` and ``note`` stop nothing; ``missing`` would cost money or figures.
    """

    level: Level
    message: str
    next_step: str = ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence with the known name that is most alike."""
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"; the nearest is {folded[near[0]]!r}" if near else ""
