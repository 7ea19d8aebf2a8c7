"""Langfuse: tokens by feature tag and model, from its metrics and observations.

Like a gateway it is a meter, never money: its costs come from a price table, and it has
not seen requests that bypassed its tracing. The feature is a tag.

A single query to the metrics per year shows which days have generations, and whether a
day changed. Such a day is read again from the observations, page by page; or, where
these are too many, from the metrics by hour, which do not report cached tokens.

Source: Langfuse's public API, ``/api/public/v2/metrics`` and ``/v2/observations``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import BaseUrl, RequestsPerSecond, TimeoutSeconds
from ingest.http.pages import follow_pages
from ingest.reading.label_mapping import (
    LabelMapping,
    MappingRule,
    refuse_unknown_labels,
)
from ingest.source_kinds.calendar import today
from ingest.sources.llm_gateways.gateway_usage import (
    STREAM,
    Tally,
    UnreadableError,
    to_count,
    to_moment,
)
from ingest.sources.llm_gateways.langfuse_lines import (
    DIMENSIONS,
    LABELS,
    LineReader,
    refused_metrics,
    refused_observation,
)
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_METRICS = "/api/public/v2/metrics"
_OBSERVATIONS = "/api/public/v2/observations"
_LOOK_BACK_DAYS = 90
#: Most rows that the metrics answer; more are cut off without a word.
_ROW_LIMIT = 1000
_DAYS_PER_QUESTION = 365
_FIELDS = "core,basic,model,usage,trace_context"
#: Observations that call a model; spans around them repeat its usage.
_CALLS = ["GENERATION", "EMBEDDING"]
_SUMS = (
    ("count", "count"),
    ("inputTokens", "sum"),
    ("outputTokens", "sum"),
    ("totalCost", "sum"),
)


class LangfuseConfig(SourceConfig):
    """Options of a ``langfuse`` source; each project is a source."""

    base_url: BaseUrl = Field(
        default="https://cloud.langfuse.com", description="Address of Langfuse."
    )
    public_key_variable: str = Field(
        default="LANGFUSE_PUBLIC_KEY",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the project's public key.",
    )
    secret_key_variable: str = Field(
        default="LANGFUSE_SECRET_KEY",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the project's secret key.",
    )
    detail: Literal["observations", "metrics"] = Field(
        default="observations",
        description="Read each generation, or only its sums by hour, model and tags.",
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Ordered rules that name the model and the pool of a reading.",
    )
    feature_tag_prefix: str = Field(
        default="", description="Beginning of the tags that name a feature."
    )
    providers: dict[str, str] = Field(
        default_factory=dict,
        description="Beginning of a model's name → provider, where that is missing.",
    )
    start_date: date | None = Field(
        default=None, description="First day ever asked for; else 90 days back."
    )
    page_size: int = Field(
        default=1000, ge=1, le=1000, description="Observations per page."
    )
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None

    @model_validator(mode="after")
    def _knows_its_labels(self) -> LangfuseConfig:
        refuse_unknown_labels(self.mapping, LABELS)
        return self


@dataclass(frozen=True, slots=True)
class _Day:
    date: date
    fingerprint: str


class Langfuse(Source[LangfuseConfig]):
    """Source of the generations of a Langfuse project."""

    type: ClassVar[str] = "langfuse"

    def __init__(self, config: LangfuseConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._mapping = LabelMapping(config.mapping)
        self._reader = LineReader(
            feature_tag_prefix=config.feature_tag_prefix, providers=config.providers
        )

    def streams(self) -> Sequence[str]:
        """Return the single stream of meters."""
        return (STREAM,)

    def probe(self) -> Iterator[Finding]:
        """Probe the keys and both interfaces."""
        end = today() + timedelta(days=1)
        start = end - timedelta(days=2)
        with self._client() as client:
            rows = self._rows(client, start, end, "day", ())
            query = self._observation_query(today(), None)
            client.get_json(_OBSERVATIONS, params={**query, "limit": 1})
        days = sum(_counts_before(row, end) for row in rows)
        yield Finding(True, f"Of the last 2 days, {days} have generations.")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each day that has generations."""
        start, end = self._bounds(window)
        with self._client() as client:
            days = list(self._days(client, start, end))
        for day in days:
            yield Delivery(
                stream=STREAM,
                scope=f"{day.date}",
                period=f"{day.date:%Y-%m}",
                fingerprint=f"{day.fingerprint} {self._reading}",
                label=f"{self._config.base_url}{_OBSERVATIONS} {day.date}",
                detail=day.date,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Yield the sums of a single day."""
        day = delivery.detail
        if not isinstance(day, date):
            return
        tally = Tally(self._config.name, self._mapping, "hour")
        with self._client() as client:
            if self._config.detail == "metrics":
                for line in self._rows_by_hour(client, day):
                    tally.count(line, self._reader.of_metrics, refused_metrics)
            else:
                self._count_observations(client, day, tally)
        yield tally.part(delivery.label)

    def _count_observations(self, client: HttpClient, day: date, tally: Tally) -> None:
        seen: set[str] = set()
        for page in follow_pages(
            lambda cursor: client.get_json(
                _OBSERVATIONS, params=self._observation_query(day, cursor)
            ),
            lambda page: (self._checked(page, "data").get("meta") or {}).get("cursor"),
            source=self._where,
        ):
            for line in self._checked(page, "data")["data"]:
                identity = line.get("id")
                if identity in seen:
                    continue
                if identity is not None:
                    seen.add(identity)
                tally.count(line, self._reader.of_observation, refused_observation)

    def _days(self, client: HttpClient, start: date, end: date) -> Iterator[_Day]:
        while start < end:
            until = min(end, start + timedelta(days=_DAYS_PER_QUESTION))
            rows = self._rows(client, start, until, "day", ())
            for row in sorted(rows, key=lambda row: str(row.get("time_dimension"))):
                if not _counts_before(row, until):
                    continue
                figures = {k: str(v) for k, v in row.items() if k != "time_dimension"}
                text = json.dumps(figures, sort_keys=True)
                digest = hashlib.sha256(text.encode()).hexdigest()[:32]
                yield _Day(self._day_of(row), digest)
            start = until

    def _day_of(self, row: dict[str, Any]) -> date:
        try:
            return to_moment(row.get("time_dimension"), "time_dimension").date()
        except UnreadableError as error:
            raise self._unexpected() from error

    def _rows_by_hour(self, client: HttpClient, day: date) -> Iterator[dict[str, Any]]:
        """Yield a day's rows of metrics, in halves as small as the row limit asks."""
        halves = [(_midnight(day), _midnight(day) + timedelta(days=1))]
        while halves:
            start, end = halves.pop()
            rows = self._rows(client, start, end, "hour", DIMENSIONS)
            if len(rows) < _ROW_LIMIT:
                yield from (row for row in rows if _counts_before(row, end))
                continue
            hours = int((end - start) / timedelta(hours=1))
            if hours < 2:  # noqa: PLR2004  (one hour cannot be halved)
                raise MalformedDeliveryError(
                    f"The hour {start:%Y-%m-%d %H}:00 has {_ROW_LIMIT} rows of metrics"
                    " or more, and Langfuse answers no more than these.",
                    where=self._where,
                    next_step="Set 'detail: observations'.",
                )
            middle = start + timedelta(hours=hours // 2)
            halves += [(middle, end), (start, middle)]

    def _rows(
        self,
        client: HttpClient,
        start: date,
        end: date,
        granularity: str,
        dimensions: Sequence[str],
    ) -> list[dict[str, Any]]:
        query = {
            "view": "observations",
            "dimensions": [{"field": name} for name in dimensions],
            "metrics": [
                {"measure": measure, "aggregation": how} for measure, how in _SUMS
            ],
            "filters": [_is_a_call()],
            "timeDimension": {"granularity": granularity},
            "fromTimestamp": _instant(start),
            "toTimestamp": _instant(end),
            "config": {"row_limit": _ROW_LIMIT},
        }
        answer = client.get_json(_METRICS, params={"query": json.dumps(query)})
        rows: list[dict[str, Any]] = self._checked(answer, "data")["data"]
        return rows

    def _observation_query(self, day: date, cursor: str | None) -> dict[str, object]:
        conditions = [
            _is_a_call(),
            _starts(">=", day),
            _starts("<", day + timedelta(days=1)),
        ]
        return {
            "fields": _FIELDS,
            "limit": self._config.page_size,
            "filter": json.dumps(conditions),
            "cursor": cursor,
        }

    def _checked(self, answer: object, name: str) -> dict[str, Any]:
        if isinstance(answer, dict) and isinstance(answer.get(name), list):
            return answer
        raise self._unexpected()

    def _unexpected(self) -> MalformedDeliveryError:
        return MalformedDeliveryError(
            "Unexpected response format from Langfuse.",
            where=self._where,
            next_step="See which version the server runs: its API must have"
            f" {_METRICS} and {_OBSERVATIONS}. Nothing was loaded.",
        )

    def _bounds(self, window: Window) -> tuple[date, date]:
        """Return the first day to request and the day after the last."""
        first = self._config.start_date or today() - timedelta(days=_LOOK_BACK_DAYS)
        tomorrow = today() + timedelta(days=1)
        start = max(first, window.start or first)
        return start, min(tomorrow, window.end or tomorrow)

    @property
    def _reading(self) -> str:
        """Changes whenever the same lines would be read otherwise."""
        return self._digest_of("detail", "mapping", "feature_tag_prefix", "providers")

    def _client(self) -> HttpClient:
        config = self._config
        advice = (
            f"Set {config.public_key_variable} and {config.secret_key_variable} to the"
            " API keys of the project (Project Settings > API Keys)."
        )
        public, secret = (
            secret_from_environment(variable, source=self._where, advice=advice)
            for variable in (config.public_key_variable, config.secret_key_variable)
        )
        basic = base64.b64encode(f"{public}:{secret}".encode()).decode()
        return HttpClient(
            base_url=config.base_url,
            source=self._where,
            headers={"Authorization": f"Basic {basic}"},
            secrets=[public, secret, basic],
            denied_advice=advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
        )


def _is_a_call() -> dict[str, object]:
    return {
        "column": "type",
        "type": "stringOptions",
        "operator": "any of",
        "value": _CALLS,
    }


def _starts(operator: str, day: date) -> dict[str, object]:
    return {
        "column": "startTime",
        "type": "datetime",
        "operator": operator,
        "value": _instant(day),
    }


def _counts_before(row: dict[str, Any], end: date) -> bool:
    """Return True if a row of metrics covers anything before ``end``.

    The upper bound of a query is inclusive, and gaps are filled with zeros. A row that
    cannot be classified counts, and is judged when it is read.
    """
    try:
        started_at = to_moment(row.get("time_dimension"), "time_dimension")
        return bool(to_count(row.get("count_count"), "count")) and started_at < (
            _midnight(end)
        )
    except UnreadableError:
        return True


def _midnight(moment: date) -> datetime:
    """Return a time as it is, and a day as its first instant."""
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time(tzinfo=UTC))


def _instant(moment: date) -> str:
    return f"{_midnight(moment):%Y-%m-%dT%H:%M:%SZ}"
