"""The anchor of the audit log, kept outside the workspace.

Anyone who can write the workspace can take off every seal, remove head and key and
recompute the chain. Therefore each write leaves position and hash of the newest entry,
and of the first sealed entry, in the user's state folder (``$XDG_STATE_HOME/triptych``,
by default ``~/.local/state/triptych``), a file for each workspace folder, sealed with
the journal's key. A log that lost an entry or a seal since then is refused, and so is
an anchor whose seal does not fit.

The same key seals an entry and the anchor that names it. An anchor under another key
than its entry is forged; one without a seal counts only for an entry without.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from triptych.core.lake.journal_key import key_id_of, read_key
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from triptych.core.lake.journal_key import JournalKey

    Row = Sequence[Any]

_AT, _HASH, _SEAL = 1, 5, 6
_RESTORE: Final = (
    "Restore raw.duckdb and lake/ from the newest backup. If an older one was put back"
    ' on purpose, "triptych audit restored" records it.'
)
_BEGIN_AGAIN: Final = (
    'Compare the log with a head that was kept elsewhere: "triptych audit verify --head'
    ' HASH". If it is right, "triptych audit restored" records why the anchor begins'
    " again."
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest entry that this account saw, and the first sealed entry.

    ``first_hash`` is of entry 1 and names the log; ``seen_at`` is UTC, ISO 8601.
    ``seal`` is empty where no key sealed it.
    """

    workspace: str
    first_hash: str
    sealed_from: int
    position: int
    entry_hash: str
    seen_at: str
    seal: str = ""

    def sealed_by(self, key: JournalKey) -> Anchor:
        """Return the anchor under the seal of a key."""
        content = asdict(self) | {"seal": ""}
        return Anchor(**content | {"seal": key.seal(_text(content))})

    def is_sealed_by(self, key: JournalKey) -> bool:
        """Return whether the key made the seal of this content."""
        return key.is_seal_of(self.seal, _text(asdict(self) | {"seal": ""}))

    def is_forged(self, root: Path, key: JournalKey | None, entry: Row | None) -> bool:
        """Return True if this program did not write the anchor as it is.

        Parameters
        ----------
        root : Path
            Workspace folder that the anchor is read for.
        key : JournalKey or None
            Key of the installation; None where it is not here. A key that was replaced
            checks no seal, but the anchor still has to have that of its entry.
        entry : sequence or None
            Row of the log at ``position``; None where the log lacks it.
        """
        if key is not None and key_id_of(self.seal) == key.key_id:
            is_of_here = self.workspace == str(root.resolve())
            return not (is_of_here and self.is_sealed_by(key))
        if entry is None or entry[_SEAL] is None:
            return False
        is_same = entry[_HASH] == self.entry_hash
        is_under_its_key = key_id_of(entry[_SEAL]) == key_id_of(self.seal)
        return not self.seal or (is_same and not is_under_its_key)


@dataclass(frozen=True, slots=True)
class AnchorDoubt:
    """A doubt that an anchor raises: the log fell short of it, or it is forged."""

    what: str
    where: str
    next_step: str


def _text(content: dict[str, Any]) -> str:
    return "anchor\n" + json.dumps(content, sort_keys=True)


def anchor_file(root: Path) -> Path:
    """Return the file that has the anchor of a workspace, or would have it."""
    state = os.environ.get("XDG_STATE_HOME", "").strip() or "~/.local/state"
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return Path(state).expanduser() / "triptych" / "anchors" / f"{name}.json"


def read_anchor(root: Path) -> Anchor | None:
    """Return the anchor; None where this account saw no sealed entry of the log.

    Raises
    ------
    ValueError
        The file has no anchor.
    """
    try:
        content = anchor_file(root).read_bytes()
    except (OSError, RuntimeError):
        return None
    try:
        anchor = Anchor(**json.loads(content))
        datetime.fromisoformat(anchor.seen_at)
        is_whole = isinstance(anchor.seal, str) and isinstance(anchor.position, int)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
    if not is_whole:
        raise ValueError("seal or position")
    return anchor


def write_anchor(root: Path, first: Row, newest: Row, sealed_from: int) -> None:
    """Remember the newest entry; an account without a state folder has no anchor."""
    key = read_key(root)
    if key is None or newest[_SEAL] is None:
        return
    anchor = Anchor(
        workspace=str(root.resolve()),
        first_hash=first[_HASH],
        sealed_from=sealed_from,
        position=newest[0],
        entry_hash=newest[_HASH],
        seen_at=datetime.now(UTC).isoformat(timespec="seconds"),
    ).sealed_by(key)
    with suppress(OSError, RuntimeError):
        file = anchor_file(root)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(asdict(anchor)))


def proven_start(root: Path, first: Row) -> int | None:
    """Return the first sealed entry that an anchor under today's key names.

    ``first`` is entry 1 of the log; None where the anchor is of another log. A log of
    many entries is then not searched for it.
    """
    key, anchor = read_key(root), read_anchor(root)
    if key is None or anchor is None or anchor.first_hash != first[_HASH]:
        return None
    return anchor.sealed_from if anchor.is_sealed_by(key) else None


