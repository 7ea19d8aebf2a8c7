"""Teams of people, from a CSV file that is read at the door and never landed.

Columns: ``person`` (login or e-mail address, as the vendor has it), ``team_id``, and
optionally ``valid_from`` and ``valid_to``, a half-open range of days.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ingest.storage.files import open_text
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_REQUIRED = {"person", "team_id"}


@dataclass(frozen=True, slots=True)
class _Membership:
    team_id: str
    start: date
    end: date

    def covers(self, day: date) -> bool:
        """Return True if the person was in the team on this day."""
        return self.start <= day < self.end


class TeamMembers:
    """Team of each person on each day.

    Parameters
    ----------
    path : Path or None
        The CSV file; without it nobody has a team.
    where : str
        Name in messages, which never have a person's name.
    """

    def __init__(self, path: Path | None, *, where: str) -> None:
        self._path = path
        self._where = where
        self._members: dict[str, list[_Membership]] | None = None

    def fingerprint(self) -> str:
        """Return a text that changes with the file."""
        if self._path is None:
            return ""
        try:
            content = self._path.read_bytes()
        except OSError as error:
            raise self._refusal("it cannot be read") from error
        return hashlib.sha256(content).hexdigest()[:16]

    def team_of(self, person: str, day: date) -> str | None:
        """Return the team of a person on a day, in any case; ``None``: unknown."""
        if self._members is None:
            self._members = self._read()
        memberships = self._members.get(_key(person), ())
        return next((m.team_id for m in memberships if m.covers(day)), None)

    def _read(self) -> dict[str, list[_Membership]]:
        if self._path is None:
            return {}
        try:
            with open_text(self._path) as file:
                return self._memberships(csv.DictReader(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise self._refusal("it cannot be read") from error

    def _memberships(
        self, rows: Iterable[dict[str, str]]
    ) -> dict[str, list[_Membership]]:
        members: dict[str, list[_Membership]] = {}
        for number, row in enumerate(rows, start=2):
            if not all((row.get(name) or "").strip() for name in _REQUIRED):
                raise self._refusal(f"line {number} lacks a person or a team_id")
            try:
                start = _day(row.get("valid_from"), date.min)
                end = _day(row.get("valid_to"), date.max)
            except ValueError:
                raise self._refusal(f"line {number} has no date YYYY-MM-DD") from None
            kept = members.setdefault(_key(row["person"]), [])
            if any(start < m.end and m.start < end for m in kept):
                raise self._refusal(f"line {number} has a second team for some days")
            kept.append(_Membership(row["team_id"].strip(), start, end))
        return members

    def _refusal(self, problem: str) -> FatalSourceError:
        return FatalSourceError(
            f"The file of team members is unusable: {problem}.",
            where=self._where,
            next_step="Write a CSV with the columns person, team_id, valid_from and"
            " valid_to; the dates may be empty.",
        )


def _key(person: str) -> str:
    return person.strip().casefold()


def _day(text: str | None, default: date) -> date:
    return date.fromisoformat(text.strip()) if text and text.strip() else default
