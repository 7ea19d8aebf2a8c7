"""LiteLLM: tokens by feature, team and key, from its spend API or from its tables.

A gateway is a meter. It knows who sent which requests to which provider; only the
provider's bill has the cost. Its own price-table cost is kept to show the gap, never as
money.

Over HTTP the daily activity shows which days have traffic and whether a day changed.
Such a day is read again from the request log, ``/spend/logs/v2``, which alone has the
tags; or, for gateways with too many requests, from the daily activity itself.

Sources: the LiteLLM proxy's routes ``/user/daily/activity`` and ``/spend/logs/v2``, and
its tables ``LiteLLM_SpendLogs`` and ``LiteLLM_Daily*Spend``.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
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
from ingest.http.pages import numbered_pages
from ingest.reading.label_mapping import (
    LabelMapping,
    MappingRule,
    refuse_unknown_labels,
)
from ingest.reading.text_options import Delimiter, Encoding
from ingest.source_kinds.calendar import today
from ingest.sources.llm_gateways.gateway_usage import (
    STREAM,
    Tally,
    UnreadableError,
    to_moment,
)
from ingest.sources.llm_gateways.litellm_activity import DayOfActivity, daily_activity
from ingest.sources.llm_gateways.litellm_files import count_file
from ingest.sources.llm_gateways.litellm_lines import (
    LABELS,
    LineReader,
    PromptTokens,
    refused_day,
    refused_log,
)
from ingest.storage.files import LocalFiles
from triptych.core.errors import TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ACTIVITY = "/user/daily/activity"
_LOGS = "/spend/logs/v2"
_WHOLE_PROXY = "/global/activity"
_LOOK_BACK_DAYS = 90


class LitellmConfig(SourceConfig):
    """Options of a ``litellm`` source: ``base_url`` or ``path``, never both."""

    base_url: BaseUrl | None = Field(
        default=None, description="Address of the proxy; the spend API is asked."
    )
    path: str | None = Field(
        default=None,
        description="File, folder or glob of exported tables, instead of the API.",
    )
    key_variable: str = Field(
        default="LITELLM_API_KEY",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the key of the spend API.",
    )
    detail: Literal["requests", "days"] = Field(
        default="requests",
        description="Read each request with its tags, or each day by key and model.",
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Ordered rules that name the model and the pool of a reading.",
    )
    feature_tag_prefix: str = Field(
        default="", description="Beginning of the tags that name a feature."
    )
    prompt_tokens: PromptTokens = Field(
        default="auto",
        description="Whether prompt_tokens holds cached tokens: whole, without_cache.",
    )
    providers: dict[str, str] = Field(
        default_factory=dict,
        description="Beginning of a model's name → provider, where that is missing.",
    )
    start_date: date | None = Field(
        default=None, description="First day ever asked for; else 90 days back."
    )
    page_size: int = Field(
        default=100, ge=1, le=1000, description="Requests per page of the log."
    )
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8"

    @model_validator(mode="after")
    def _has_one_origin(self) -> LitellmConfig:
        if (self.base_url is None) == (self.path is None):
            message = "give either 'base_url' or 'path'"
            raise ValueError(message)
        refuse_unknown_labels(self.mapping, LABELS)
        return self


class Litellm(Source[LitellmConfig]):
    """Source of a LiteLLM proxy, or of exports of its tables."""

    type: ClassVar[str] = "litellm"

    def __init__(self, config: LitellmConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._files = LocalFiles(config.path or ".", root=root, source=config.name)
        self._mapping = LabelMapping(config.mapping)
        self._reader = LineReader(
            prompt_tokens=config.prompt_tokens,
            feature_tag_prefix=config.feature_tag_prefix,
            providers=config.providers,
        )

    def streams(self) -> Sequence[str]:
        """Return the single stream of meters."""
        return (STREAM,)

    def probe(self) -> Iterator[Finding]:
        """Probe the files, or the key and whether it sees the whole proxy."""
        if self._config.base_url is None:
            yield from self._files.check()
            return
        days = {"start_date": today() - timedelta(days=1), "end_date": today()}
        with self._client() as client:
            client.get_json(_ACTIVITY, params={**days, "page_size": 1})
            # Only administrators may ask this; others see their own requests.
            client.get_json(_WHOLE_PROXY, params=days)
            if self._config.detail == "requests":
                client.get_json(_LOGS, params=self._log_query(today(), 1, size=1))
        yield Finding(True, "The spend API answers, for the whole proxy.")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each file, or each day that has traffic."""
        if self._config.base_url is None:
            yield from self._file_deliveries()
            return
        start, end = self._bounds(window)
        with self._client() as client:
            days = daily_activity(client, _ACTIVITY, start, end, source=self._where)
        for day in days:
            yield Delivery(
                stream=STREAM,
                scope=f"{day.date}",
                period=f"{day.date:%Y-%m}",
                fingerprint=f"{day.fingerprint} {self._reading}",
                label=f"{self._config.base_url}{_ACTIVITY} {day.date}",
                detail=day,
            )

    def _file_deliveries(self) -> Iterator[Delivery]:
        for file in self._files.found():
            yield Delivery(
                stream=STREAM,
                scope=file.relative,
                period="all",
                fingerprint=f"{file.fingerprint} {self._reading}",
                label=file.label,
                detail=file.path,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Yield the sums of a single day, or of a single file."""
        detail = delivery.detail
        if isinstance(detail, Path):
            tally = Tally(self._config.name, self._mapping, "hour")
            count_file(
                detail,
                label=delivery.label,
                tally=tally,
                reader=self._reader,
                delimiter=self._config.delimiter,
                encoding=self._config.encoding,
            )
            yield tally.part(delivery.label)
        elif isinstance(detail, DayOfActivity):
            if self._config.detail == "days":
                yield self._sums_of_day(detail).part(delivery.label)
            else:
                label = f"{self._config.base_url}{_LOGS} {detail.date}"
                yield self._sums_of_requests(detail).part(label)

    def _sums_of_day(self, day: DayOfActivity) -> Tally:
        tally = Tally(self._config.name, self._mapping, "day")
        for line in day.lines:
            tally.count(line, self._reader.of_day, refused_day)
        return tally

    def _sums_of_requests(self, activity: DayOfActivity) -> Tally:
        day = activity.date
        tally = Tally(self._config.name, self._mapping, "hour")
        seen: set[str] = set()
        announced = 0
        with self._client() as client:
            for page in numbered_pages(
                lambda number: client.get_json(
                    _LOGS, params=self._log_query(day, number)
                ),
                items=lambda page: page["data"],
                is_last=self._is_last_page,
                source=self._where,
            ):
                announced = max(announced, _announced(page))
                for line in page["data"]:
                    self._count(line, day, tally, seen)
        if len(seen) < announced:
            raise TransientSourceError(
                f"The request log of {day} ended after {len(seen)} of {announced}"
                " requests.",
                where=self._where,
                next_step="Run again; nothing of the day was loaded.",
            )
        # Logs are removed after a while; the sums of their day stay.
        return tally if seen else self._sums_of_day(activity)

    def _count(
        self, line: dict[str, Any], day: date, tally: Tally, seen: set[str]
    ) -> None:
        identity = str(line.get("request_id") or f"without an id: {len(seen)}")
        if identity in seen:
            return
        seen.add(identity)
        try:
            # The log's bounds are inclusive: the next midnight is the next day's.
            if to_moment(line.get("startTime"), "startTime").date() == day:
                tally.add(self._reader.of_log(line))
        except UnreadableError as error:
            tally.refuse(refused_log(line), error)

    def _log_query(
        self, day: date, number: int, *, size: int | None = None
    ) -> dict[str, object]:
        return {
            "start_date": f"{day} 00:00:00",
            "end_date": f"{day + timedelta(days=1)} 00:00:00",
            "page": number,
            "page_size": size or self._config.page_size,
            # Later requests come last, so that no page moves while it is read.
            "sort_by": "startTime",
            "sort_order": "asc",
        }

    def _is_last_page(self, page: dict[str, Any], number: int) -> bool:
        count = page.get("total_pages")
        if count is None or page.get("total_is_capped"):
            # Beyond its cap the proxy does not count; a short page is the end then.
            return len(page["data"]) < self._config.page_size
        return number >= int(count)

    def _bounds(self, window: Window) -> tuple[date, date]:
        """Return the first and the last day to ask for."""
        first = self._config.start_date or today() - timedelta(days=_LOOK_BACK_DAYS)
        start = max(first, window.start or first)
        last = today()
        end = last if window.end is None else min(last, window.end - timedelta(days=1))
        return start, end

    @property
    def _reading(self) -> str:
        """Changes whenever the same lines would be read otherwise."""
        names = ("detail", "mapping", "feature_tag_prefix", "prompt_tokens")
        return self._digest_of(*names, "providers")

    def _client(self) -> HttpClient:
        variable = self._config.key_variable
        advice = (
            f"Set {variable} to a key of a user with the role proxy_admin_viewer,"
            " which reads the spend of the whole proxy and changes nothing."
        )
        key = secret_from_environment(variable, source=self._where, advice=advice)
        return HttpClient(
            base_url=self._config.base_url or "",
            source=self._where,
            headers={"Authorization": f"Bearer {key}"},
            secrets=[key],
            denied_advice=advice,
            timeout_seconds=self._config.timeout_seconds,
            requests_per_second=self._config.requests_per_second,
        )


def _announced(page: dict[str, Any]) -> int:
    """Return how many requests there must be; 0 where the proxy did not count."""
    return 0 if page.get("total_is_capped") else int(page.get("total") or 0)
