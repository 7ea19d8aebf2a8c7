"""Strip spans to the fields that count, and turn them into readings of a meter.

A stripped span has ids, its beginning, counts of tokens and short names: model,
service, agent, team, tenant, conversation, task, attempt, outcome. Spans without any of
these are dropped. A request inherits names from the spans above it. Where a parent is
missing, the only value of its trace counts.

Usage of an agent or a workflow repeats that of its requests and is not counted.

A span states how it was sampled in its trace state: ``ot=th:…`` is the share that was
rejected, in hexadecimal digits after the point; ``ot=p:…`` a power of one half.

Source: OpenTelemetry specification, *TraceState: Probability Sampling*.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from ingest.sources.llm_gateways.gateway_usage import (
    Origin,
    Reading,
    UnreadableError,
    as_text,
)
from ingest.sources.llm_gateways.litellm_lines import whole_input
from ingest.sources.llm_gateways.model_providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ingest.reading.text_rows import Row
    from ingest.sources.llm_gateways.otel_conventions import Conventions
    from ingest.sources.llm_gateways.otlp import Span

    Record = Mapping[str, Any]

Sampling = Literal["refuse", "scale"]
#: Labels that a rule of the mapping may match.
LABELS = (
    *("agent", "environment", "feature", "model", "operation", "provider"),
    *("service", "team", "tenant"),
)
_TOKENS = ("input_tokens", "output_tokens")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = 1_000
_SAMPLING_KEYS = ("th", "p")
_THRESHOLD_DIGITS, _LARGEST_EXPONENT = 14, 63


class SampledError(ValueError):
    """A span stands for several, and the source counts none of these."""


def stripped(spans: Iterable[Span], conventions: Conventions) -> Iterator[Record]:
    """Yield the record of each span that has tokens or names what it belongs to."""
    identities = conventions.identities.keys()
    for span in spans:
        fields = conventions.fields(span.attributes)
        has_tokens = any(name in fields for name in _TOKENS)
        if not has_tokens and fields.keys().isdisjoint(identities):
            continue
        yield {
            "v": conventions.version,
            "trace": span.trace_id,
            "span": span.span_id,
            "parent": span.parent_id,
            "start_ns": span.started_ns,
            **({"is_error": True} if span.is_error else {}),
            **_sampled(span.trace_state),
            **fields,
        }


def _sampled(trace_state: str) -> dict[str, str]:
    """Return the statement of a trace state on sampling, if it has one."""
    for member in trace_state.split(","):
        vendor, _, values = member.strip().partition("=")
        if vendor == "ot":
            stated = [value.partition(":") for value in values.split(";")]
            return {key: text[:16] for key, _, text in stated if key in _SAMPLING_KEYS}
    return {}


def weight_of(record: Record) -> Fraction:
    """Return how many spans a sampled span stands for.

    Raises
    ------
    UnreadableError
        The statement cannot be read.

    Examples
    --------
    >>> weight_of({"th": "c"}), weight_of({"p": "3"}), weight_of({})
    (Fraction(4, 1), Fraction(8, 1), Fraction(1, 1))
    """
    if "th" in record:
        digits = str(record["th"])
        try:
            rejected = Fraction(int(digits, 16), 16 ** len(digits))
        except ValueError as error:
            raise UnreadableError("sampling threshold") from error
        if len(digits) > _THRESHOLD_DIGITS:
            raise UnreadableError("sampling threshold")
        return 1 / (1 - rejected)
    if "p" in record:
        exponent = str(record["p"])
        if not exponent.isdecimal() or int(exponent) >= _LARGEST_EXPONENT:
            raise UnreadableError("sampling exponent")
        return Fraction(2 ** int(exponent))
    return Fraction(1)


@dataclass(slots=True)
class Traces:
    """Names of the spans around requests, by trace.

    Examples
    --------
    >>> traces = Traces(("task", "team"))
    >>> traces.add({"trace": "t", "span": "a", "parent": "", "task": "T-1"})
    >>> traces.inherited({"trace": "t", "span": "b", "parent": "a", "team": "x"})
    {'team': 'x', 'task': 'T-1'}
    """

    identities: tuple[str, ...]
    _spans: dict[str, dict[str, Record]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    _only: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Remember a span that others may inherit from."""
        if not record.keys().isdisjoint(self.identities):
            self._spans[record["trace"]][record["span"]] = record

    def inherited(self, record: Record) -> dict[str, str]:
        """Return the names of a span, its own and those of the spans above it."""
        names = {name: record[name] for name in self.identities if name in record}
        spans = self._spans.get(record["trace"])
        if spans is None:
            return names
        above, seen = spans.get(record["parent"]), {record["span"]}
        while above is not None and above["span"] not in seen:
            seen.add(above["span"])
            for name in self.identities:
                if name in above:
                    names.setdefault(name, above[name])
            above = spans.get(above["parent"])
        return {**self._only_names(record["trace"], spans), **names}

    def _only_names(self, trace: str, spans: Mapping[str, Record]) -> dict[str, str]:
        """Return the names of which a trace has a single value."""
        if trace not in self._only:
            values = {
                name: {span[name] for span in spans.values() if name in span}
                for name in self.identities
                # A step is of the requests below it, whatever else its trace has.
                if name != "step"
            }
            self._only[trace] = {
                name: next(iter(those))
                for name, those in values.items()
                if len(those) == 1
            }
        return self._only[trace]


