"""Sum reports of LLM gateways: tokens and their own price-table cost.

A gateway reports a line per request, or per key and model and day. Here lines become
readings, the mapping of the source gives each a model and a pool, and equal readings
are summed by hour or day, so that the lake holds no request and nobody's name.

Token identity: ``input_tokens`` is the whole input, with the tokens read from and
written to the provider's prompt cache as parts. Figures that a gateway cannot report
are ``None``, never zero. The cost is the gateway's own estimate from a price table; it
is compared with the bill and never added to it.

A line that cannot count stays apart, with its texts as delivered and with its fault in
the place of its reporter, so that the runner sets it aside.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ingest.reading.text_rows import text_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.connector import RowsPart
    from ingest.reading.label_mapping import LabelMapping, Labels
    from ingest.reading.text_rows import Row

    Line = Mapping[str, Any]
    #: Requests or tokens; a sample is scaled to a number with decimals.
    Count = int | Decimal

STREAM = "llm_usage"
Bucket = Literal["hour", "day"]

#: Decimals of an amount in the evidence.
_EXACT = Decimal(1).scaleb(-18)


class UnreadableError(ValueError):
    """A line cannot count; the text names the value that is to blame."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a reading's traffic, in the gateway's own words."""

    provider: str | None = None
    provider_model: str | None = None
    api_key_id: str | None = None
    project_id: str | None = None
    feature_tag: str | None = None
    agent: str | None = None
    team: str | None = None
    tenant: str | None = None
    conversation_id: str | None = None
    task_id: str | None = None
    attempt_id: str | None = None
    task_step: str | None = None
    task_outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Content of a gateway's line.

    Attributes
    ----------
    started_at : datetime
        Begin of the request or day, UTC.
    requests, successful_requests : int
        Number of requests that the line represents.
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens : int, optional
        Sent to and received from the provider.
    reasoning_tokens : int, optional
        Those of the output that nobody was shown.
    cost : Decimal, optional
        Cost by the gateway's price table.
    seen_requests : int, optional
        Requests that were seen, where the counts are scaled from a sample.
    """

    started_at: datetime
    origin: Origin
    labels: Labels
    requests: Count = 1
    successful_requests: Count = 1
    input_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cost: Decimal | None = None
    seen_requests: int | None = None


@dataclass(slots=True)
class _Sum:
    requests: Count = 0
    successful_requests: Count = 0
    input_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    output_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cost: Decimal | None = None
    seen_requests: Count | None = None
    #: True if every reading knew its cached tokens, so that the rest is uncached.
    knows_parts: bool = True
    knows_reasoning: bool = True

    @property
    def uncached_tokens(self) -> int | None:
        if self.input_tokens is None or not self.knows_parts:
            return None
        # Of whole tokens, so that the parts add up.
        cached = round(self.cache_read_tokens or 0) + round(
            self.cache_write_tokens or 0
        )
        return round(self.input_tokens) - cached

    def add(self, reading: Reading) -> None:
        self.requests += reading.requests
        self.successful_requests += reading.successful_requests
        self.input_tokens = _added(self.input_tokens, reading.input_tokens)
        self.cache_read_tokens = _added(
            self.cache_read_tokens, reading.cache_read_tokens
        )
        self.cache_write_tokens = _added(
            self.cache_write_tokens, reading.cache_write_tokens
        )
        self.output_tokens = _added(self.output_tokens, reading.output_tokens)
        self.seen_requests = _added(self.seen_requests, reading.seen_requests)
        self._add_reasoning(reading)
        if reading.input_tokens is not None:
            knows = (reading.cache_read_tokens, reading.cache_write_tokens)
            self.knows_parts = self.knows_parts and knows != (None, None)
        if reading.cost is not None:
            self.cost = (self.cost or Decimal(0)) + reading.cost

    def _add_reasoning(self, reading: Reading) -> None:
        if reading.output_tokens is None:
            return
        self.knows_reasoning &= reading.reasoning_tokens is not None
        added = _added(self.reasoning_tokens, reading.reasoning_tokens)
        self.reasoning_tokens = added if self.knows_reasoning else None


class _Key(NamedTuple):
    started_at: datetime
    origin: Origin
    model_id: str | None
    pool_id: str | None


@dataclass(slots=True)
class Tally:
    """Readings of a delivery, summed by bucket, origin, model and pool.

    Parameters
    ----------
    gateway : str
        Name that the source gives its gateway.
    mapping : LabelMapping
        Gives each reading its model and pool.
    bucket : str
        ``hour`` or ``day``.
    currency : str
        Currency of the gateway's price table.
    """

    gateway: str
    mapping: LabelMapping
    bucket: Bucket
    currency: str = "USD"
    _sums: dict[_Key, _Sum] = field(default_factory=lambda: defaultdict(_Sum))
    _refused: list[Row] = field(default_factory=list)

    def count(
        self,
        line: Line,
        read: Callable[[Line], Reading],
        refused: Callable[[Line], Row],
    ) -> None:
        """Count a line, or keep the result of ``refused`` if it cannot count."""
        try:
            self.add(read(line))
        except UnreadableError as error:
            self.refuse(refused(line), error)

    def add(self, reading: Reading) -> None:
        """Count a reading."""
        target = self.mapping.target(reading.labels)
        start = reading.started_at.replace(minute=0, second=0, microsecond=0)
        if self.bucket == "day":
            start = start.replace(hour=0)
        self._sums[_Key(start, reading.origin, *target)].add(reading)

    def refuse(self, row: Row, error: UnreadableError) -> None:
        """Keep a line that cannot count."""
        self._refused.append(
            {
                "period_end": row.get("period_start"),
                "reported_by": f"a line with an unreadable {error}",
                "gateway": self.gateway,
                **row,
            }
        )

    def rows(self) -> Iterator[Row]:
        """Yield the sums in a stable order, then the refused lines."""
        length = timedelta(hours=1) if self.bucket == "hour" else timedelta(days=1)
        for key in sorted(self._sums, key=repr):
            yield self._row(key, self._sums[key], length)
        yield from self._refused

    def part(self, uri: str) -> RowsPart:
        """Return everything as rows of the stream, each value as text."""
        return text_rows(STREAM, self.rows(), uri)

    def _row(self, key: _Key, sums: _Sum, length: timedelta) -> Row:
        origin = key.origin
        values = {
            "period_start": key.started_at.isoformat(),
            "period_end": (key.started_at + length).isoformat(),
            "reported_by": "gateway",
            "gateway": self.gateway,
            "provider": origin.provider,
            "provider_model": origin.provider_model,
            "api_key_id": origin.api_key_id,
            "project_id": origin.project_id,
            "feature_tag": origin.feature_tag,
            "agent": origin.agent,
            "team_id": origin.team,
            "tenant": origin.tenant,
            "conversation_id": origin.conversation_id,
            "task_id": origin.task_id,
            "attempt_id": origin.attempt_id,
            "task_step": origin.task_step,
            "task_outcome": origin.task_outcome,
            "model_id": key.model_id,
            "pool_id": key.pool_id,
            "requests": _whole(sums.requests),
            "successful_requests": _whole(sums.successful_requests),
            "seen_requests": sums.seen_requests,
            "input_tokens": _whole(sums.input_tokens),
            "uncached_input_tokens": sums.uncached_tokens,
            "cached_input_tokens": _whole(sums.cache_read_tokens),
            "cache_write_input_tokens": _whole(sums.cache_write_tokens),
            "output_tokens": _whole(sums.output_tokens),
            "reasoning_tokens": _whole(sums.reasoning_tokens),
            "estimated_spend_amount": None if sums.cost is None else _plain(sums.cost),
            "currency": None if sums.cost is None else self.currency,
        }
        return {
            name: None if value is None else str(value)
            for name, value in values.items()
        }


def feature_in(tags: Sequence[str], prefix: str) -> str | None:
    """Return the feature that the first tag with a prefix names."""
    feature = next((tag for tag in tags if tag.startswith(prefix)), None)
    return None if feature is None else feature.removeprefix(prefix)


def to_count(value: object, name: str) -> int | None:
    """Return a count that was written as a number or as text; ``None`` stays.

    Raises
    ------
    UnreadableError
        It is no whole number, or negative.
    """
    if value is None or value == "":
        return None
    try:
        number = Decimal(str(value))
        count = int(number)
    except (ArithmeticError, ValueError) as error:
        raise UnreadableError(name) from error
    if isinstance(value, bool) or count != number or count < 0:
        raise UnreadableError(name)
    return count


def to_cost(value: object, name: str) -> Decimal | None:
    """Return an amount that was written as a number or as text; ``None`` stays.

    Raises
    ------
    UnreadableError
        It is no finite number.
    """
    if value is None or value == "":
        return None
    try:
        # The shortest text of a double has just the digits that were written.
        cost = Decimal(repr(value) if isinstance(value, float) else str(value))
    except InvalidOperation as error:
        raise UnreadableError(name) from error
    if not cost.is_finite():
        raise UnreadableError(name)
    return cost


def to_moment(value: object, name: str) -> datetime:
    """Return a time in UTC; a time without an offset is taken as UTC.

    Raises
    ------
    UnreadableError
        It is no time.
    """
    moment = value
    if not isinstance(moment, datetime):
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError as error:
            raise UnreadableError(name) from error
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def as_text(value: object) -> str | None:
    """Return a value as the text that is kept of a refused line."""
    return None if value is None else str(value)


def _added(total: Count | None, more: Count | None) -> Count | None:
    if more is None:
        return total
    return more if total is None else total + more


def _whole(count: Count | None) -> int | None:
    """Return a count in whole requests or tokens; one of a sample is rounded."""
    return None if count is None else round(count)


def _plain(cost: Decimal) -> str:
    # Sums of doubles' shortest texts may have more decimals than an amount.
    return f"{cost.quantize(_EXACT):f}"
