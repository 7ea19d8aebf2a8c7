"""Follows pages that are asked for by number, and notices when they go in a circle."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_PAGES = 100_000
#: One page may come twice, such as when the server repeats itself; a second repeated
#: page right after it means that the pages start again.
_REPEATS_IN_A_CIRCLE = 2


def numbered_pages(
    fetch: Callable[[int], Any],
    *,
    items: Callable[[Any], object],
    is_last: Callable[[Any, int], bool],
    source: str,
) -> Iterator[Any]:
    """Yield pages 1, 2, … up to the last; a page that comes again is passed over.

    Parameters
    ----------
    fetch : callable
        Returns the page with a number.
    items : callable
        Returns what is on a page; two pages with equal items are one.
    is_last : callable
        Tells from a page and its number whether none follows.
    source : str
        Name of the source, for messages.

    Raises
    ------
    MalformedDeliveryError
        The pages loop, a page is not of the expected form, or there is no end of them.
    """
    seen: set[str] = set()
    repeats = 0
    for number in range(1, _MAX_PAGES + 1):
        page = fetch(number)
        try:
            digest, ends = _digest(items(page)), is_last(page, number)
        except (KeyError, TypeError, ValueError) as error:
            raise _unexpected(source) from error
        repeats = repeats + 1 if digest in seen else 0
        if repeats == _REPEATS_IN_A_CIRCLE:
            raise _endless("the server loops through the same ones", source)
        if not repeats:
            seen.add(digest)
            yield page
        if ends:
            return
    raise _endless(f"there are more than {_MAX_PAGES}", source)


def _digest(items: object) -> str:
    text = json.dumps(items, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _endless(what: str, source: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"The server's pages do not end: {what}.",
        where=source,
        next_step="Nothing of this answer was loaded. Run again; if it stays so,"
        " report it to the vendor.",
    )


def _unexpected(source: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        "Unexpected response format.",
        where=source,
        next_step="See which version the server runs; nothing of it was loaded.",
    )