@dataclass(frozen=True, slots=True)
class SpanReader:
    """Converter of stripped spans into readings, by a source's settings.

    Parameters
    ----------
    sampling : str
        ``scale`` counts a sampled span as often as it states, ``refuse`` not at all.
    providers : mapping of str to str
        Beginning of a model's name → provider, for spans that state none.
    repeating : frozenset of str
        Operations whose usage repeats that of others.
    """

    sampling: Sampling
    providers: Mapping[str, str]
    repeating: frozenset[str]

    def is_counted(self, record: Record) -> bool:
        """Return True if a span is a request to a model, or closes a task."""
        has_tokens = any(name in record for name in _TOKENS)
        is_request = str(record.get("operation", "")).lower() not in self.repeating
        return (has_tokens and is_request) or "outcome" in record

    def reading(self, record: Record, traces: Traces) -> Reading:
        """Return the reading of a span.

        Raises
        ------
        UnreadableError
            A value cannot count.
        SampledError
            It is sampled, and that is not allowed.
        """
        weight = weight_of(record)
        if weight != 1 and self.sampling == "refuse":
            raise SampledError
        names = traces.inherited(record)
        if str(record.get("operation", "")).lower() in self.repeating:
            record = {key: record[key] for key in record if "_tokens" not in key}
        is_request = any(name in record for name in _TOKENS)
        requests = int(is_request)
        is_error = bool(record.get("is_error") or record.get("error"))
        return Reading(
            _moment(record["start_ns"]),
            self._origin(record, names),
            # A span that only closes a task belongs to no pool.
            self._labels(record, names) if is_request else {},
            requests=_scaled(requests, weight) or 0,
            successful_requests=_scaled(requests * (not is_error), weight) or 0,
            input_tokens=_scaled(_whole_input(record), weight),
            cache_read_tokens=_scaled(record.get("cache_read_tokens"), weight),
            cache_write_tokens=_scaled(record.get("cache_write_tokens"), weight),
            output_tokens=_scaled(record.get("output_tokens"), weight),
            reasoning_tokens=_scaled(record.get("reasoning_tokens"), weight),
            seen_requests=requests,
        )

    def _origin(self, record: Record, names: Mapping[str, str]) -> Origin:
        """Return the origin of a span, with the task that it belongs to."""
        task = names.get("task")
        attempt = names.get("attempt")
        return Origin(
            provider=self._provider(record),
            provider_model=record.get("model"),
            project_id=record.get("service"),
            feature_tag=names.get("feature"),
            agent=names.get("agent"),
            team=names.get("team"),
            tenant=names.get("tenant"),
            conversation_id=names.get("conversation"),
            task_id=task,
            # An attempt without a name is a trace.
            attempt_id=None if task is None else (attempt or record["trace"]),
            task_step=names.get("step"),
            task_outcome=names.get("outcome"),
        )

    def _labels(
        self, record: Record, names: Mapping[str, str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the labels that rules of the mapping match."""
        values = {**record, **names, "provider": self._provider(record)}
        return {name: (str(values[name]),) for name in LABELS if values.get(name)}

    def _provider(self, record: Record) -> str | None:
        """Return the provider that a span states, or that its model belongs to."""
        return record.get("provider") or provider_of(
            record.get("model"), self.providers
        )


def refused_span(record: Record) -> Row:
    """Return the kept fields of a span that cannot count, by the stream's names."""
    try:
        start = _moment(record.get("start_ns")).isoformat()
    except UnreadableError:
        start = None
    return {
        "period_start": start,
        "provider": as_text(record.get("provider")),
        "provider_model": as_text(record.get("model")),
        "input_tokens": as_text(record.get("input_tokens")),
        "output_tokens": as_text(record.get("output_tokens")),
    }


def _whole_input(record: Record) -> int | None:
    """Return the whole input, with cached tokens that older names leave out."""
    prompt = record.get("input_tokens")
    if prompt is None:
        return None
    total = record.get("total_tokens")
    output = record.get("output_tokens") or 0
    return whole_input(
        prompt,
        record.get("cache_read_tokens") or 0,
        record.get("cache_write_tokens") or 0,
        stated_beyond=None if total is None else total - prompt - output,
    )


def _scaled(count: int | None, weight: Fraction) -> int | Decimal | None:
    """Return a count of sampled spans, as that of all."""
    if count is None or weight == 1:
        return count
    scaled = count * weight
    return Decimal(scaled.numerator) / Decimal(scaled.denominator)


def _moment(nanoseconds: object) -> datetime:
    """Return the time of nanoseconds since the epoch."""
    try:
        return _EPOCH + timedelta(microseconds=int(str(nanoseconds)) // _NANOSECONDS)
    except (ValueError, OverflowError) as error:
        raise UnreadableError("start time") from error
