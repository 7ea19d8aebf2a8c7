"""Finds names of foundation models in what a bill says of a charge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from triptych.core.knowledge.knowledge_base import model_families

_SEPARATORS = r"[\s._/:-]*"
_GROUP = re.compile(r"\{(\w+)\}")
#: What a FOCUS bill (1.5 draft) says outright, in SkuPriceDetails.
_STATED = re.compile(r'"(?:x_)?Model(?:Id|Name)"\s*:\s*"([^"]+)"')


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
    if stated := _STATED.search(text):
        return ModelName(slug(stated[1]), stated[1])
    for pattern, template in _compiled():
        if match := pattern.search(text):
            spelling = match[0].rstrip(" ._/:-")
            return ModelName(_filled(template, match), spelling)
    return None


def slug(text: str) -> str:
    """Return lower-case words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile(_spelled(family.pattern), re.IGNORECASE), family.id)
        for family in model_families()
    )


def _spelled(pattern: str) -> str:
    """Return a family's pattern with ``S`` as separators; spaces only set it off."""
    return re.sub(r" ?\bS\b ?", lambda _: _SEPARATORS, pattern)


def _filled(template: str, match: re.Match[str]) -> str:
    parts = match.groupdict()
    text = _GROUP.sub(lambda name: _spoken(parts.get(name[1]) or ""), template)
    return slug(text)


def _spoken(part: str) -> str:
    text = part.casefold().replace("r+", "r-plus")
    # 35 is how Azure writes 3.5, and 2p5 how a path writes 2.5.
    return re.sub(r"^(\d)p(\d)$", r"\1-\2", {"35": "3-5"}.get(text, text))
