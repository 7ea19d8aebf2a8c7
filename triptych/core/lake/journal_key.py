"""The key that seals the audit log, so that hashes alone do not forge it.

A seal is an HMAC-SHA256 over the hash of an entry, and so over all entries up to it.
The key is the text of ``TRIPTYCH_JOURNAL_KEY``, else of the file that
``TRIPTYCH_JOURNAL_KEY_FILE`` names, else of ``.journal-key`` in the workspace, which is
made when the first entry is written. It is never written into the log, the lake or
published data. Anyone who can read the key can seal: decision 0040 describes the proof
value of a key on the same machine.

Source: RFC 2104, *HMAC: Keyed-Hashing for Message Authentication*.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from triptych.core.errors import SettingsError

VARIABLE: Final = "TRIPTYCH_JOURNAL_KEY"
FILE_VARIABLE: Final = "TRIPTYCH_JOURNAL_KEY_FILE"
KEY_FILE: Final = ".journal-key"
_SHORTEST_KEY: Final = 32
_OWNER_ONLY: Final = 0o600


class JournalKeyError(SettingsError):
    """The key of the audit log is missing, different, or open to others."""


@dataclass(frozen=True, slots=True)
class JournalKey:
    """A key, and the first entry that it has to seal, if its file names it."""

    secret: bytes = field(repr=False)
    sealed_from: int | None = None

    @property
    def key_id(self) -> str:
        """Name of the key, which reveals nothing of it."""
        return hashlib.sha256(b"triptych journal key\n" + self.secret).hexdigest()[:12]

    def seal(self, text: str) -> str:
        """Return the seal of a text, with the name of the key."""
        digest = hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
        return f"{self.key_id}:{digest}"

    def is_seal_of(self, seal: str, text: str) -> bool:
        """Return True if a seal was made with this key, of this text."""
        return hmac.compare_digest(seal.encode(), self.seal(text).encode())


def key_id_of(seal: str) -> str:
    """Return the name of the key recorded in a seal."""
    return seal.partition(":")[0]


def key_file(root: Path) -> Path:
    """Return the file that has the key of a workspace, or would have it."""
    named = os.environ.get(FILE_VARIABLE, "").strip()
    return Path(named).expanduser() if named else root / KEY_FILE


def read_key(root: Path) -> JournalKey | None:
    """Return the key of a workspace; None where there is none yet.

    Raises
    ------
    JournalKeyError
        It is too short, or others may read its file.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        return _key([given], VARIABLE)
    file = key_file(root)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & ~_OWNER_ONLY:
            raise JournalKeyError(
                f"Others may read the key of the audit log (mode {mode:o}).",
                where=str(file),
                next_step=f"Run 'chmod 600 {file.name}' in its folder.",
            )
        return _key(file.read_text("utf-8").splitlines(), str(file))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise JournalKeyError(
            f"The key of the audit log cannot be read: {error}",
            where=str(file),
            next_step="Restore the file from a backup, or let this user read it.",
        ) from error


def key_for_entry(
    root: Path, *, position: int, last_seal: str | None, is_replaced: bool = False
) -> JournalKey:
    """Return the key that seals an entry which is about to be written.

    Parameters
    ----------
    root : Path
        Workspace folder.
    position : int
        Of the entry.
    last_seal : str or None
        Seal of the entry before it; None where that has none.
    is_replaced : bool
        True if the entry announces another key from now on.

    Raises
    ------
    JournalKeyError
        Entries are sealed already, and their key is not here.
    """
    key = read_key(root)
    if last_seal is not None and not is_replaced:
        _refuse_other(key, key_id_of(last_seal), root)
    return key or _make(key_file(root), position)


def _refuse_other(key: JournalKey | None, key_id: str, root: Path) -> None:
    if key is not None and key.key_id == key_id:
        return
    what = "is missing" if key is None else f"is another one ({key.key_id})"
    raise JournalKeyError(
        f"The audit log is sealed with key {key_id}, and that {what}. Nothing was"
        " written.",
        where=VARIABLE if os.environ.get(VARIABLE) else str(key_file(root)),
        next_step="Put the key back. If it is lost for good, 'triptych audit rekey'"
        " goes on with another one and says so in the log.",
    )


def _key(lines: list[str], where: str) -> JournalKey:
    secret = lines[0].strip() if lines else ""
    if len(secret) < _SHORTEST_KEY:
        raise JournalKeyError(
            f"The key of the audit log has fewer than {_SHORTEST_KEY} characters.",
            where=where,
            next_step="Put back the key from a backup. A new one can be made with"
            " 'openssl rand -hex 32'.",
        )
    marks = [line.removeprefix("seals from entry ") for line in lines[1:]]
    numbers = [int(mark) for mark in marks if mark.isdigit()]
    return JournalKey(secret.encode(), numbers[0] if numbers else None)


def _make(file: Path, position: int) -> JournalKey:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    secret = secrets.token_hex(32)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(f"{secret}\nseals from entry {position}\n")
            opened.flush()
            os.fsync(opened.fileno())
        _put_in_place(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)
    return JournalKey(secret.encode(), position)


def _put_in_place(fresh: Path, file: Path) -> None:
    """Give a new key its name: whole or not at all, and never in another's place."""
    try:
        os.link(fresh, file)
    except FileExistsError as error:
        raise JournalKeyError(
            "Another process made a key of the audit log in this moment.",
            where=str(file),
            next_step="Nothing was written: do it again.",
        ) from error
    except OSError:
        # A file system without links; who writes holds the catalogue meanwhile.
        if not file.exists():
            fresh.replace(file)
