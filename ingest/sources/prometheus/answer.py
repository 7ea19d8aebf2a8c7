"""Read answers of Prometheus to a query, live or recorded.

Source: Prometheus documentation, *HTTP API*: ``{"status", "data", "warnings"}``, with
``data`` a matrix of ``[seconds, "value"]`` pairs, or a vector of a single pair each.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import Any

from ingest.sources.prometheus.series import MILLISECONDS, Series, read_value
from triptych.core.errors import FatalSourceError, MalformedDeliveryError

#: Warnings that speak of the question and not of the data begin with this.
_ABOUT_THE_QUERY = "PromQL "
_SHOWN_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """Series as answered.

    ``shortfalls`` are the server's warnings that a part of the data is missing, such
    as of a store that did not respond.
    """

    series: tuple[Series, ...]
    shortfalls: tuple[str, ...] = ()


def read_answer(body: object, *, where: str) -> Answer:
    """Read the body of an answer.

    Parameters
    ----------
    body : object
        As JSON was parsed; numbers with a point as Decimal.
    where : str
        Name in messages.

    Raises
    ------
    FatalSourceError
        The answer reports that the query failed.
    MalformedDeliveryError
        It is no answer of Prometheus.
    """
    if not isinstance(body, dict) or "status" not in body:
        raise _malformed("no answer of Prometheus", where)
    if body["status"] != "success":
        kind, said = body.get("errorType", "error"), body.get("error", "")
        raise FatalSourceError(
            f"Prometheus refuses the query ({kind}: {said}"[:_SHOWN_CHARACTERS] + ").",
            where=where,
            next_step="Compare the selectors of the source with what the server has.",
        )
    data = body.get("data")
    kind = data.get("resultType") if isinstance(data, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if kind not in {"matrix", "vector"} or not isinstance(result, list):
        raise _malformed(f"a result of type {kind!r}, not of samples", where)
    return Answer(
        tuple(_read_series(item, where) for item in result),
        tuple(_shortfalls(body.get("warnings"))),
    )


def _shortfalls(warnings: object) -> list[str]:
    texts = warnings if isinstance(warnings, list) else []
    return [
        str(text)[:_SHOWN_CHARACTERS]
        for text in texts
        if not str(text).startswith(_ABOUT_THE_QUERY)
    ]


def _read_series(item: Any, where: str) -> Series:  # noqa: ANN401  (any JSON)
    labels = item.get("metric") if isinstance(item, dict) else None
    if not isinstance(labels, dict):
        raise _malformed("a series without labels", where)
    if item.keys() & {"histogram", "histograms"}:
        raise MalformedDeliveryError(
            f"{labels.get('__name__', 'A series')} holds native histograms, which are"
            " not read.",
            where=where,
            next_step="Keep classic histograms scraped, and select their '_bucket'.",
        )
    pairs = item.get("values", [item["value"]] if "value" in item else None)
    if not isinstance(pairs, list):
        raise _malformed("a series without samples", where)
    points = [_read_pair(pair, where) for pair in pairs]
    return Series(labels, sorted(points, key=itemgetter(0)))


def _read_pair(pair: object, where: str) -> tuple[int, Decimal | None]:
    match pair:
        case [int() | Decimal() as seconds, value]:
            moment = int((seconds * MILLISECONDS).__round__())
            return moment, read_value(value, where=where)
    raise _malformed("a sample that is no pair of time and value", where)


def _malformed(found: str, where: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"It holds {found}.",
        where=where,
        next_step="It has to be what /api/v1/query_range answers; nothing was loaded.",
    )
