"""The sealed head of the audit log: how far it reached when it was last written.

The end of a chain can be cut off and nothing in the chain shows it. Therefore
``lake/audit_head.json`` has position and hash of the newest entry under a seal of the
journal's key: without the key nobody can make a head for an earlier entry. Anyone who
has kept an older copy of the file can put that back, so a head that is kept elsewhere
proves more.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from triptych.core.errors import TriptychError
from triptych.core.lake.journal_key import key_id_of, read_key
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from triptych.core.lake.journal_key import JournalKey

HEAD: Final = "audit_head.json"
_RESTORE = (
    "Restore raw.duckdb and lake/ from the same backup, and compare what is in it with"
    ' "triptych audit verify --head" and a hash that was kept elsewhere.'
)


class JournalHeadError(TriptychError):
    """The audit log ends before the entry that its sealed head names."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class JournalHead:
    """Position and hash of the newest entry, and the seal of both."""

    position: int
    entry_hash: str
    seal: str


def head_text(position: int, entry_hash: str) -> str:
    """Return the text that the seal of a head signs."""
    return f"head\n{position}\n{entry_hash}"


def read_head(lake: Path) -> JournalHead | None:
    """Return the sealed head; None where there is none.

    Raises
    ------
    JournalHeadError
        The file cannot be read.
    """
    file = lake / HEAD
    try:
        content = json.loads(file.read_text("utf-8"))
        return JournalHead(
            int(content["position"]), str(content["entry_hash"]), str(content["seal"])
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalHeadError(
            f"The sealed head of the audit log cannot be read: {error}",
            where=str(file),
            next_step=_RESTORE,
        ) from error


def difference(
    head: JournalHead | None, rows: Sequence[Sequence[Any]], key: JournalKey | None
) -> str | None:
    """Return how a log differs from its sealed head; None where it does not.

    Parameters
    ----------
    head : JournalHead or None
        As :func:`read_head` gives it.
    rows : sequence
        Rows of the log from the entry that the head names on, or all of them:
        position first, hash sixth, seal seventh.
    key : JournalKey or None
        To check the seal with; None where the key is not here.
    """
    if head is None:
        is_sealed = bool(rows) and rows[-1][6] is not None
        return "The sealed head of the audit log is missing." if is_sealed else None
    row = next((row for row in rows if row[0] == head.position), None)
    if row is None:
        return (
            f"The audit log lacks entry {head.position:,}, which its sealed head"
            " names: its end was cut off."
        )
    if row[5] != head.entry_hash:
        return f"Entry {head.position:,} of the audit log differs from its sealed head."
    if not _is_sealed(head, row[6], key):
        return "The head of the audit log is not sealed with its key."
    return None


def _is_sealed(head: JournalHead, seal: str | None, key: JournalKey | None) -> bool:
    """Check, as far as visible, if the entry's key sealed the head."""
    if seal is None or key_id_of(head.seal) != key_id_of(seal):
        return False
    if key is None or key.key_id != key_id_of(seal):
        return True
    return key.is_seal_of(head.seal, head_text(head.position, head.entry_hash))


def refuse_cut(lake: Path, rows: Sequence[Sequence[Any]]) -> None:
    """Stop where a log is to be written that its sealed head does not fit.

    Raises
    ------
    JournalHeadError
        It lacks entries, or the head was not made with the key.
    """
    text = difference(read_head(lake), rows, read_key(lake.parent))
    if text is not None:
        raise JournalHeadError(text, where=str(lake / HEAD), next_step=_RESTORE)


def write_head(lake: Path, position: int, entry_hash: str) -> None:
    """Seal the newest entry; nothing is written where there is no key."""
    key = read_key(lake.parent)
    if key is None:
        return
    content = {
        "position": position,
        "entry_hash": entry_hash,
        "seal": key.seal(head_text(position, entry_hash)),
    }
    write_whole(lake / HEAD, json.dumps(content))
