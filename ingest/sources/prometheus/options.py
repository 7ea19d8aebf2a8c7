"""Options of a ``prometheus`` source in ``triptych.yml``.

Metric names are configuration, because exporters rename them; so is the meaning of
their labels. Everything has the default of dcgm-exporter where there is a default.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from ingest.connector import SourceConfig
from ingest.reading.label_mapping import LabelMapping, MappingRule
from ingest.sources.prometheus.accelerators import (
    AcceleratorReading,
    Activity,
    DeviceLabels,
)
from ingest.sources.prometheus.api import MOST_POINTS
from ingest.sources.prometheus.presets import with_presets
from ingest.sources.prometheus.selector import Selector
from ingest.sources.prometheus.series import HOUR_MS, MILLISECONDS
from ingest.sources.prometheus.usage import MEASURES, Latency, UsageReading
from triptych.core.declared import Declared

_HOUR_SECONDS = HOUR_MS // MILLISECONDS
_MINUTE_MS = 60 * MILLISECONDS
_UNITS_PER_SECOND = {"seconds": 1, "milliseconds": 1_000}
_FULL = {"ratio": 1, "percent": 100}


def _checked_selector(text: str) -> str:
    Selector.parse(text)
    return text


def _as_list(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _divides_an_hour(seconds: int) -> int:
    if _HOUR_SECONDS % seconds:
        message = "has to divide an hour, such as 15, 60 or 300"
        raise ValueError(message)
    return seconds


SelectorText = Annotated[str, AfterValidator(_checked_selector)]
Selectors = Annotated[tuple[SelectorText, ...], BeforeValidator(_as_list)]
Seconds = Annotated[int, Field(ge=1), AfterValidator(_divides_an_hour)]


class ActivityOptions(Declared):
    """Metric of GPU activity."""

    selector: SelectorText = Field(description="Series selector.")
    unit: Literal["ratio", "percent"] = Field(description="Unit of its values.")


class LabelOptions(Declared):
    """Labels of an activity metric by meaning."""

    device: str = Field(default="UUID", description="Identifies a GPU.")
    slice: str = Field(default="GPU_I_ID", description="Identifies a MIG slice.")
    profile: str = Field(default="GPU_I_PROFILE", description="Size of a MIG slice.")
    node: str = Field(default="hostname", description="Node that the GPU is in.")
    product: str = Field(default="modelName", description="Product name of the GPU.")


class AcceleratorOptions(Declared):
    """Metrics read about GPUs."""

    pool: str = Field(min_length=1, description="Pool of GPUs that no rule places.")
    activity: tuple[ActivityOptions, ...] = Field(
        default=(
            ActivityOptions(selector="DCGM_FI_PROF_GR_ENGINE_ACTIVE", unit="ratio"),
            ActivityOptions(selector="DCGM_FI_DEV_GPU_UTIL", unit="percent"),
        ),
        min_length=1,
        description="Metrics of activity; the first with a value counts.",
    )
    window_seconds: Seconds = Field(
        default=300, description="Time over which a GPU is divided by its samples."
    )
    labels: LabelOptions = Field(
        default=LabelOptions(), description="Labels that identify GPU, slice and node."
    )
    slices_per_gpu: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="Product name, or a part of it → compute slices of a whole GPU.",
    )


class LatencyOptions(Declared):
    """A histogram of latency."""

    selector: Selectors = Field(description="Selector of the '_bucket' series.")
    unit: Literal["seconds", "milliseconds"] = Field(
        default="seconds", description="Unit of the bounds."
    )

    def as_read(self) -> Latency:
        """Return how it is read."""
        selectors = tuple(Selector.parse(text) for text in self.selector)
        return Latency(selectors, _UNITS_PER_SECOND[self.unit])


class UsageOptions(Declared):
    """Counters of model usage; each a selector or a list of selectors."""

    requests: Selectors = Field(default=(), description="Counter of requests.")
    successful_requests: Selectors = Field(
        default=(), description="Counter of requests that succeeded."
    )
    input_tokens: Selectors = Field(default=(), description="Counter of input tokens.")
    cached_input_tokens: Selectors = Field(
        default=(), description="Counter of input tokens that came from a cache."
    )
    output_tokens: Selectors = Field(
        default=(), description="Counter of output tokens."
    )
    latency: LatencyOptions | None = Field(
        default=None, description="Histogram of latency."
    )
    pool: str | None = Field(
        default=None, description="Pool of series that no rule places."
    )
    step_seconds: Seconds = Field(
        default=60, description="Time between the samples of a counter."
    )

    @model_validator(mode="after")
    def _reads_something(self) -> UsageOptions:
        if self.latency is None and not any(self.measures().values()):
            message = f"needs 'latency' or one of {', '.join(MEASURES)}"
            raise ValueError(message)
        return self

    def measures(self) -> dict[str, tuple[Selector, ...]]:
        """Return the selectors of each measure."""
        return {
            name: tuple(Selector.parse(text) for text in getattr(self, name))
            for name in MEASURES
        }


class PrometheusConfig(SourceConfig):
    """Options of a ``prometheus`` source: a server, or recorded answers."""

    base_url: str | None = Field(
        default=None, description="Address of the server, without /api/v1."
    )
    path: str | None = Field(
        default=None,
        description="File, folder or glob of recorded answers or exposition text,"
        " instead of a server.",
    )
    preset: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        default=(),
        description="Metrics and labels of vllm, llm-d, inference-gateway, kserve, tgi,"
        " triton or dcgm; options given here come first.",
    )
    accelerators: AcceleratorOptions | None = Field(
        default=None, description="Readings of GPUs."
    )
    usage: UsageOptions | None = Field(
        default=None, description="Readings of requests, tokens and latency."
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(), description="Rules that turn labels into models and pools."
    )
    renamed_labels: dict[str, Annotated[tuple[str, ...], BeforeValidator(_as_list)]] = (
        Field(
            default_factory=dict,
            description="Label → other spellings of it, in other versions.",
        )
    )
    start_date: date | None = Field(
        default=None,
        description="First day ever asked for; else the first that is there whole.",
    )
    lag_days: int = Field(
        default=2,
        ge=0,
        le=60,
        description="Days for which late samples are looked for.",
    )
    longest_gap_minutes: int = Field(
        default=60,
        ge=1,
        le=720,
        description="Samples further apart say nothing about the time between.",
    )
    points_per_query: int = Field(
        default=MOST_POINTS,
        ge=2,
        le=MOST_POINTS,
        description="Points per series that one query asks for.",
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="How long one answer is waited for."
    )
    credential_prefix: str = Field(
        default="PROMETHEUS",
        pattern="^[A-Z][A-Z0-9_]*$",
        description="Beginning of the names of the environment variables _TOKEN, or"
        " _USERNAME and _PASSWORD.",
    )
    tenant: str | None = Field(
        default=None,
        pattern=r"^[\x21-\x7e]+$",
        description="Tenant of a server for several (X-Scope-OrgID).",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_presets(cls, given: object) -> object:
        names = _as_list(given.get("preset")) if isinstance(given, dict) else None
        if not isinstance(given, dict) or not isinstance(names, (list, tuple)):
            return given
        return with_presets(given, [str(name) for name in names])

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not is_bare:
            message = "must be an http or https address without credentials in it"
            raise ValueError(message)
        return re.sub(r"(/api/v1)?/*$", "", value)

    @model_validator(mode="after")
    def _is_complete(self) -> PrometheusConfig:
        if (self.base_url is None) == (self.path is None):
            message = "give either 'base_url' (a server) or 'path' (recordings)"
            raise ValueError(message)
        if self.accelerators is None and self.usage is None:
            message = "needs 'preset', 'accelerators' or 'usage'"
            raise ValueError(message)
        window = self.accelerators.window_seconds if self.accelerators else 0
        step = self.usage.step_seconds if self.usage else 0
        if max(window, step) > self.longest_gap_minutes * 60:
            message = (
                "'longest_gap_minutes' is shorter than 'window_seconds' or"
                " 'step_seconds'"
            )
            raise ValueError(message)
        return self

    @property
    def longest_gap_ms(self) -> int:
        """Return how far apart two samples may be [ms]."""
        return self.longest_gap_minutes * _MINUTE_MS

    def accelerator_reading(self) -> AcceleratorReading | None:
        """Return how GPUs are read, if they are."""
        options = self.accelerators
        if options is None:
            return None
        return AcceleratorReading(
            activities=tuple(
                Activity(Selector.parse(one.selector), _FULL[one.unit])
                for one in options.activity
            ),
            mapping=LabelMapping(self.mapping),
            pool=options.pool,
            labels=DeviceLabels(**options.labels.model_dump()),
            renamed=self.renamed_labels,
            slices_per_gpu=options.slices_per_gpu,
            window_ms=options.window_seconds * MILLISECONDS,
            longest_gap_ms=self.longest_gap_ms,
        )

    def usage_reading(self) -> UsageReading | None:
        """Return how the use of models is read, if it is."""
        options = self.usage
        if options is None:
            return None
        return UsageReading(
            measures=options.measures(),
            latency=options.latency.as_read() if options.latency else None,
            mapping=LabelMapping(self.mapping),
            pool=options.pool,
            renamed=self.renamed_labels,
            step_ms=options.step_seconds * MILLISECONDS,
            longest_gap_ms=self.longest_gap_ms,
        )
