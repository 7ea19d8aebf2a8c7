"""Fingerprint local files without rereading unchanged files.

A fingerprint of size and times would make every file of a copied workspace new. So it
is of the content: the SHA-256 of a file is kept with its size and its times, and it is
read again only where those differ.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from triptych.core.lake.in_place import file_checksum, file_version
from triptych.core.lake.loads import SeenFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: A file that was written to as recently may be written to again within a single tick
#: of the clock of its file system, and show the same times.
_SETTLED_AFTER_SECONDS = 2.0


class FileContents:
    """The files that were read, by their paths; may be asked by several threads."""

    def __init__(self) -> None:
        self._seen: dict[str, SeenFile] = {}
        self._unsaved: set[str] = set()

    def learn(self, files: Iterable[SeenFile], root: Path) -> None:
        """Accept the fingerprints kept from an earlier run of a workspace."""
        for file in files:
            self._seen.setdefault(str(root / file.path), file)

    def unsaved(self, root: Path) -> list[SeenFile]:
        """Return the files of a workspace to be kept since the last time."""
        paths, self._unsaved = self._unsaved, set()
        inside = f"{root.absolute()}/"
        return [
            replace(self._seen[path], path=path.removeprefix(inside))
            for path in sorted(paths)
        ]

    def checksum(self, path: Path) -> str:
        """Return the SHA-256 of a file's bytes [hex].

        Raises
        ------
        OSError
            It cannot be read.
        """
        name = str(path.absolute())
        byte_count, version = path.stat().st_size, file_version(path)
        seen = self._seen.get(name)
        if seen is not None and (seen.byte_count, seen.version) == (
            byte_count,
            version,
        ):
            return seen.checksum
        is_settled = time.time() - path.stat().st_mtime > _SETTLED_AFTER_SECONDS
        checksum = file_checksum(path)
        if is_settled and _is_text(name):
            self._seen[name] = SeenFile(name, byte_count, version, checksum)
            self._unsaved.add(name)
        return checksum

    def fingerprint(self, path: Path) -> str:
        """Return a text that changes with a file's content, even if it is unreadable.

        Landing reports that it cannot be read.
        """
        try:
            return self.checksum(path)[:32]
        except OSError:
            status = path.stat()
            return f"{status.st_size}:{status.st_mtime_ns}"


def _is_text(name: str) -> bool:
    """Return True if the catalogue can hold a name, which must be UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


#: Of this process.
FILE_CONTENTS = FileContents()
