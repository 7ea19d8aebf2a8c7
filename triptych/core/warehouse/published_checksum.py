"""Checksums of published files, to reject edited files.

Beside ``published/<run>.duckdb`` lies ``<run>.json`` with the SHA-256 of the file, its
size and times when it was published, under a seal of the journal's key where there is a
key. A reader compares size and times first and reads the file only if they differ: the
operating system itself sets the time of the last change.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from triptych.core.lake.in_place import file_checksum
from triptych.core.lake.journal_key import JournalKeyError, key_id_of, read_key
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

#: Results for a file in this process, by its place on the disk.
_FOUND: Final[dict[tuple[str, str], str | None]] = {}
_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class PublishedChecksum:
    """State of a file at publication; ``seal`` is empty without a key."""

    sha256: str
    byte_count: int
    standing: str
    seal: str = ""

    def text(self, name: str) -> str:
        """Return the text that the seal signs."""
        return f"published\n{name}\n{self.sha256}\n{self.byte_count}\n{self.standing}"


def checksum_file(published: Path) -> Path:
    """Return where the checksum of a published file is."""
    return published.with_suffix(".json")


def write_checksum(published: Path, root: Path) -> None:
    """Write the checksum of a file that is about to be published."""
    checksum = PublishedChecksum(
        file_checksum(published), published.stat().st_size, standing_of(published)
    )
    key = read_key(root)
    seal = key.seal(checksum.text(published.name)) if key else ""
    content = json.dumps({**asdict(checksum), "seal": seal})
    write_whole(checksum_file(published), content)


def has_checksum(published: Path, root: Path) -> bool:
    """Return True if a file has a readable checksum under the current key.

    A checksum under a key that nobody here has proves nothing.
    """
    expected = recorded_checksum(published)
    if expected is None:
        return False
    try:
        key = read_key(root)
    except JournalKeyError:
        return True  # which the audit log says louder
    return key is None or key_id_of(expected.seal) == key.key_id


def standing_of(path: Path) -> str:
    """Return size, times and inode of a file as text; empty if missing."""
    try:
        found = path.stat()
    except OSError:
        return ""
    times = f"{found.st_mtime_ns} {found.st_ctime_ns}"
    return f"{found.st_size} {times} {found.st_ino}"


def difference(published: Path, root: Path) -> str | None:
    """Return a file's difference from its publication; None if equal.

    A file of an earlier version has no checksum, and nothing is said of it.
    """
    standing = standing_of(published)
    place = str(published), f"{standing} {standing_of(checksum_file(published))}"
    with _LOCK:
        if place not in _FOUND:
            if len(_FOUND) > 64:  # noqa: PLR2004  (a server sees a few files a day)
                _FOUND.clear()
            _FOUND[place] = _difference(published, root, standing)
        return _FOUND[place]


def _difference(published: Path, root: Path, standing: str) -> str | None:
    expected = recorded_checksum(published)
    if expected is None:
        return None
    is_sealed = _is_sealed(expected, published.name, root)
    if is_sealed is False:
        return "Its checksum is not what was written when it was published."
    if is_sealed and expected.standing == standing:
        return None
    if file_checksum(published) != expected.sha256:
        return "It was changed or damaged after it was published."
    return None


def recorded_checksum(published: Path) -> PublishedChecksum | None:
    """Return the checksum; None if unreadable, which health reports."""
    try:
        content = json.loads(checksum_file(published).read_text("utf-8"))
        return PublishedChecksum(**content)
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _is_sealed(expected: PublishedChecksum, name: str, root: Path) -> bool | None:
    """Check if the key sealed a checksum; None where that is unknown here."""
    try:
        key = read_key(root)
    except JournalKeyError:
        return None
    if key is None or key_id_of(expected.seal) != key.key_id:
        return None
    return key.is_seal_of(expected.seal, expected.text(name))
