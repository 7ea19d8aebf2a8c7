"""Complaints of a validator, several at once, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triptych.core.settings.document import ValuePath

COMPLAINTS_TYPE = "triptych_complaints"


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error at ``path``, which starts at the value being validated."""

    path: ValuePath
    text: str


def complaints_error(complaints: Sequence[Complaint]) -> PydanticCustomError:
    """Return an error that carries ``complaints`` through pydantic."""
    summary = "; ".join(complaint.text for complaint in complaints)
    return PydanticCustomError(
        COMPLAINTS_TYPE,
        "{summary}",
        {"summary": summary, "complaints": tuple(complaints)},
    )
