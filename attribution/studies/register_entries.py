"""Entries of the study register, and the text that their hashes are of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import UsageError
from triptych.core.signatories import named_person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

#: Events that lock a plan; the others give the later state of the study.
_LOCKING: Final = frozenset({"registered", "amended"})
#: Event of arms that a platform delivered.
ASSIGNED: Final = "assigned"
#: Event of a person who accepts data that was edited after a study's end.
ACCEPTED: Final = "data_accepted"
#: Event of a figure that was concluded at a study's end.
CONCLUDED: Final = "concluded"


@dataclass(frozen=True, slots=True)
class Entry:
    """A registration, an amendment, or half of a withdrawal.

    Attributes
    ----------
    study_id, plan_hash : str
        The study, and the SHA-256 of its canonical plan.
    event : {"registered", "amended", "withdrawn", "withdrawal_approved"}
        Event. A withdrawal has the plan that was locked last.
    at, by : str
        Time, in UTC, and author.
    data_cut_off : str
        The last date that could have been read: the entry's, or the history's if later.
    minimum_detectable_effect : float or None
        Per unit and period; ``None`` without a history, or if no interval is bounded.
    changes : mapping
        Changes of an amendment: field, before, after.
    plan : mapping
        The plan in its canonical form.
    previous_hash, entry_hash : str
        The chain.
    low_power_reason : str
        Reason that it was locked although the smallest effect that matters would not be
        found; empty where it would be.
    because : str
        Reason that the study was withdrawn; empty for all else.
    nonce : str
        Random text of an entry whose hash draws arms, so that nobody can choose it.
    arms : mapping
        Arms that a platform delivered: file, list and first exposure. Of data that was
        accepted: the login. Of a concluded figure: plan, data, effect and file.
    """

    study_id: str
    plan_hash: str
    event: str
    at: str
    by: str
    data_cut_off: str
    minimum_detectable_effect: float | None
    changes: dict[str, list[Any]]
    plan: dict[str, Any]
    previous_hash: str
    entry_hash: str = ""
    low_power_reason: str = ""
    because: str = ""
    nonce: str = ""
    arms: dict[str, str] = field(default_factory=dict)

    @property
    def locks_a_plan(self) -> bool:
        """Return True if it is a registration or an amendment."""
        return self.event in _LOCKING

    @property
    def was_in_time(self) -> bool:
        """Return True if nothing from the launch on could have been read."""
        return self.data_cut_off < str(self.plan["launch"])

    def followed_by(
        self,
        event: str,
        author: str,
        at: datetime,
        previous_hash: str,
        *,
        because: str = "",
        arms: Mapping[str, str] | None = None,
    ) -> Entry:
        """Return an entry, not sealed yet, about the plan that this entry locked."""
        return replace(
            self,
            event=event,
            at=at.isoformat(timespec="seconds"),
            by=author,
            data_cut_off=at.date().isoformat(),
            changes={},
            because=because,
            nonce="",
            arms=dict(arms or {}),
            previous_hash=previous_hash,
            entry_hash="",
        )


def parse_entry(line: str) -> Entry | None:
    """Return the entry of a line; ``None`` if it is none."""
    try:
        return Entry(**json.loads(line))
    except (TypeError, ValueError):
        return None


def entry_content(entry: Entry) -> dict[str, Any]:
    """Return an entry's content; fields that are younger only where used."""
    content = asdict(entry)
    for name in ("low_power_reason", "because", "nonce", "arms"):
        if not content[name]:
            content.pop(name)
    return content


def entry_hash(entry: Entry) -> str:
    """Return the hash of an entry, of all but the hash."""
    content = entry_content(entry)
    content.pop("entry_hash")
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def canonical(content: Mapping[str, Any]) -> str:
    """Return content as JSON with sorted keys."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def author_of(name: str) -> str:
    """Return the name of a person, for an entry; no e-mail address."""
    author = named_person(name, "--by")
    if "@" in author:
        raise UsageError(
            "--by is an e-mail address, and the register keeps none.",
            next_step="Give a person's name.",
        )
    return author
