"""Loads of polled lists: detect a change, and since when it holds.

Polled systems forget, so every state that was seen is kept: a list that changed is
loaded beside the list before, never instead. A list that did not change is not loaded
again. The loads decide between the two: a scope is a group and the moment of the list,
``runs@2026-11-24T22:30:46.448539Z``, and the memo of a load holds a digest of its rows.

A digest in the scope alone would do until something changes and changes back, such as
an alias that is rolled back: the third list equals the first, and passed for loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from ingest.connector import Delivery, Window
from ingest.http.pages import each_once
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ingest.reading.text_rows import Row

_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Seen:
    """Newest load of a group: its scope and the notes kept with it."""

    scope: str
    notes: Mapping[str, str]

    @property
    def moment(self) -> datetime:
        """Moment at which the loaded list was read."""
        text = self.scope.rpartition("@")[2]
        return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)


@dataclass(slots=True)
class RememberedLoads:
    """The newest load of each stream and group."""

    _latest: dict[tuple[str, str], Seen] = field(default_factory=dict)

    def learn(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Accept the memos that the runner passes to a connector that remembers."""
        for (stream, scope), memo in sorted(memos.items()):
            group = scope.rpartition("@")[0]
            if group and memo:
                self._latest[stream, group] = Seen(scope, json.loads(memo))

    def latest(self, stream: str, group: str) -> Seen | None:
        """Return the newest load of a group; ``None`` before the first."""
        return self._latest.get((stream, group))

    def newest(self, stream: str, *, begins: str) -> datetime | None:
        """Return when the last list was read that was loaded of some groups."""
        moments = [
            seen.moment
            for (of_stream, group), seen in self._latest.items()
            if of_stream == stream and group.startswith(begins)
        ]
        return max(moments, default=None)

    def since(
        self, stream: str, group: str, *, first: datetime, window: Window
    ) -> datetime:
        """Return from when on changes of a group are asked for.

        The start is the ``since`` noted by the newest load, and ``first`` before there
        is a load; days that the user names are always included.
        """
        seen = self.latest(stream, group)
        since = first if seen is None else datetime.fromisoformat(seen.notes["since"])
        if window.start is not None:
            since = min(since, datetime.combine(window.start, time(), UTC))
        return since

    def offer(  # noqa: PLR0913  (each is said by keyword)
        self,
        stream: str,
        group: str,
        rows: Sequence[Row],
        *,
        now: datetime,
        label: str,
        notes: Mapping[str, str] | None = None,
        next_rows: Sequence[Row] | None = None,
        period: str = "all",
    ) -> Delivery:
        """Return a list as a delivery: the earlier delivery if equal, else new.

        Parameters
        ----------
        stream, group : str
            Rows of the list.
        rows : sequence of dict
            The whole list, without ``observed_at``; its order does not matter, and a
            row that repeats the key of another is left out.
        now : datetime
            Moment at which it was read.
        label : str
            Name in messages.
        notes : mapping of str to str, optional
            Notes for :attr:`Seen.notes` at the next run, if this list is new.
        next_rows : sequence of dict, optional
            Those that will be listed again at the next run, if not all.
        period : str
            Path segment in the lake.
        """
        rows = _each_once(stream, rows)
        digest, seen = digest_of(rows), self.latest(stream, group)
        if seen is not None and seen.notes.get("digest") == digest:
            scope, kept = seen.scope, dict(seen.notes)
        else:
            scope = scope_of(group, now)
            listed_again = rows if next_rows is None else _each_once(stream, next_rows)
            kept = {**(notes or {}), "digest": digest_of(listed_again)}
        return Delivery(
            stream=stream,
            scope=scope,
            period=period,
            fingerprint=scope,
            label=label,
            detail=[{**row, "observed_at": now.isoformat()} for row in rows],
            memo=memo_of(kept),
        )


def scope_of(group: str, moment: datetime) -> str:
    """Return the scope of a list that was read at a moment."""
    return f"{group}@{moment.astimezone(UTC).strftime(_MOMENT)}"


def memo_of(notes: Mapping[str, object]) -> str:
    """Return notes in the form in which they are kept with a load."""
    return json.dumps(notes, sort_keys=True, separators=(",", ":"))


def digest_of(rows: Iterable[Row]) -> str:
    """Return a digest of rows that does not depend on their order."""
    lines = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


def _each_once(stream: str, rows: Iterable[Row]) -> list[Row]:
    key = STREAMS[stream].key
    return list(each_once(rows, key=lambda row: tuple(row.get(name) for name in key)))
