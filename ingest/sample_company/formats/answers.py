"""Recorded answers as files: compact JSON, compressed, always the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ingest.sample_company.money import to_decimal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def json_number(units: int) -> float:
    """Return units of 1e-10 as a JSON number.

    A double's shortest text has just these digits, as long as they are fewer than 16.
    """
    return float(to_decimal(units))


@lru_cache(maxsize=1_024)
def moment(seconds: int) -> str:
    """Return seconds since 1970 as a UTC time."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def made_up_uuid(*names: str) -> str:
    """Return an id that stays the same for the same names."""
    digest = hashlib.sha256("/".join(names).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def write_json(path: Path, body: Any) -> None:  # noqa: ANN401
    """Write a single body."""
    write_gzip(path, _dumped(body) + "\n")


def write_json_lines(path: Path, lines: Iterable[Any]) -> None:
    """Write a value per line."""
    write_gzip(path, "".join(_dumped(line) + "\n" for line in lines))


def write_gzip(path: Path, text: str) -> None:
    """Write compressed text; no name and no time in the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), 6, mtime=0))


def _dumped(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
