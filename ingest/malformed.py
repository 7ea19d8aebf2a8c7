"""Says what is wrong with a delivery that cannot be read, and what to do about it."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

from ingest.files import open_text
from triptych.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from ingest.connector import FilePart

_SHOWN_COLUMNS = 12


def as_malformed(error: duckdb.Error, origin: str) -> MalformedDeliveryError:
    """Say what an engine's error means for the delivery it came from."""
    text = str(error).split("\n", 1)[0]
    if "GZIP" in text:
        what = "The gzip file ends before its end: it was cut off on the way."
        next_step = "Deliver it again; what was loaded before stays current."
    elif "Parquet" in text or "parquet" in text or "magic bytes" in text:
        what = f"This is not a readable Parquet file ({text})."
        next_step = "Deliver it again; what was loaded before stays current."
    else:
        what = f"It cannot be read: {text}"
        next_step = "Correct the file or the source's mapping and run again."
    return MalformedDeliveryError(what, where=origin, next_step=next_step)


def advice_on_missing(
    names: Sequence[str], part: FilePart | None, *, is_told: bool = True
) -> str:
    """Say what to do about missing columns, from those that were delivered.

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


def read_header(part: FilePart) -> list[str]:
    """Return the column names of a CSV file.

    Raises
    ------
    MalformedDeliveryError
        There is no usable header line.
    """
    try:
        with open_text(part.path, encoding=part.encoding) as text:
            header = next(csv.reader(text, delimiter=part.delimiter), [])
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise MalformedDeliveryError(
            f"The first line cannot be read: {error}.",
            where=part.uri,
            next_step="Deliver it again; what was loaded before stays current.",
        ) from error
    names = [name.strip().removeprefix("\ufeff") for name in header]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if not any(names) or doubled or "" in names:
        raise MalformedDeliveryError(
            "The header line is empty."
            if not any(names)
            else f"The header names columns twice or not at all: {doubled or ['']}.",
            where=f"{part.uri}:1",
            next_step="Correct the header line and run again.",
        )
    return names


__all__ = ["advice_on_missing", "as_malformed", "read_header"]
