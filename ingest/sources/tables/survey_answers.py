"""Answers of a survey as they may be kept: numbers on scales, by wave, group and item.

The respondent is a hash before anything is stored. It is made with a secret salt and
the wave, so that it shows who answered twice within a wave, and nothing else: neither
the person, nor any respondent that two waves have in common.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ingest.reading.event_rows import is_email
from ingest.storage.files import open_text
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.reading.text_rows import Row

SURVEY_RESPONSES = "survey_responses"
REQUIRED = ("wave_id", "submitted_on", "group_id", "item_id", "scale_min", "scale_max")
OPTIONAL = ("value", "respondent_key", "invited_count")
_NUMBERS = ("scale_min", "scale_max", "value", "invited_count")
_LONGEST_NAME = 80
_HASH_CHARACTERS = 32
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLAIN_HEADER = re.compile(r"[A-Za-z_][A-Za-z0-9_ -]{0,40}")
_SHORTEST_SALT = 16
_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR


def salt_of(variable: str, file: Path, *, source: str) -> bytes:
    """Return the secret salt: a variable's, else a file's, which is made if need be.

    Raises
    ------
    SourceAccessError
        The variable's is too short, or others than its owner may read the file.
    """
    given = os.environ.get(variable, "").strip() or _kept_salt(file, source)
    if len(given) < _SHORTEST_SALT:
        raise SourceAccessError(
            f"The salt has fewer than {_SHORTEST_SALT} characters.",
            where=source,
            next_step=f"Set {variable} to a long random text, and keep it: with another"
            " salt the same respondents are others.",
        )
    return given.encode()


def respondent_hash(salt: bytes, wave_id: str, respondent_key: str) -> str:
    """Return the hash of a respondent within a wave."""
    content = f"{wave_id}\0{respondent_key}".encode()
    return hmac.new(salt, content, hashlib.sha256).hexdigest()[:_HASH_CHARACTERS]


@dataclass(slots=True)
class SurveyFile:
    """File of answers.

    Parameters
    ----------
    path : Path
        A CSV file, compressed or not.
    label : str
        Name in messages.
    salt : bytes
        Salt with which respondents are hashed.
    """

    path: Path
    label: str
    salt: bytes
    delimiter: str = ","
    _answered: set[tuple[str, str, str]] = field(default_factory=set)

    def header(self) -> list[str]:
        """Return the columns of the file.

        Raises
        ------
        MalformedDeliveryError
            A column is missing, or there is an extra column: a column of texts is
            refused whole.
        """
        try:
            with open_text(self.path) as text:
                names = next(csv.reader(text, delimiter=self.delimiter), [])
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise self._unreadable() from error
        header = [name.strip().lower() for name in names]
        missing = [name for name in REQUIRED if name not in header]
        more = [_shown(n, name) for n, name in enumerate(header, 1) if not _known(name)]
        if missing or more or len(set(header)) < len(header):
            raise self._refused_header(missing, more)
        return header

    def rows(self) -> Iterator[Row]:
        """Yield the rows; a bad row has the reason in place of a time.

        Raises
        ------
        MalformedDeliveryError
            The file cannot be read to its end.
        """
        header = self.header()
        try:
            with open_text(self.path) as text:
                lines = csv.reader(text, delimiter=self.delimiter)
                next(lines)
                for line in filter(None, lines):
                    yield self._row(header, line, lines.line_num)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise self._unreadable() from error

    def _row(self, header: list[str], line: list[str], number: int) -> Row:
        answer = dict(zip(header, (text.strip() for text in line), strict=False))
        why = "another number of columns" if len(line) != len(header) else None
        why = why or _complaint(answer)
        key = answer.pop("respondent_key", "")
        kept: Row = {name: answer.get(name) or None for name in (*REQUIRED, *OPTIONAL)}
        del kept["respondent_key"]
        if why is None and key:
            hashed = respondent_hash(self.salt, answer["wave_id"], key)
            once = (answer["wave_id"], answer["item_id"], hashed)
            why = "the respondent answered twice" if once in self._answered else None
            self._answered.add(once)
            kept["respondent_hash"] = hashed
        if why is None:
            return kept
        return {"submitted_on": f"{self.label}:{number}: {why}"}

    def _refused_header(
        self, missing: list[str], more: list[str]
    ) -> MalformedDeliveryError:
        if more:
            what = f"It has columns that no survey may bring: {', '.join(more)}."
            next_step = (
                "Remove them before the file comes here: free text and whatever names"
                " people are never read."
            )
        elif missing:
            what = f"It lacks the columns {', '.join(missing)}."
            next_step = f"A survey has {', '.join((*REQUIRED, *OPTIONAL))}."
        else:
            what, next_step = "Its header names a column twice.", "Correct the header."
        return MalformedDeliveryError(
            what, where=f"{self.label}:1", next_step=f"{next_step} Nothing was loaded."
        )

    def _unreadable(self) -> MalformedDeliveryError:
        return MalformedDeliveryError(
            "The file cannot be read to its end.",
            where=self.label,
            next_step="Deliver it again; what was loaded before stays current.",
        )


def _complaint(answer: Mapping[str, str]) -> str | None:
    """Return the fault of an answer, never with its value."""
    missing = [name for name in REQUIRED if not answer.get(name)]
    if missing:
        return f"{missing[0]} is missing"
    if not _DAY.fullmatch(answer["submitted_on"]):
        return "submitted_on is no day such as 2026-03-31"
    for name in ("wave_id", "group_id", "item_id"):
        if len(answer[name]) > _LONGEST_NAME or is_email(answer[name]):
            return f"{name} is no identifier"
    for name in _NUMBERS:
        if answer.get(name) and not _is_number(answer[name]):
            return f"{name} is no number"
    if not answer.get("value") and not answer.get("invited_count"):
        return "it has neither value nor invited_count"
    return None


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _known(name: str) -> bool:
    return name in REQUIRED or name in OPTIONAL


def _shown(position: int, name: str) -> str:
    # Without a header line, the first answer is in its place: it is not repeated.
    return name if _PLAIN_HEADER.fullmatch(name) else f"number {position}"


def _kept_salt(file: Path, source: str) -> str:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & ~_OWNER_ONLY:
            raise SourceAccessError(
                f"Others may read the salt in {file.name} (mode {mode:o}).",
                where=source,
                next_step=f"Run 'chmod 600 {file.name}' in the workspace.",
            ) from None
        return file.read_text("ascii").strip()
    salt = secrets.token_hex(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(f"{salt}\n")
    return salt
