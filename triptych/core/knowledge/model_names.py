"""Finds names of foundation models in what a bill says of a charge."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from triptych.core.knowledge.knowledge_base import model_families
from triptych.core.knowledge.name_grammar import ModelName, parsed_names, slug, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUP = re.compile(r"\{(\w+)\}")
#: What a FOCUS bill (1.5 draft) says outright, in SkuPriceDetails.
_STATED = re.compile(r'"(?:x_)?Model(?:Id|Name)"\s*:\s*"([^"]+)"')


@lru_cache(maxsize=100_000)
def find_model(text: str) -> ModelName | None:
    """Return the model that ``text`` names; ``None`` if it names none.

    Examples
    --------
    >>> find_model("USE1-Claude3.7Sonnet-input-tokens")
    ModelName(id='claude-3-7-sonnet', spelling='Claude3.7Sonnet')
    >>> find_model("Standard Data Transfer Out") is None
    True
    """
    if stated := stated_name(text):
        return ModelName(slug(stated), stated)
    # What is read by words is exact; the longest says most, of equal ones the first.
    candidates = [*parsed_names(text)] or [*_matched_names(text)]
    return max(candidates, key=lambda name: len(name.spelling), default=None)


def stated_name(text: str) -> str | None:
    """Return the model that details of a SKU state outright."""
    stated = _STATED.search(text)
    return stated[1] if stated else None


def _matched_names(text: str) -> Iterator[ModelName]:
    """Yield the first family whose pattern matches."""
    for pattern, template in _compiled():
        if match := pattern.search(text):
            spelling = match[0].rstrip(" ._/:-")
            yield ModelName(_filled(template, match), spelling)
            return


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(spelled(family.pattern), re.IGNORECASE), family.id)
        for family in model_families()
    )


def _filled(template: str, match: re.Match[str]) -> str:
    parts = match.groupdict()
    text = _GROUP.sub(lambda name: _spoken(parts.get(name[1]) or ""), template)
    return slug(text)


def _spoken(part: str) -> str:
    text = part.casefold().replace("r+", "r-plus")
    # 35 is how Azure writes 3.5, and 2p5 how a path writes 2.5.
    return re.sub(r"^(\d)p(\d)$", r"\1-\2", {"35": "3-5"}.get(text, text))
