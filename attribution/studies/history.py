"""History before a launch: a file with unit, date and outcome per row."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import pandas as pd

from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

_PARQUET: Final = b"PAR1"
_NEEDED: Final[tuple[Hashable, ...]] = ("unit", "date", "outcome")


def history_of(content: bytes, *, where: str) -> pd.DataFrame:
    """Return the rows of a CSV or Parquet file.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        Name in messages.

    Returns
    -------
    DataFrame
        ``unit``, ``date`` and ``outcome``, and any other columns of the file.

    Raises
    ------
    UsageError
        The file is neither, or lacks any of the three columns.
    """
    step = "Give a CSV or Parquet file with columns unit, date, outcome."
    try:
        if content.startswith(_PARQUET):
            rows = pd.read_parquet(io.BytesIO(content))
        else:
            rows = pd.read_csv(
                io.BytesIO(content), dtype={"unit": str}, parse_dates=["date"]
            )
    except (ValueError, OSError) as error:
        raise UsageError(
            f"The history cannot be read: {error}.", where=where, next_step=step
        ) from error
    missing = [str(name) for name in _NEEDED if name not in rows.columns]
    if missing:
        raise UsageError(
            f"The history lacks {', '.join(missing)}.", where=where, next_step=step
        )
    return rows


def read_history(path: Path) -> pd.DataFrame:
    """Return the rows of a file; see :func:`history_of`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The history cannot be read: {error}.",
            where=str(path),
            next_step="Give a CSV or Parquet file with columns unit, date, outcome.",
        ) from error
    return history_of(content, where=str(path))
