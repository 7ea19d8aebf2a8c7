"""Base for vendors of model APIs: a daily bill, requested by the month.

Each month is a separate delivery, so that asking again replaces it whole. A month is
requested again on every run until ``lag_days`` after its end, because vendors restate
recent days; then once more, and never again, unless the user names it with ``--from``
or ``--to``.

The bill of a day is the money. Usage is a meter next to it. No amount is computed from
the meter.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import Field, field_validator

from ingest.connector import (
    Delivery,
    Finding,
    Part,
    Source,
    SourceConfig,
    Window,
)
from ingest.http.addresses import checked_base_url
from ingest.http.client import HttpClient, secret_from_environment
from ingest.reading.label_mapping import (
    LabelMapping,
    MappingRule,
    Target,
    refuse_unknown_labels,
)
from ingest.reading.text_rows import Row, text_rows
from ingest.source_kinds.calendar import first_days, midnight, month_start
from ingest.sources.llm_providers.llm_results import Span
from ingest.storage.recorded_answers import RecordedAnswers
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.sources.llm_providers.llm_pages import Client
    from ingest.sources.llm_providers.llm_results import Result

COSTS = "llm_provider_costs"
USAGE = "llm_usage"

_MONTHS_LOOKED_BACK = 12
_ONE_DAY = timedelta(days=1)


class LlmProviderConfig(SourceConfig):
    """Options of every source that is the vendor of a model API."""

    base_url: str = Field(description="Address of the API.")
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of recorded answers, instead of the API.",
    )
    key_variable: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the admin key.",
    )
    start_date: date | None = Field(
        default=None,
        description="First day ever asked for; twelve months back if not set.",
    )
    lag_days: int = Field(
        default=3,
        ge=0,
        le=60,
        description="Days after its end for which a month is still asked again.",
    )
    usage: bool = Field(
        default=True,
        description="Also read usage, to compare with the bill.",
    )
    names: bool = Field(
        default=True, description="Also look up the names of projects or workspaces."
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Rules from a project, key or model to a model and a pool.",
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="Time to wait for an answer."
    )

    labels: ClassVar[frozenset[str]] = frozenset()

    @field_validator("base_url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        return checked_base_url(value)

    @field_validator("mapping")
    @classmethod
    def _matches_known_labels(
        cls, rules: tuple[MappingRule, ...]
    ) -> tuple[MappingRule, ...]:
        refuse_unknown_labels(rules, cls.labels)
        return rules


@dataclass(frozen=True, slots=True)
class Month:
    """Days of a month that there is something to ask about."""

    label: str
    asked: Span
    fingerprint: str


LlmConfigT = TypeVar("LlmConfigT", bound=LlmProviderConfig)


class LlmProvider(Source[LlmConfigT]):
    """Source that is a vendor of a model API; a subclass for each vendor.

    Attributes
    ----------
    title : str
        The vendor's name, for messages.
    denied_advice : str
        Key that it needs and who can create it; ``{variable}`` is the variable for it.
    """

    title: ClassVar[str]
    denied_advice: ClassVar[str]

    def __init__(self, config: LlmConfigT, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._recorded = (
            None
            if config.path is None
            else RecordedAnswers(config.path, root=root, source=config.name)
        )
        self._mapping = LabelMapping(config.mapping)
        self._names: Mapping[str, str] = {}

    def streams(self) -> Sequence[str]:
        """Return the bill, and the meter where it is asked for."""
        return (COSTS, USAGE) if self._config.usage else (COSTS,)

    def _monthly_streams(self) -> Sequence[str]:
        """Return the streams that a month is asked for."""
        return self.streams()

    def probe(self) -> Iterator[Finding]:
        """Request a day of costs and usage, and report the API's known gaps."""
        if self._recorded is not None:
            yield from self._recorded.check()
            return
        findings = [self._finding(probe) for probe in self._probes()]
        # A missing key is a single finding, regardless of how many probes it stops.
        yield from dict.fromkeys(findings)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each month with each of its streams, oldest first."""
        if self._config.names:
            # Asked here, so that a key that does not serve is said once.
            with self._open() as client:
                self._names = self._projects(client)
        months = (
            self._months(window, _now())
            if self._recorded is None
            else self._recorded_months(self._recorded, window)
        )
        for month in months:
            for stream in self._monthly_streams():
                what = "costs" if stream == COSTS else "usage"
                yield Delivery(
                    stream=stream,
                    scope=month.label,
                    period=month.label,
                    fingerprint=month.fingerprint,
                    label=f"{self.title} {what} of {month.label}",
                    detail=month.asked,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:  # noqa: ARG002
        """Request a month and yield it as rows, each value as text."""
        asked = delivery.detail
        assert isinstance(asked, Span)  # noqa: S101  (what deliveries() put there)
        with self._open() as client:
            read = self._cost_rows if delivery.stream == COSTS else self._usage_rows
            rows = list(read(client, asked))
        yield text_rows(delivery.stream, rows, delivery.label)

    @property
    def _reading_version(self) -> int:
        """A number for how answers become rows; another makes every month new."""
        return 2

    def _finding(self, probe: Callable[[Client], str]) -> Finding:
        try:
            with self._open() as client:
                return Finding(True, probe(client))
        except TriptychError as error:
            return Finding.of(error)

    @abstractmethod
    def _headers(self, key: str) -> dict[str, str]:
        """Return the headers that carry the key."""

    @abstractmethod
    def _projects(self, client: Client) -> dict[str, str]:
        """Return the names of projects or workspaces by their ids."""

    @abstractmethod
    def _cost_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        """Yield the charges of a span of days."""

    @abstractmethod
    def _usage_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        """Yield the usage of a span of days."""

    @abstractmethod
    def _probes(self) -> Sequence[Callable[[Client], str]]:
        """Return the probes of ``triptych check``; each reports its finding."""

    def _target(self, labels: Mapping[str, str | None]) -> Target:
        """Return the model and the pool that a mapping gives to these labels."""
        return self._mapping.target({k: (v,) for k, v in labels.items() if v})

    def _usage_of(self, result: Result, labels: Mapping[str, str | None]) -> Row:
        """Return the user and the day of a usage result."""
        target = self._target(labels)
        return {
            "period_start": result.day.start.isoformat(),
            "period_end": result.day.end.isoformat(),
            "reported_by": "provider",
            "provider": self.type,
            **labels,
            "model_id": target.model_id,
            "pool_id": target.pool_id,
        }

    @abstractmethod
    def _recorded_days(self, recorded: RecordedAnswers) -> Iterator[Span]:
        """Yield the days of every recorded bucket of costs."""

    def _open(self) -> Client:
        if self._recorded is not None:
            return self._recorded
        config = self._config
        advice = self.denied_advice.format(variable=config.key_variable)
        key = secret_from_environment(
            config.key_variable, source=config.name, advice=advice
        )
        return HttpClient(
            base_url=config.base_url,
            source=config.name,
            headers=self._headers(key),
            secrets=[key],
            denied_advice=advice,
            timeout_seconds=config.timeout_seconds,
        )

    def _months(self, window: Window, now: datetime) -> Iterator[Month]:
        today = now.date()
        start = self._config.start_date or month_start(today, _MONTHS_LOOKED_BACK)
        for first in first_days(start, today):
            label = f"{first:%Y-%m}"
            following = month_start(first, -1)
            if not window.overlaps_month(label):
                continue
            # A day that has not begun yet is not asked for.
            asked = Span(
                midnight(max(first, start)),
                midnight(min(following, today + _ONE_DAY)),
            )
            if asked.start >= asked.end:
                continue
            is_open = today < following + timedelta(days=self._config.lag_days)
            is_named = window.start is not None or window.end is not None
            state = now.isoformat() if is_open or is_named else "settled"
            yield Month(label, asked, f"{state} {self._digest(asked.start)}")

    def _recorded_months(
        self, recorded: RecordedAnswers, window: Window
    ) -> Iterator[Month]:
        """Yield the months that costs were recorded of, from the first day to the last.

        A recording changes only when somebody records again.
        """
        days = list(self._recorded_days(recorded))
        if not days:
            return
        start, end = min(d.start for d in days), max(d.end for d in days)
        if self._config.start_date is not None:
            start = max(start, midnight(self._config.start_date))
        state = recorded.fingerprint()
        for first in first_days(start.date(), (end - _ONE_DAY).date()):
            label = f"{first:%Y-%m}"
            asked = Span(
                max(midnight(first), start), min(midnight(month_start(first, -1)), end)
            )
            if window.overlaps_month(label):
                yield Month(label, asked, f"{state} {self._digest(asked.start)}")

    def _digest(self, start: datetime) -> str:
        options = self._config.model_dump(mode="json", exclude=_NOT_IN_THE_ROWS)
        text = json.dumps([self._reading_version, f"{start:%Y-%m-%d}", options])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


#: Options that change no row.
_NOT_IN_THE_ROWS = {
    "expected_lag_hours",
    "key_variable",
    "lag_days",
    "may_repeat",
    "path",
    "start_date",
    "timeout_seconds",
    "usage",
}


def tags_of(target: Target, extra: Mapping[str, str] | None = None) -> str | None:
    """Return the tags of a charge as JSON: its model and pool, where mapped."""
    tags = {"model": target.model_id, "pool": target.pool_id, **(extra or {})}
    found = {key: value for key, value in tags.items() if value}
    return json.dumps(found, sort_keys=True) if found else None


def yesterday() -> Span:
    """Return the last day that is over, in UTC."""
    today = midnight(_now().date())
    return Span(today - _ONE_DAY, today)


def _now() -> datetime:
    return datetime.now(UTC)
