"""The anchor of the audit log, kept outside the workspace.

Anyone who can write the workspace can take off every seal, remove head and key and
recompute the chain. Therefore each write leaves position and hash of the newest entry,
and of the first sealed entry, in the user's state folder (``$XDG_STATE_HOME/triptych``,
by default ``~/.local/state/triptych``), a file for each workspace folder, sealed with
the journal's key. A log that lost an entry or a seal since then is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.core.lake.journal_key import read_key
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from triptych.core.lake.journal_key import JournalKey

    Row = Sequence[Any]

_AT, _HASH, _SEAL = 1, 5, 6
RESTORED = (
    "Restore raw.duckdb and lake/ from the newest backup. If an older one was put back"
    ' on purpose, "triptych audit restored" records it.'
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest entry that this account saw, and the first sealed entry.

    ``first_hash`` is of entry 1 and names the log; ``seen_at`` is UTC, ISO 8601.
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


def _text(content: dict[str, Any]) -> str:
    return "anchor\n" + json.dumps(content, sort_keys=True)


def anchor_file(root: Path) -> Path:
    """Return the file that has the anchor of a workspace, or would have it."""
    state = os.environ.get("XDG_STATE_HOME", "").strip() or "~/.local/state"
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return Path(state).expanduser() / "triptych" / "anchors" / f"{name}.json"


def read_anchor(root: Path) -> Anchor | None:
    """Return the anchor; None where this account saw no sealed entry of the log."""
    try:
        content = json.loads(anchor_file(root).read_text("utf-8"))
        return Anchor(**content)
    except (OSError, ValueError, TypeError, RuntimeError):
        return None


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


def difference(
    anchor: Anchor | None,
    first: Row | None,
    row_at: Callable[[int], Row | None],
    unsealed_since: Callable[[int], int],
) -> str | None:
    """Return how a log falls short of its anchor; None where it does not.

    Parameters
    ----------
    anchor : Anchor or None
        As :func:`read_anchor` gives it.
    first : sequence or None
        Entry 1 of the log; None where it is empty.
    row_at : callable
        Position → row of the log, or None.
    unsealed_since : callable
        Position → number of entries from it on that have no seal.
    """
    if anchor is None or first is None or _is_of_an_earlier_log(anchor, first):
        return None
    if first[_HASH] != anchor.first_hash:
        return (
            "The audit log was written again from its first entry, which is older than"
            f" what was seen on {anchor.seen_at}."
        )
    row = row_at(anchor.position)
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
    missing = unsealed_since(anchor.sealed_from)
    if missing:
        return (
            f"{missing:,} entries of the audit log have lost their seals: it was"
            f" sealed from entry {anchor.sealed_from:,}."
        )
    return None


def _is_of_an_earlier_log(anchor: Anchor, first: Row) -> bool:
    """Return True if a new workspace replaced the workspace seen earlier."""
    seen_at = datetime.fromisoformat(anchor.seen_at).replace(tzinfo=None)
    return bool(first[_HASH] != anchor.first_hash and first[_AT] >= seen_at)
