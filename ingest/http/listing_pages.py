"""Follows the pages of a vendor's own client, which asks on for ever if told to.

The clients of S3, Azure Storage and Google Cloud believe each page token. A store, or
a proxy before it, that names a page a second time would keep a run busy without end;
one that repeats a page would have what is on it counted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from triptych.core.errors import MalformedDeliveryError, TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

_Page = TypeVar("_Page")
_Item = TypeVar("_Item")


def until_the_last(
    pages: Iterable[_Page], *, token_of: Callable[[_Page], str | None], where: str
) -> Iterator[_Page]:
    """Yield pages; notices when they go in a circle.

    Parameters
    ----------
    pages : iterable
        Pages as the vendor's client follows them.
    token_of : callable
        Returns the token of the next page; empty or None on the last one.
    where : str
        What is listed, for messages.

    Raises
    ------
    MalformedDeliveryError
        A token comes a second time.
    """
    seen: set[str] = set()
    for page in pages:
        token = token_of(page)
        if token and token in seen:
            raise MalformedDeliveryError(
                "The pages of the answer do not end: the page token loops.",
                where=where,
                next_step="Nothing of this answer was loaded. Run again; if it stays"
                " so, report it to who runs the store or the proxy before it.",
            )
        yield page
        if token:
            seen.add(token)


def each_once(
    items: Iterable[_Item], *, key: Callable[[_Item], Hashable]
) -> Iterator[_Item]:
    """Yield the items whose key did not come before."""
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
    """Yield batches of rows, which have no key; notices one too many or too few.

    Parameters
    ----------
    batches : iterable
        Rows, page by page.
    announced : callable
        Returns how many rows the answer has in all, once its first page is there;
        None where the service does not say.
    size_of : callable
        Returns how many rows a batch has.
    where : str
        What is read, for messages.

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


def _miscounted(found: str, total: int, where: str) -> TransientSourceError:
    return TransientSourceError(
        f"The answer announced {total} rows, and its pages held {found}: a page was"
        " repeated, left out, or loops.",
        where=where,
        next_step="Nothing of it was loaded; run again.",
    )