def seen_entry(root: Path) -> dict[str, object]:
    """Return the newest entry that was seen, for a record; empty if unreadable."""
    try:
        anchor = read_anchor(root)
    except ValueError:
        return {}
    if anchor is None:
        return {}
    return {
        "seen_entry": anchor.position,
        "seen_hash": anchor.entry_hash,
        "seen_at": anchor.seen_at,
    }


def standing_of(root: Path, first: Row | None) -> str | None:
    """Return in a sentence why an anchor without doubt proves less; None if it proves.

    ``first`` is entry 1 of the log; None where it is empty.
    """
    try:
        anchor, key = read_anchor(root), read_key(root)
    except ValueError:
        return None
    where = f"({anchor_file(root)})" if anchor else ""
    if anchor is None or first is None:
        return "This account has no anchor of the log: only kept hashes show its loss."
    if is_of_an_earlier_log(anchor, first, root):
        return (
            f"The anchor {where} is of an earlier log in this folder, seen until"
            f" {anchor.seen_at}: nothing was compared with it."
        )
    if not anchor.seal:
        return (
            f"The anchor {where} has no seal, as before a key existed: somebody could"
            " have changed it. The next entry of the log seals it."
        )
    if key is None or key_id_of(anchor.seal) != key.key_id:
        return (
            f"The anchor {where} is sealed with key {key_id_of(anchor.seal)}, which was"
            " replaced: its seal cannot be checked. The next entry seals it anew."
        )
    return None


@contextmanager
def anchor_set_aside(root: Path) -> Iterator[None]:
    """Begin a new anchor with the next write; a failure restores the old."""
    file = anchor_file(root)
    former = file.read_bytes()
    file.unlink()
    try:
        yield
    except BaseException:
        write_whole(file, former)
        raise


def doubt_of(
    root: Path,
    log: Path,
    first: Row | None,
    row_at: Callable[[int], Row | None],
    unsealed_since: Callable[[int], int],
) -> AnchorDoubt | None:
    """Return how a log and its anchor contradict each other; None where they agree.

    Parameters
    ----------
    root : Path
        Workspace folder; its key checks the seal of the anchor.
    log : Path
        Copy of the log in the lake, to be named.
    first : sequence or None
        Entry 1 of the log; None where it is empty.
    row_at : callable
        Position → row of the log, or None.
    unsealed_since : callable
        Position → number of entries from it on that have no seal.

    Raises
    ------
    JournalKeyError
        The key cannot be used.
    """
    try:
        anchor = read_anchor(root)
    except ValueError as error:
        return AnchorDoubt(
            f"The anchor of the audit log cannot be read: {error}.",
            str(anchor_file(root)),
            _BEGIN_AGAIN,
        )
    if anchor is None or first is None or is_of_an_earlier_log(anchor, first, root):
        return None
    row = row_at(anchor.position)
    how = _forgery(anchor, root, row)
    if how is not None:
        return AnchorDoubt(
            f"The anchor of the audit log {how}.", str(anchor_file(root)), _BEGIN_AGAIN
        )
    text = _shortfall(anchor, first, row, unsealed_since)
    return None if text is None else AnchorDoubt(text, str(log), _RESTORE)


def is_of_an_earlier_log(anchor: Anchor, first: Row, root: Path) -> bool:
    """Return True if a new workspace replaced the one that the anchor is of.

    Its key is gone with it, unless both have one key: then its seal has to fit.
    """
    key = read_key(root)
    is_ours = key is not None and key_id_of(anchor.seal) == key.key_id
    if not anchor.seal or (is_ours and anchor.is_forged(root, key, None)):
        return False
    seen_at = datetime.fromisoformat(anchor.seen_at).replace(tzinfo=None)
    return bool(first[_HASH] != anchor.first_hash and first[_AT] >= seen_at)


def _forgery(anchor: Anchor, root: Path, entry: Row | None) -> str | None:
    """Return how an anchor is forged; None where it is not."""
    key = read_key(root)
    if not anchor.is_forged(root, key, entry):
        return None
    name = key_id_of(anchor.seal)
    if not name:
        return "has lost its seal, while the entry that it names is sealed"
    if key is None or name != key.key_id:
        return f"is sealed with key {name}, the entry that it names with another"
    if anchor.is_sealed_by(key):
        return f"is that of another workspace, {anchor.workspace}"
    return f"was changed by hand: its seal of key {name} does not fit"


def _shortfall(
    anchor: Anchor,
    first: Row,
    row: Row | None,
    unsealed_since: Callable[[int], int],
) -> str | None:
    """Return how a log falls short of a true anchor; None where it does not."""
    if first[_HASH] != anchor.first_hash:
        return (
            "The audit log was written again from its first entry, which is older than"
            f" what was seen on {anchor.seen_at}."
        )
    if row is None:
        return (
            f"The audit log lacks entry {anchor.position:,}, seen on {anchor.seen_at}:"
            " its end was cut off, or an older state was put back."
        )
    if row[_HASH] != anchor.entry_hash:
        return (
            f"Entry {anchor.position:,} of the audit log is not the one that was seen"
            f" on {anchor.seen_at}."
        )
    start = min(anchor.sealed_from, anchor.position)
    missing = unsealed_since(start) if anchor.seal else 0
    if missing:
        return (
            f"{missing:,} entries of the audit log have lost their seals: it was"
            f" sealed from entry {start:,}."
        )
    return None
