"""Files that a reader, a full disk or a killed process leaves whole: old or new."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Replace a file in a single step, and flush it to the disk.

    Users who could read or write the old file can read or write the new file. Two
    processes must not write the same file at once: a file half written by either would
    be the other's.

    Parameters
    ----------
    path : Path
        In a folder that exists.
    content : str or bytes
        Text is written as UTF-8.

    Raises
    ------
    OSError
        It could not be written; the file is unchanged.
    """
    fresh = path.with_name(f".{path.name.lstrip('.')}.new")
    try:
        with fresh.open("wb") as file:
            with suppress(FileNotFoundError):
                shutil.copymode(path, fresh)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Wait until a file that something else wrote is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet; its folder is made.

    Raises
    ------
    UsageError
        There is such a file, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(
            "There is such a file, and nothing was written.",
            where=str(path),
            next_step="Name another file.",
        ) from error
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror}.",
            where=str(path),
            next_step="Name another file.",
        ) from error
