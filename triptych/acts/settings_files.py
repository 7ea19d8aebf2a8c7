"""Settings of a workspace as an act would leave them, judged before they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.acts.file_edits import edit
from triptych.core.errors import UsageError
from triptych.discovery.accepting import refuse_invalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from triptych.acts.file_edits import FileEdit

ASSUMPTIONS, CATALOG = "assumptions.yml", "catalog.yml"
GENERAL = "triptych.yml"


def read_text(root: Path, name: str) -> str:
    """Return a file of the workspace, empty where there is none.

    Raises
    ------
    UsageError
        It is not text in UTF-8.
    """
    path = root / name
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else ""
    except UnicodeDecodeError:
        raise UsageError(
            "It is not UTF-8 text.",
            where=name,
            next_step="Save it in UTF-8, or change it by hand; nothing was written.",
        ) from None


def judged_edits(root: Path, texts: Mapping[str, str]) -> tuple[FileEdit, ...]:
    """Return the edits that write new texts, if the settings are valid with them.

    Raises
    ------
    SettingsError
        They would not be; the message has the line.
    """
    refuse_invalid(root, texts)
    return tuple(edit(root, name, text) for name, text in texts.items())
