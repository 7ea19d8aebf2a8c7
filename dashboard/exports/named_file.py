"""A file that is written or handed out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedFile:
    """Name and bytes of a file; ``is_stored`` if a lock kept it."""

    name: str
    content: bytes
    is_stored: bool = False
