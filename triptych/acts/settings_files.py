"""Settings of a workspace as an act would leave them, judged before they are there."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from triptych.acts.file_edits import edit
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.acts.file_edits import FileEdit

ASSUMPTIONS, CATALOG = "assumptions.yml", "catalog.yml"
GENERAL = "triptych.yml"


def read_text(root: Path, name: str) -> str:
    """Return a file of the workspace, empty where there is none."""
    path = root / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def judged_edits(root: Path, texts: Mapping[str, str]) -> tuple[FileEdit, ...]:
    """Return the edits that write new texts, if the settings are valid with them.

    Raises
    ------
    SettingsError
        They would not be; the message has the line.
    """
    with TemporaryDirectory(prefix="triptych-act-") as folder:
        trial = Path(folder)
        for path in root.glob("*.yml"):
            shutil.copy(path, trial / path.name)
        for name, text in texts.items():
            if "/" not in name:
                (trial / name).write_text(text, encoding="utf-8")
        load_settings(trial)
    return tuple(edit(root, name, text) for name, text in texts.items())
