"""A part of a digest: a heading, a query over public marts, and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_EVERYBODY: Final = ("finance", "engineering", "team")


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with a sentence for each row of a query.

    Attributes
    ----------
    sql : str
        May name ``$team``, which is NULL where the digest is of no team.
    text : str
        A sentence with names of columns in braces.
    nothing : str
        Text where there is no row.
    """

    heading: str
    sql: str
    text: str
    nothing: str
    audiences: tuple[str, ...] = _EVERYBODY
