"""The options of a ``railway`` source."""

from __future__ import annotations

from datetime import date

from pydantic import Field, field_validator

from ingest.connector import SourceConfig
from ingest.http.options import BaseUrl, EnvironmentVariable
from ingest.reading.label_mapping import MappingRule, refuse_unknown_labels
from ingest.sources.railway.api import BASE_URL
from ingest.sources.railway.invoices import InvoiceItem
from ingest.sources.railway.places import LABELS
from ingest.sources.railway.prices import Price, PriceTable
from ingest.sources.railway.units import InvoiceUnits

_SECONDS_PER_DAY = 86_400


class RailwayConfig(SourceConfig):
    """Options of a ``railway`` source: a workspace and its usage prices."""

    workspace_id: str = Field(description="Workspace of the bill.")
    key_variable: EnvironmentVariable = Field(
        default="RAILWAY_API_TOKEN",
        description="Environment variable that holds the token.",
    )
    base_url: BaseUrl = Field(default=BASE_URL, description="Address of the API.")
    path: str | None = Field(
        default=None,
        min_length=1,
        description="File, folder or glob of recorded answers, instead of the API.",
    )
    start_date: date | None = Field(
        default=None, description="First day of the first billing period ever read."
    )
    history_days: int = Field(
        default=90,
        ge=31,
        description="How long Railway keeps usage; an older period is left as it is.",
    )
    lag_days: int = Field(
        default=3,
        ge=0,
        le=30,
        description="Days after its end for which a period is still asked again.",
    )
    prices: tuple[Price, ...] = Field(
        default=(),
        description="Prices that add to or replace the documented ones.",
    )
    invoice_items: tuple[InvoiceItem, ...] = Field(
        default=(), description="Meaning of products on invoices."
    )
    invoice_units: InvoiceUnits = Field(
        default=InvoiceUnits(), description="Units of invoices, if not to be derived."
    )
    mapping: tuple[MappingRule, ...] = Field(
        default=(),
        description="Rules from project, environment and service to model and pool.",
    )
    environment_tiers: dict[str, str] = Field(
        default_factory=dict,
        description="Environment → tier, such as production; others have none.",
    )
    deployments: bool = Field(default=True, description="Also read deployments.")
    requests: bool = Field(
        default=True,
        description="Also read request counts and latency of services in 'mapping'.",
    )
    metrics_days: int = Field(
        default=28, ge=7, description="How long Railway keeps requests and latency."
    )
    window_seconds: int = Field(
        default=3600,
        ge=60,
        le=_SECONDS_PER_DAY,
        description="Length of the windows of request counts and percentiles.",
    )
    requests_per_second: float = Field(
        default=5, gt=0, description="Not to be exceeded, per delivery being read."
    )
    timeout_seconds: float = Field(
        default=30, gt=0, le=600, description="Time to wait for an answer."
    )

    @field_validator("prices")
    @classmethod
    def _is_a_table(cls, value: tuple[Price, ...]) -> tuple[Price, ...]:
        PriceTable(value)
        return value

    @field_validator("mapping")
    @classmethod
    def _matches_known_labels(
        cls, value: tuple[MappingRule, ...]
    ) -> tuple[MappingRule, ...]:
        refuse_unknown_labels(value, LABELS)
        return value

    @field_validator("window_seconds")
    @classmethod
    def _divides_a_day(cls, value: int) -> int:
        if _SECONDS_PER_DAY % value:
            message = "must divide a day, such as 300 or 3600"
            raise ValueError(message)
        return value
