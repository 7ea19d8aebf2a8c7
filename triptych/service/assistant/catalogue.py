"""Searches measures by the words of their descriptions."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from functools import cache
from math import log
from typing import TYPE_CHECKING, Final

from triptych.core.measures.definition import definitions
from triptych.service.assistant.answers import Described

if TYPE_CHECKING:
    from collections.abc import Callable

    from triptych.core.measures.definition import Measure

_STOP: Final = re.compile(
    r"(an?|and|are|as|at|by|did|do|does|each|for|from|had|has|have|how|in|is|its?|much"
    r"|many|of|on|or|our|that|the|their|there|to|was|we|were|what|which|with)$"
)
_ENDINGS: Final = re.compile(r"(ings?|ed|es|s)$")
_LABEL_WEIGHT: Final = 3
_SHORTEST_STEM: Final = 4


def words_of(text: str) -> list[str]:
    """Return the words of a text without endings and words that mean little."""
    words = re.findall(r"[^\W_]+", text.lower())
    return [_stem(word) for word in words if not _STOP.match(word)]


def _stem(word: str) -> str:
    if len(word) <= _SHORTEST_STEM:
        return word.removesuffix("e")
    if word.endswith("ies"):
        return f"{word.removesuffix('ies')}y"
    stem = _ENDINGS.sub("", word)
    return stem.removesuffix("e")


@cache
def _counts(name: str) -> Counter[str]:
    """Return the words of a measure, by their weight."""
    measure = definitions().measure(name)
    counts = Counter(words_of(f"{measure.description} {measure.term}"))
    for word in words_of(f"{measure.name} {measure.label}"):
        counts[word] += _LABEL_WEIGHT
    return counts


@cache
def _rarity(word: str) -> float:
    """Return the weight of a word: high for one that few measures have."""
    names = definitions().measures
    holders = sum(word in _counts(name) for name in names)
    return log(1 + len(names) / holders) if holders else 0.0


def search(text: str, is_shown: Callable[[Measure], bool]) -> list[Measure]:
    """Return the measures whose words match a text, the best first.

    Parameters
    ----------
    text : str
        Words; every measure matches none.
    is_shown : callable
        True for the measures of a role.
    """
    asked = {*words_of(text)}
    shown = [each for each in definitions().measures.values() if is_shown(each)]
    if not asked:
        return sorted(shown, key=lambda each: each.name)
    scores = {each.name: _score(each, asked) for each in shown}
    matching = [each for each in shown if scores[each.name] > 0]
    return sorted(matching, key=lambda each: (-scores[each.name], each.name))


def _score(measure: Measure, asked: set[str]) -> float:
    """Return the match of a measure's words, less for words that are not asked for."""
    counts = _counts(measure.name)
    matched = sum(_rarity(word) * counts[word] for word in asked)
    length = sum(_rarity(word) ** 2 * count**2 for word, count in counts.items())
    return matched / length**0.5 if length else 0.0


def nearest(name: str, is_shown: Callable[[Measure], bool]) -> list[str]:
    """Return names of measures that are like a name in letters or in words."""
    names = [each.name for each in search("", is_shown)]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return [*dict.fromkeys([*near, *(m.name for m in search(name, is_shown)[:4])])]


def described(measure: Measure) -> Described:
    """Return a measure as the catalogue lists it."""
    model = measure.model
    return Described(
        name=measure.name,
        label=measure.label,
        description=measure.description,
        unit=measure.unit,
        dimensions=sorted(model.dimensions - {"month_begin"}),
        has_months=model.month is not None or "window" in model.dimensions,
    )
