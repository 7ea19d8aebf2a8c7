"""Types of what a source says of its text files: one delimiter, and an encoding."""

from __future__ import annotations

import codecs
from typing import Annotated

from pydantic import AfterValidator

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


Delimiter = Annotated[str, AfterValidator(_is_one_character)]
#: Of files that are rewritten before the engine reads them.
Encoding = Annotated[str, AfterValidator(_is_known)]
#: Of files that the engine reads as they are.
EngineEncoding = Annotated[str, AfterValidator(_is_of_the_engine)]
