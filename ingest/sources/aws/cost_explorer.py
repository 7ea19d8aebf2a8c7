"""AWS Cost Explorer: daily totals, for accounts that have no export.

Coarse by nature: a day of a service and a usage type (or a tag), without resources,
invoices or prices. Each billing month is a delivery. Every request costs money, so a
single request asks for the totals of all months, and only a month with changed totals
is read. Totals that AWS calls estimated are estimated here, too.

Source: AWS Billing and Cost Management API reference, *GetCostAndUsage*.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from pydantic import ConfigDict, Field, field_validator

from ingest.connector import (
    Delivery,
    Finding,
    RowsPart,
    Source,
    SourceConfig,
    Window,
)
from ingest.http.options import BaseUrl
from ingest.source_kinds.calendar import month_start
from ingest.sources.aws.cost_explorer_api import WHERE, CostExplorerApi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ingest.sources.aws.cost_explorer_api import DailyTotal

_DIMENSIONS = {
    "service": "SERVICE",
    "usage_type": "USAGE_TYPE",
    "linked_account": "LINKED_ACCOUNT",
    "region": "REGION",
    "record_type": "RECORD_TYPE",
}
_TAG = "tag:"
_MOST_GROUPS = 2
_MONTHS_BACK = 12


@cache
def _schema() -> pa.Schema:
    """Return the columns of the rows, typed."""
    import pyarrow as pa

    amount = pa.decimal128(38, 18)
    return pa.schema(
        [
            ("unblended_cost", amount),
            ("amortized_cost", amount),
            ("currency", pa.string()),
            ("is_estimated", pa.bool_()),
            ("billing_period_start", pa.timestamp("us")),
            ("usage_start", pa.timestamp("us")),
            ("usage_end", pa.timestamp("us")),
            ("usage_quantity", amount),
            ("usage_unit", pa.string()),
            ("grouped_by", pa.string()),
            *((name, pa.string()) for name in _DIMENSIONS),
            ("tags", pa.map_(pa.string(), pa.string())),
        ]
    )


class AwsCostExplorerConfig(SourceConfig):
    """Options of an ``aws_cost_explorer`` source."""

    model_config = ConfigDict(hide_input_in_errors=True)

    group_by: tuple[str, ...] = Field(
        default=("service", "usage_type"),
        min_length=1,
        max_length=_MOST_GROUPS,
        description="One or two of service, usage_type, linked_account, region,"
        " record_type, or tag:KEY.",
    )
    accounts: tuple[str, ...] = Field(
        default=(), description="Only these accounts; all that are visible if none."
    )
    start_date: date | None = Field(
        default=None, description="First month to ask for; 12 months back if none."
    )
    region: str = Field(
        default="us-east-1", description="Region that requests are signed for."
    )
    profile: str | None = Field(
        default=None, description="Named profile of the AWS credential chain."
    )
    endpoint_url: BaseUrl | None = Field(
        default=None, description="Address, where it is not AWS's own."
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="Time to wait for an answer."
    )

    @field_validator("group_by")
    @classmethod
    def _is_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            is_tag = name.startswith(_TAG) and len(name) > len(_TAG)
            if name not in _DIMENSIONS and not is_tag:
                known = ", ".join(_DIMENSIONS)
                message = f"{name!r} is none of {known}, or tag:KEY"
                raise ValueError(message)
        if len(set(value)) < len(value):
            message = "names the same group twice"
            raise ValueError(message)
        return value


class AwsCostExplorer(Source[AwsCostExplorerConfig]):
    """Source of daily totals of an account, or of those that a payer sees."""

    type: ClassVar[str] = "aws_cost_explorer"

    def __init__(
        self,
        config: AwsCostExplorerConfig,
        *,
        root: Path,
    ) -> None:
        super().__init__(config, root=root)
        self._api = CostExplorerApi(
            source=config.name,
            endpoint_url=config.endpoint_url,
            region=config.region,
            profile=config.profile,
            timeout_seconds=config.timeout_seconds,
        )

    def streams(self) -> Sequence[str]:
        """Return ``("aws_cost_explorer",)``."""
        return ("aws_cost_explorer",)

    def probe(self) -> Iterator[Finding]:
        """Ask for yesterday, which proves credentials and permission."""
        today = _tomorrow() - timedelta(days=1)
        totals = self._totals(today - timedelta(days=1), today)
        groups = " and ".join(self._config.group_by)
        yield Finding(
            True,
            f"{WHERE} answers with {len(totals)} totals of yesterday by {groups};"
            " it names no resources, so rules by resource do not apply.",
        )

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer every month with costs inside the window, oldest first."""
        first, end = self._asked_range(window)
        if first >= end:
            return
        states = self._api.monthly_states(first, end, accounts=self._config.accounts)
        for month, state in states.items():
            period = f"{month:%Y-%m}"
            if window.overlaps_month(period):
                yield Delivery(
                    stream="aws_cost_explorer",
                    scope=f"cost_explorer/{period}",
                    period=period,
                    fingerprint=f"{self._reading} {state}",
                    label=f"AWS Cost Explorer/{period}",
                    detail=month,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Hand over the totals of a month."""
        import pyarrow as pa

        month = delivery.detail
        assert isinstance(month, date)  # noqa: S101
        totals = self._totals(month, min(_following(month), _tomorrow()))
        rows = [self._row(total) for total in totals]
        batch = pa.RecordBatch.from_pylist(rows, schema=_schema())
        yield RowsPart([batch], _schema(), delivery.label)

    def _asked_range(self, window: Window) -> tuple[date, date]:
        """Return the first day to request and the day after the last."""
        tomorrow = _tomorrow()
        first = self._config.start_date or month_start(tomorrow, _MONTHS_BACK)
        starts = [day for day in (first, window.start) if day is not None]
        ends = [day for day in (tomorrow, window.end) if day is not None]
        start, last = max(starts).replace(day=1), min(ends) - timedelta(days=1)
        return start, min(_following(last.replace(day=1)), tomorrow)

    def _totals(self, start: date, end: date) -> list[DailyTotal]:
        return self._api.daily_totals(
            start,
            end,
            group_by=[_group(name) for name in self._config.group_by],
            accounts=self._config.accounts,
        )

    @property
    def _reading(self) -> str:
        """Return a value that makes every month new when it changes."""
        return json.dumps([self._config.group_by, sorted(self._config.accounts)])

    def _row(self, total: DailyTotal) -> Mapping[str, object]:
        names = self._config.group_by
        values = dict(zip(names, total.keys, strict=True))
        row: dict[str, object] = {
            "unblended_cost": total.unblended_cost,
            "amortized_cost": total.amortized_cost,
            "currency": total.currency,
            "is_estimated": total.is_estimated,
            "billing_period_start": _midnight(total.start.replace(day=1)),
            "usage_start": _midnight(total.start),
            "usage_end": _midnight(total.end),
            "usage_quantity": total.quantity,
            "usage_unit": total.unit,
            "grouped_by": ", ".join(names),
            "tags": _tags(values),
        }
        if len(self._config.accounts) == 1:
            row["linked_account"] = self._config.accounts[0]
        return row | {name: values[name] for name in _DIMENSIONS if name in values}


def _group(name: str) -> dict[str, str]:
    if name.startswith(_TAG):
        return {"Type": "TAG", "Key": name.removeprefix(_TAG)}
    return {"Type": "DIMENSION", "Key": _DIMENSIONS[name]}


def _tags(values: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a total; a group ``team$`` has none of this key."""
    found = {}
    for name, value in values.items():
        if name.startswith(_TAG):
            key = name.removeprefix(_TAG)
            found[key] = value.removeprefix(f"{key}$")
    return {key: value for key, value in found.items() if value}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  (UTC throughout)


def _following(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _tomorrow() -> date:
    return datetime.now(UTC).date() + timedelta(days=1)
