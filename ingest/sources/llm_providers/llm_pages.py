"""Page through a provider's answers to the end, and join them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.http.pages import follow_pages
from ingest.sources.llm_providers.llm_results import malformed
from ingest.storage.recorded_answers import RecordedAnswers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from ingest.http.client import HttpClient, Params
    from ingest.sources.llm_providers.llm_results import Report, Result, Span

    #: Client that answers.
    Client = HttpClient | RecordedAnswers


def days_in(
    pages: Iterable[Any], day_of: Callable[[dict[str, Any]], Span], *, where: str
) -> Iterator[Span]:
    """Yield the day of every bucket of every page.

    Raises
    ------
    MalformedDeliveryError
        An answer differs from the documented form.
    """
    for page in pages:
        for bucket in _list(page, "data", where):
            yield _day(bucket, day_of, where)


def pages_of(
    client: Client, path: str, params: Callable[[str | None], Params], *, where: str
) -> Iterator[Any]:
    """Return the pages of a report: followed to the last, or as recorded.

    ``params`` returns the query of a page, given the token that the page before named.
    """
    return _pages(client, path, params, lambda page: _next(page, where), where)


def gather(
    report: Report,
    pages: Iterable[Any],
    day_of: Callable[[dict[str, Any]], Span],
    *,
    where: str,
    gapless_until: datetime | None = None,
) -> Iterator[Result]:
    """Put the pages of a report together, and yield its results.

    Parameters
    ----------
    report : Report
        Report into which they are joined.
    pages : iterable
        Its pages.
    day_of : callable
        Returns the day of a bucket; may raise the errors of a wrong type.
    where : str
        Name in messages.
    gapless_until : datetime, optional
        Day before which the vendor's answer has every day, including empty days.

    Raises
    ------
    MalformedDeliveryError
        An answer differs from the documented form.
    IncompleteDeliveryError
        A gapless answer leaves a day out.
    """
    for page in pages:
        for bucket in _list(page, "data", where):
            report.add(_day(bucket, day_of, where), _list(bucket, "results", where))
    if gapless_until is not None:
        report.refuse_gaps(gapless_until)
    yield from report.results()


def names_by_id(
    client: Client, path: str, params: Callable[[str | None], Params], *, where: str
) -> dict[str, str]:
    """Return the names in a list that is continued after its ``last_id``."""

    def next_token(page: Any) -> str | None:  # noqa: ANN401
        return str(page["last_id"]) if _has_more(page, where) else None

    return {
        str(item.get("id")): str(item.get("name"))
        for page in _pages(client, path, params, next_token, where)
        for item in _list(page, "data", where)
    }


def _pages(
    client: Client,
    path: str,
    params: Callable[[str | None], Params],
    next_token: Callable[[Any], str | None],
    where: str,
) -> Iterator[Any]:
    if isinstance(client, RecordedAnswers):
        return iter(client.bodies(path))
    return follow_pages(
        lambda token: client.get_json(path, params=params(token)),
        next_token,
        source=where,
    )


def _day(bucket: Any, day_of: Callable[[dict[str, Any]], Span], where: str) -> Span:  # noqa: ANN401
    try:
        return day_of(bucket)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise malformed("a bucket does not say its day", where) from error


def _next(page: Any, where: str) -> str | None:  # noqa: ANN401
    if not _has_more(page, where):
        return None
    token = page.get("next_page")
    if not isinstance(token, str) or not token:
        raise malformed("there is more, but no next page is named", where)
    return token


def _has_more(page: Any, where: str) -> bool:  # noqa: ANN401
    has_more = page.get("has_more") if isinstance(page, dict) else None
    if not isinstance(has_more, bool):
        raise malformed("a page does not say whether there is more", where)
    return has_more


def _list(holder: Any, name: str, where: str) -> list[Any]:  # noqa: ANN401
    found = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(found, list):
        raise malformed(f"it has no list {name!r}", where)
    return found
