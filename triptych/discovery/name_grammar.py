"""Reads names of models word by word: family, version, size and variants.

A meter is called after a version (`5.4 mini inp Gl`), shortens words (`mn trscb`) and
puts them in any order. What nobody knows yet keeps its own name: `5.6 sol` is no 5.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from triptych.core.knowledge.knowledge_base import name_anchors, name_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATORS = r"[\s._/:-]*"
_WORD = re.compile(
    r"(?P<gap>[\s._/:-]*)(?P<word>[vrk]?\d+(?:\.\d+)?(?:o(?=mini|[^a-z]|$)|[bm](?![a-z]))?"
    r"|[a-z]+)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"[vrk]?\d{1,2}(\.\d+)?o?")
_SIZE = re.compile(r"\d+(\.\d+)?b")
#: Begin a name that needs no version.
_BARE = (["realtime"], ["audio"])
#: From this version on Anthropic writes the size of a Claude before its number.
_SIZE_FIRST = 4


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model that a text names.

    Attributes
    ----------
    id : str
        The same for every spelling of the name.
    spelling : str
        The part of the text that says so.
    """

    id: str
    spelling: str


def slug(text: str) -> str:
    """Return lower-case words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


def spelled(pattern: str) -> str:
    """Return a pattern with ``S`` as separators; spaces only set it off."""
    return re.sub(r" ?\bS\b ?", lambda _: _SEPARATORS, pattern)


def parsed_names(text: str) -> Iterator[ModelName]:
    """Yield the names in a text that begin as those of a family do.

    Examples
    --------
    >>> [name.id for name in parsed_names("Azure OpenAI GPT5 - 5.1 codex mini inp Dz")]
    ['gpt-5-1-codex-mini']
    """
    for family, anchor in _anchors().items():
        for match in anchor.finditer(text):
            words, end = _read(text, match.end())
            if any(_VERSION.fullmatch(word) for word in words) or words[:1] in _BARE:
                yield ModelName(_named(family, words), text[match.start() : end])


@cache
def _anchors() -> dict[str, re.Pattern[str]]:
    return {
        family: re.compile(spelled(pattern), re.IGNORECASE)
        for family, pattern in name_anchors().items()
    }


def _read(text: str, start: int) -> tuple[list[str], int]:
    """Return the words of a name behind its anchor, a version whole; and its end."""
    known = name_words()
    words: list[str] = []
    position = end = start
    while (match := _WORD.match(text, position)) is not None:
        word = known.short.get(match["word"].casefold(), match["word"].casefold())
        position = match.end()
        if word in known.ends:
            break
        if word in known.modalities and words:
            continue
        if _is_minor(words, word, match["gap"]):
            words[-1] += f".{word}"
        elif _is_part(words, word, text, position):
            words.append("diarize" if word == "d" else word)
        else:
            break
        end = position
    return words, end


def _is_part(words: list[str], word: str, text: str, position: int) -> bool:
    """Return whether a word is a variant, size or version, or unknown and the last."""
    has_version = any(_VERSION.fullmatch(each) for each in words)
    if _VERSION.fullmatch(word):
        return not has_version
    if _SIZE.fullmatch(word):
        return has_version or words[-1:] == ["oss"]
    if word in name_words().variants or (word == "d" and "transcribe" in words):
        return True
    return word.isalpha() and _is_last(text, position, has_version=has_version)


def _is_last(text: str, position: int, *, has_version: bool) -> bool:
    """Return whether a name ends at a position, or its version follows there."""
    following = _WORD.match(text, position)
    if following is None:
        return has_version
    after = following["word"].casefold()
    if has_version:
        return after in name_words().ends
    return _VERSION.fullmatch(after) is not None


def _is_minor(words: list[str], word: str, gap: str) -> bool:
    """Return whether a digit is the part of the version before it: ``4-5`` is 4.5."""
    before = words[-1] if words else ""
    is_pair = len(word) == len(before) == 1 and word.isdigit() and before.isdigit()
    return is_pair and gap in {"-", "_"}


def _named(family: str, words: list[str]) -> str:
    """Return the id of a name; Anthropic's as Anthropic writes it."""
    words = [{"35": "3.5"}.get(word, word) for word in words]
    if family == "claude":
        versions = [word.lstrip("v") for word in words if _VERSION.fullmatch(word)]
        sizes = [word for word in words if not _VERSION.fullmatch(word)]
        if "instant" in sizes:
            versions = []
        is_size_first = bool(versions) and float(versions[0]) >= _SIZE_FIRST
        first = [sizes[:1], versions] if is_size_first else [versions, sizes[:1]]
        words = [*first[0], *first[1], *sizes[1:]]
    return slug(" ".join([family, *words]))
