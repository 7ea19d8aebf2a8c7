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
    r"(?P<gap>[\s._/:-]*)(?P<word>\d+x\d+b|(?:[vrkmx]|a(?=\d+b))?\d+(?:[.p]\d+)?"
    r"(?:o(?=mini|[^a-z]|$)|[bmek](?![a-z]))?|[a-z]+)",
    re.IGNORECASE,
)
_VERSION = re.compile(r"[vrkmx]?\d(\.\d+)?o?|00\d|35|41|54")
_SIZE = re.compile(r"a?\d+(\.\d+)?b|\d+x\d+b|\d+e")
#: A snapshot, its stage or the size of a context: no part of a name, no end of it.
_SKIPPED = re.compile(r"\d{4}|\d{6}|\d{8}|\d+k|125|instruct|it|latest|preview|prvw|exp")
_SNAPSHOT = re.compile(r"\d{2}|\d{4}|\d{6}|\d{8}")
_DATE = re.compile(r"[-@_ ]?20\d\d[-_]?[01]\d[-_]?[0-3]\d(?!\d)")
#: How many unknown words may stand at the end of a name.
_MOST_UNKNOWN = 3
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
            words, end = _Reader(family, text).read(match.end())
            if _is_named(family, words):
                yield ModelName(_named(family, words), text[match.start() : end])


def _is_named(family: str, words: list[str]) -> bool:
    """Return whether words have a version or a size, or need none."""
    if any(_VERSION.fullmatch(word) or _SIZE.fullmatch(word) for word in words):
        return True
    return bool(words) and words[0] in name_words().bare.get(family, ())


@cache
def _anchors() -> dict[str, re.Pattern[str]]:
    return {
        family: re.compile(spelled(pattern), re.IGNORECASE)
        for family, pattern in name_anchors().items()
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the words of one family's name in a text."""

    family: str
    text: str

    def read(self, start: int) -> tuple[list[str], int]:
        """Return the words behind an anchor, a version whole; and where they end."""
        words: list[str] = []
        position = end = start
        while (match := _WORD.match(self.text, position)) is not None:
            word, position = self._word(match), match.end()
            if _SKIPPED.fullmatch(word) or self._is_route(words, word):
                continue
            if self._is_end(word) or (words and self._is_revision(match)):
                break
            if word in name_words().modalities and words and not self._is_own(word):
                if not self._names_modality(words, match):
                    continue
                words.append(word)
            elif _is_minor(words, word, match["gap"]):
                words[-1] += f".{word}"
            elif self._is_part(words, word, position):
                words.append("diarize" if word == "d" else word)
            else:
                break
            end = position
        return words, end

    def _word(self, match: re.Match[str]) -> str:
        word = re.sub(r"(?<=\d)p(?=\d)", ".", match["word"].casefold())
        return name_words().short.get(word, word)

    def _is_route(self, words: list[str], word: str) -> bool:
        """Return whether a word before a name tells the family or a folder of it."""
        return not words and word in {self.family, "ai", "org", "models"}

    def _is_own(self, word: str) -> bool:
        return word in name_words().own.get(self.family, ())

    def _is_end(self, word: str) -> bool:
        return word in name_words().ends and not self._is_own(word)

    def _is_revision(self, match: re.Match[str]) -> bool:
        """Return whether a word is the ``v1`` of Amazon's ``v1:0``."""
        is_revision = re.fullmatch(r"v\d", match["word"]) is not None
        return is_revision and self.text[match.end() : match.end() + 1] == ":"

    def _names_modality(self, words: list[str], match: re.Match[str]) -> bool:
        """Return whether a modality is part of a name: ``gpt-4o-audio-preview``."""
        if "-" not in match["gap"] or "realtime" in words:
            return False
        following = _WORD.match(self.text, match.end())
        after = self._word(following) if following else ""
        return not after or after == "preview" or bool(_SNAPSHOT.fullmatch(after))

    def _is_part(self, words: list[str], word: str, position: int) -> bool:
        """Return whether a word is a variant, size or version, or unknown and last."""
        has_version = any(_VERSION.fullmatch(each) for each in words)
        if _VERSION.fullmatch(word):
            return not has_version
        if _SIZE.fullmatch(word):
            return True
        if word in name_words().variants or self._is_own(word):
            return True
        if word == "d" and "transcribe" in words:
            return True
        return word.isalpha() and self._is_last(words, position)

    def _is_last(self, words: list[str], position: int) -> bool:
        """Return whether only few unknown words follow, or the version."""
        following = _WORD.match(self.text, position)
        if not words:
            after = self._word(following) if following else ""
            return bool(_VERSION.fullmatch(after))
        for _ in range(_MOST_UNKNOWN):
            if following is None or _DATE.match(self.text, position):
                return True
            word, position = self._word(following), following.end()
            if self._is_end(word) or word in name_words().modalities:
                return True
            following = _WORD.match(self.text, position)
        return False


def _is_minor(words: list[str], word: str, gap: str) -> bool:
    """Return whether a digit is the part of the version before it: ``4-5`` is 4.5."""
    before = words[-1] if words else ""
    is_digit = len(word) == 1 and word.isdigit()
    is_pair = is_digit and re.fullmatch(r"v?\d", before) is not None
    return is_pair and gap in {"-", "_"}


def _named(family: str, words: list[str]) -> str:
    """Return the id of a name; Anthropic's and Amazon's as they write it."""
    if family == "gpt":
        words = [re.sub(r"^([345])([145])$", r"\1.\2", word) for word in words]
    if family == "nova":
        words = sorted(words, key=lambda word: bool(_VERSION.fullmatch(word)))
        words = [word.removesuffix(".0") for word in words]
    if family == "qwen":
        return slug(family + " ".join(words))
    if family == "minimax":
        words = [f"m{word}" if word[0].isdigit() else word for word in words]
    if family == "claude":
        versions = [word.lstrip("v") for word in words if _VERSION.fullmatch(word)]
        sizes = [word for word in words if not _VERSION.fullmatch(word)]
        if "instant" in sizes:
            versions = []
        is_size_first = bool(versions) and float(versions[0]) >= _SIZE_FIRST
        first = [sizes[:1], versions] if is_size_first else [versions, sizes[:1]]
        words = [*first[0], *first[1], *sizes[1:]]
    return slug(" ".join([family, *words]))
