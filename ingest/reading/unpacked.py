"""A compressed text file, unpacked while it is landed.

The engine would unpack it while it reads, on a single thread, and without looking at
the checksum at its end: a flipped byte became other rows. Unpacked first it costs less.
"""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.storage.workbooks import is_workbook, open_workbook
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.connector import FilePart

_CHUNK_BYTES = 1024 * 1024
#: Exports of bills become a tenth to a thirtieth of their size.
_MOST_TIMES_LARGER = 200
#: Below this size no ratio is suspicious.
_HARMLESS_BYTES = 1024**3


@contextmanager
def unpacked(part: FilePart, beside: Path) -> Iterator[FilePart]:
    """Give a text file as it is without compression, a workbook as CSV.

    Parameters
    ----------
    part : FilePart
        The file; an uncompressed file is returned as it is.
    beside : Path
        File of the staging area; next to it there is room.

    Raises
    ------
    MalformedDeliveryError
        It is damaged, or far larger than it seems.
    """
    plain = beside.with_name(f".{beside.name}.unpacked")
    if is_workbook(part.path):
        with open_workbook(part.path) as table:
            plain.write_text(table.read(), "utf-8", newline="")
        try:
            yield replace(part, path=plain, delimiter=",", encoding="utf-8")
        finally:
            plain.unlink(missing_ok=True)
        return
    if part.path.suffix.lower() != ".gz":
        yield part
        return
    try:
        _unpack(part, plain)
        yield replace(part, path=plain)
    finally:
        plain.unlink(missing_ok=True)


def _unpack(part: FilePart, plain: Path) -> None:
    most = max(_HARMLESS_BYTES, part.path.stat().st_size * _MOST_TIMES_LARGER)
    written = 0
    try:
        with gzip.open(part.path) as packed, plain.open("wb") as target:
            while chunk := packed.read(_CHUNK_BYTES):
                written += len(chunk)
                if written > most:
                    raise MalformedDeliveryError(
                        f"The file is more than {_MOST_TIMES_LARGER} times as large as"
                        " it is compressed, which no bill is.",
                        where=part.uri,
                        next_step="Deliver it uncompressed if it is right.",
                    )
                target.write(chunk)
    except EOFError as error:
        raise _again(
            "The gzip file ends before its end: it was cut off on the way.", part.uri
        ) from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise _again(
            f"The compressed file is damaged: {reason_of(error)}.", part.uri
        ) from error


def _again(what: str, origin: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        what,
        where=origin,
        next_step="Deliver it again; what was loaded before stays current.",
    )
