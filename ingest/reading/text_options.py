"""Options of sources that read text files: delimiter, encoding, numbers and dates."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import AfterValidator, Field

from ingest.notation import DateOrder, DecimalSign

#: Encodings that the engine reads, by their names in Python and as it calls them.
_OF_THE_ENGINE = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16": "utf-16",
    "iso8859-1": "latin-1",
}


def _is_one_character(text: str) -> str:
    if len(text) != 1 or text in '"\r\n':
        raise ValueError("give one character, such as ';' or a tab, and no quote")
    return text


def _is_known(text: str) -> str:
    try:
        codecs.lookup(text)
    except (LookupError, ValueError) as error:
        message = f"{text!r} is not an encoding; use utf-8, utf-16 or latin-1"
        raise ValueError(message) from error
    return text


def _is_of_the_engine(text: str) -> str:
    name = codecs.lookup(_is_known(text)).name
    if name not in _OF_THE_ENGINE:
        message = (
            f"{text!r} is not read; save the files as utf-8, or use utf-16 or latin-1"
        )
        raise ValueError(message)
    return _OF_THE_ENGINE[name]


Delimiter = Annotated[
    str, AfterValidator(_is_one_character), Field(description="Delimiter of CSV files.")
]
#: Of files that are rewritten before the engine reads them.
Encoding = Annotated[
    str, AfterValidator(_is_known), Field(description="Encoding of CSV files.")
]
#: Of files that the engine reads as they are.
EngineEncoding = Annotated[
    str,
    AfterValidator(_is_of_the_engine),
    Field(description="Encoding of CSV files: utf-8, utf-16 or latin-1."),
]
DeclaredDecimal = Annotated[
    DecimalSign | None,
    Field(
        description="Decimal separator: point or comma. Without it, the values"
        " of each file decide, and a file in which all can mean two things is refused."
    ),
]
DeclaredDates = Annotated[
    DateOrder | None,
    Field(
        description="Meaning of 01/04/2026: day first or month first. Without it, the"
        " values of each file decide."
    ),
]
