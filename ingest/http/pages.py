"""Follows the pages of answers, whichever way a server parts them.

Servers, vendors' own clients and proxies before a store repeat pages and name a next
page for ever. A page that comes a second time would keep a run busy without end, or
have its items counted twice.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from triptych.core.errors import MalformedDeliveryError, TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

_Page = TypeVar("_Page")
_Item = TypeVar("_Item")

_MAX_PAGES = 100_000
#: A single page may come twice, such as when the server repeats itself; a second
#: repeated page right after it means that the pages start again.
_REPEATS_IN_A_CIRCLE = 2


def follow_pages(
    fetch: Callable[[str | None], Any],
    next_token: Callable[[Any], str | None],
    *,
    source: str,
    max_pages: int = 10_000,
) -> Iterator[Any]:
    """Yield page after page, until a page names no next page.

    Parameters
    ----------
    fetch : callable
        Returns the page of a token; ``None`` asks for the first.
    next_token : callable
        Returns the token that a page names, or ``None`` on the last page.
    source : str
        Name of the source, for messages.
    max_pages : int
        More than so many are taken for an endless answer.

    Raises
    ------
    MalformedDeliveryError
        A token comes a second time, or there is no end of pages.
    """
    seen: set[str] = set()
    token: str | None = None
    for _ in range(max_pages):
        page = fetch(token)
        yield page
        token = next_token(page)
        if token is None:
            return
        if token in seen:
            raise _endless("the page token loops", source)
        seen.add(token)
    raise _endless(f"there are more than {max_pages} pages", source)


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
        Returns the items of a page; two pages with equal items are the same page.
    is_last : callable
        Returns True if no page follows, given a page and its number.
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


def until_the_last(
    pages: Iterable[_Page], *, token_of: Callable[[_Page], str | None], where: str
) -> Iterator[_Page]:
    """Yield pages; notices when they go in a circle.

    Parameters
    ----------
    pages : iterable
        Pages as the vendor's client follows them.
    token_of : callable
        Returns the token of the next page; empty or None on the last page.
    where : str
        Name of the listing, for messages.

    Raises
    ------
    MalformedDeliveryError
        A token comes a second time.
    """
    seen: set[str] = set()
    for page in pages:
        token = token_of(page)
        if token and token in seen:
            raise _endless("the page token loops", where)
        yield page
        if token:
            seen.add(token)


def each_once(
    items: Iterable[_Item], *, key: Callable[[_Item], Hashable]
) -> Iterator[_Item]:
    """Yield the items with a key that did not come before."""
    seen: set[Hashable] = set()
    for item in items:
        identity = key(item)
        if identity not in seen:
            seen.add(identity)
            yield item


def as_many_as_announced(
    batches: Iterable[_Item],
    *,
    announced: Callable[[], int | None],
    size_of: Callable[[_Item], int],
    where: str,
) -> Iterator[_Item]:
    """Yield batches of rows without a key; detect too many or too few rows.

    Parameters
    ----------
    batches : iterable
        Rows, page by page.
    announced : callable
        Returns how many rows the answer has in all, once its first page is there; None
        where the service does not report it.
    size_of : callable
        Returns how many rows a batch has.
    where : str
        Name of the data read, for messages.

    Raises
    ------
    TransientSourceError
        There are more rows, or fewer, than the answer announced.
    """
    count = 0
    for batch in batches:
        count += size_of(batch)
        total = announced()
        if total is not None and count > total:
            raise _miscounted(f"more than {total}", total, where)
        yield batch
    total = announced()
    if total is not None and count < total:
        raise _miscounted(str(count), total, where)


def _digest(items: object) -> str:
    text = json.dumps(items, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _unexpected(source: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        "Unexpected response format.",
        where=source,
        next_step="See which version the server runs; nothing of it was loaded.",
    )


def _endless(what: str, where: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"The server's pages do not end: {what}.",
        where=where,
        next_step="Nothing of this answer was loaded. Run again; if it stays so,"
        " report it to the vendor, or to who runs the store or a proxy before it.",
    )


def _miscounted(found: str, total: int, where: str) -> TransientSourceError:
    return TransientSourceError(
        f"The answer announced {total} rows, and its pages held {found}: a page was"
        " repeated, left out, or loops.",
        where=where,
        next_step="Nothing of it was loaded; run again.",
    )
