"""Cuts answers into pages that fit a conversation.

A page has at most 2,000 tokens of 4 characters each. Its cursor names the run, so that
pages of two runs are never read as a single answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from triptych.service.assistant.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKENS: Final = 2000
CHARACTERS_PER_TOKEN: Final = 4
_ROOM: Final = 160
#: Lists about an answer are cut to so many entries; the rest is counted.
_MOST_NOTES: Final = 5
_NOTES: Final = ("missing", "stale_sources")


def compact(content: object) -> str:
    """Return JSON without spaces."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def tokens_of(text: str) -> int:
    """Return the number of tokens of a text, four characters each."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def page_of(
    content: Mapping[str, Any], key: str, *, run: str, cursor: str | None = None
) -> dict[str, Any]:
    """Return an answer with those entries of a list that fit, and the next cursor.

    Parameters
    ----------
    content : mapping
        The whole answer.
    key : str
        Name of the list that is cut.
    run : str
        Run that the answer is of.
    cursor : str, optional
        End of the page before, for the next page.

    Raises
    ------
    RefusedError
        The cursor is of another run, or none.
    """
    entries = content.get(key, [])
    begin = _begin(cursor, run, len(entries))
    page = {**content, key: []}
    if begin:
        page.pop("sql", None)
    for name in _NOTES:
        notes = page.get(name, [])
        if len(notes) > _MOST_NOTES:
            more = f"and {len(notes) - _MOST_NOTES} more"
            page[name] = [*notes[:_MOST_NOTES], more]
    left = TOKENS * CHARACTERS_PER_TOKEN - len(compact(page)) - _ROOM
    for entry in entries[begin:]:
        left -= len(compact(entry)) + 1
        if left < 0 and page[key]:
            break
        page[key].append(entry)
    end = begin + len(page[key])
    if end < len(entries):
        page["cursor"] = f"{end}@{run}"
    rest = content.get("left_out_count", 0) + len(entries) - end
    if rest:
        page["left_out_count"] = rest
    return page


def _begin(cursor: str | None, run: str, count: int) -> int:
    """Return the place where a page begins."""
    if cursor is None:
        return 0
    place, _, of_run = cursor.partition("@")
    if place.isdecimal() and of_run == run and int(place) < count:
        return int(place)
    raise RefusedError(
        "The cursor is not of this answer, or a newer run was published since.",
        where="cursor",
        next_step="Call again without a cursor.",
        code="invalid",
    )
