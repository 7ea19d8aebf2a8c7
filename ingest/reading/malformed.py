"""Describe the faults of an unreadable delivery, with advice."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

import duckdb

from ingest.storage.files import LONGEST_LINE, open_text
from ingest.streams import STREAMS
from triptych.core.errors import FatalSourceError, MalformedDeliveryError, TriptychError
from triptych.core.machine_errors import machine_trouble
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.connector import FilePart

_SHOWN_COLUMNS = 12
#: Errors that libraries raise for unreadable data, Arrow's errors among the values. A
#: defect in triptych is not in this list, and stops the run.
BAD_DATA = (
    *(TriptychError, duckdb.Error, csv.Error, zlib.error),
    *(OSError, EOFError, ValueError, OverflowError, RecursionError, MemoryError),
)
_UNREADABLE = (OSError, EOFError, LookupError, csv.Error, zlib.error)
#: Of a file; that many names take no time, and a hundred times as many all of it.
MOST_COLUMNS = 2_000


def as_malformed(error: duckdb.Error, origin: str) -> MalformedDeliveryError:
    """Return an engine's error as a fault of the delivery it came from."""
    text = reason_of(error)
    if "GZIP" in text:
        what = "The gzip file ends before its end: it was cut off on the way."
        next_step = "Deliver it again; what was loaded before stays current."
    elif "Parquet" in text or "parquet" in text or "magic bytes" in text:
        what = f"This is not a readable Parquet file ({text})."
        next_step = "Deliver it again; what was loaded before stays current."
    elif "state machine" in text:
        return mixed_line_ends(origin)
    elif "Overflow in SUM" in text:
        what = "The amounts of a month add up to more than any bill does."
        next_step = "Look at its largest amounts, and deliver it again."
    else:
        what = f"It cannot be read: {text}."
        next_step = "Correct the file or the source's mapping and run again."
    return MalformedDeliveryError(what, where=origin, next_step=next_step)


def mixed_line_ends(origin: str) -> MalformedDeliveryError:
    """Return the refusal of a file with mixed line endings."""
    return MalformedDeliveryError(
        "Its lines do not all end alike, such as some in CR LF, others in LF.",
        where=origin,
        next_step="Save it with one kind of line break, and run again.",
    )


def as_failed(error: Exception, origin: str) -> TriptychError:
    """Return any error of a delivery as a failure that stops no others."""
    again = "Deliver it again; what was loaded before stays current."
    if isinstance(error, TriptychError):
        return error
    if (trouble := machine_trouble(error)) is not None:
        return FatalSourceError(
            trouble.what, where=trouble.where or origin, next_step=trouble.next_step
        )
    match error:
        case duckdb.Error():
            return as_malformed(error, origin)
        case EOFError() | zlib.error() | gzip.BadGzipFile():
            what = f"The compressed file is damaged: {reason_of(error)}."
        case UnicodeError():
            what = "Its name or content is not text in the encoding of the source."
            again = "Rename it in UTF-8, or set 'encoding' on this source."
        case RecursionError():
            what = "It is nested too deeply to be read."
            again = "Deliver it without so many levels."
        case OSError():
            what = f"It cannot be read: {error.strerror or reason_of(error)}."
            again = "See to it that this user may read it and that the disk has room."
        case _:
            what = f"It has a form that was not expected: {reason_of(error)}."
            again = "Correct the file and run again."
    return MalformedDeliveryError(what, where=origin, next_step=again)


def advice_on_missing(
    names: Sequence[str], part: FilePart | None, *, is_told: bool = True
) -> str:
    """Return advice on missing columns, given the delivered columns.

    Without ``is_told`` the delivered names stay untold: where a header is missing, they
    are the values of a row.
    """
    if part is not None and part.format == "csv" and len(names) == 1:
        for delimiter, word in ((";", "semicolon"), ("\t", "tab"), ("|", "pipe")):
            if delimiter in names[0]:
                return (
                    f"The header has one column that contains {word}s: set"
                    f" 'delimiter: {json.dumps(delimiter)}' on this source."
                )
    if not is_told:
        return (
            f"It has {len(names)} columns. Give them the names that the stream's have,"
            " or add a 'mapping' or 'defaults' entry for this source."
        )
    shown = ", ".join(names[:_SHOWN_COLUMNS])
    shown += ", …" if len(names) > _SHOWN_COLUMNS else ""
    return (
        f"Delivered columns: {shown}. Add a 'mapping' or 'defaults' entry for"
        " this source, or export the column."
    )


def in_another_encoding(encoding: str, origin: str) -> MalformedDeliveryError:
    """Return the error for a text file not in its source's encoding."""
    return MalformedDeliveryError(
        f"It is not text in {encoding}.",
        where=origin,
        next_step="Set 'encoding' on this source (utf-8, utf-16 or latin-1), or save"
        " the file as UTF-8.",
    )


def read_header(part: FilePart) -> list[str]:
    """Return the column names of a CSV file.

    Raises
    ------
    MalformedDeliveryError
        There is no usable header line.
    """
    try:
        with open_text(part.path, encoding=part.encoding) as text:
            lines = iter(lambda: text.readline(LONGEST_LINE), "")
            first = next(lines, "")
            _refuse_endless(first, part.uri)
            rows = csv.reader(chain([first], lines), delimiter=part.delimiter)
            header = next(rows, [])
    except UnicodeError as error:
        raise in_another_encoding(part.encoding, part.uri) from error
    except _UNREADABLE as error:
        raise MalformedDeliveryError(
            f"The first line cannot be read: {reason_of(error)}.",
            where=part.uri,
            next_step="Deliver it again; what was loaded before stays current.",
        ) from error
    names = [name.strip().removeprefix("\ufeff") for name in header]
    _refuse_too_wide(names, part.uri)
    if not any(names) or len(set(names)) < len(names) or "" in names:
        raise MalformedDeliveryError(
            "The header line is empty." if not any(names) else _doubled(names),
            where=f"{part.uri}:1",
            next_step="Correct the header line and run again.",
        )
    return names


def _doubled(names: Sequence[str]) -> str:
    """Name columns that come twice: by position where a stream has no such column.

    Without a header line, the values of a row are in its place.
    """
    known = {c.name.casefold() for s in STREAMS.values() for c in s.columns}
    counts = Counter(names)
    shown = dict.fromkeys(
        name if name.casefold() in known else f"column {position}"
        for position, name in enumerate(names, 1)
        if counts[name] > 1 or not name
    )
    told = ", ".join([*shown][:_SHOWN_COLUMNS])
    return f"The header names columns twice or not at all: {told}."


def _refuse_endless(line: str, origin: str) -> None:
    if len(line) >= LONGEST_LINE:
        raise MalformedDeliveryError(
            f"The first line has more than {LONGEST_LINE:,} characters.",
            where=f"{origin}:1",
            next_step="Deliver a table with a header line and a line for each row.",
        )


def _refuse_too_wide(names: Sequence[str], origin: str) -> None:
    if len(names) > MOST_COLUMNS:
        raise MalformedDeliveryError(
            f"The file has {len(names):,} columns, and at most {MOST_COLUMNS:,} are"
            " read.",
            where=f"{origin}:1",
            next_step="Export the columns that the stream has.",
        )
