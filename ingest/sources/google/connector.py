"""Google Cloud: the billing export, from BigQuery or from files, and list prices.

The cost of a month is the sum of ``cost`` and of all credits over the rows of an
``invoice.month``; that ties to the invoice. The rows are landed as they are, so that
credits stay beside the cost they lower, and promotions beside lasting discounts.

From BigQuery each export day is a delivery (in the FOCUS export: each billing month),
because rows trickle in and none is ever changed: a day with a changed count, sum or
newest export time is read again, and only that day. From files each file is a delivery.

Source: Cloud Billing documentation, *Export Cloud Billing data to BigQuery*.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from ingest.connector import (
    Delivery,
    FilePart,
    Finding,
    Part,
    Source,
    SourceConfig,
    Window,
)
from ingest.http.addresses import is_safe_endpoint
from ingest.reading.text_options import Delimiter, Encoding
from ingest.source_kinds.calendar import today
from ingest.sources.google.billing_table import (
    FOCUS_COST,
    USAGE_COST,
    BillingTable,
    Slice,
    TableName,
)
from ingest.sources.google.export_files import flatten_file
from ingest.sources.google.prices import (
    PriceCatalogue,
    PricedService,
    digest,
    projects_part,
)
from ingest.storage.file_contents import FILE_CONTENTS
from ingest.storage.files import LocalFiles
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ACCOUNT = re.compile(r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}")
_PROJECT = r"[a-z0-9][a-z0-9.:-]*"
_NAMES = {
    "project": re.compile(_PROJECT),
    "dataset": re.compile(rf"(?:{_PROJECT}\.)?\w+"),
    "table": re.compile(r"[\w-]+"),
}
_TABLES = {
    "standard": "gcp_billing_export_v1_",
    "detailed": "gcp_billing_export_resource_v1_",
    "focus": "gcp_billing_export_focus_",
}
_LOOKED_BACK_DAYS = 60


class GcpBillingConfig(SourceConfig):
    """Options of a ``gcp_billing`` source: ``dataset``, ``path``, or ``prices``."""

    project: str | None = Field(
        default=None, description="Project that runs, and pays for, the queries."
    )
    dataset: str | None = Field(
        default=None,
        description="Dataset of the export; 'project.dataset' if it is elsewhere.",
    )
    billing_account: str | None = Field(
        default=None, description="Billing account, such as 01A2B3-C4D5E6-F7A8B9."
    )
    export: Literal["standard", "detailed", "focus"] = Field(
        default="detailed", description="Which export was turned on."
    )
    table: str | None = Field(
        default=None, description="Table, where its name differs from Google's."
    )
    location: str | None = Field(
        default=None, description="Location of the dataset, such as EU."
    )
    api_endpoint: str | None = Field(
        default=None, description="Address of BigQuery, where it is not Google's own."
    )
    billing_api_endpoint: str | None = Field(
        default=None,
        description="Address of the Cloud Billing API, where it is not Google's own.",
    )
    path: str | None = Field(
        default=None,
        description="File, folder or glob of an export, instead of BigQuery.",
    )
    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8"
    start_date: date | None = Field(
        default=None, description="First export day (FOCUS: first month) ever asked."
    )
    lag_days: int = Field(
        default=10,
        ge=0,
        le=400,
        description="Days before an asked window that are looked at again.",
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="How long one call is tried."
    )
    prices: bool = Field(
        default=False, description="Also read list prices and project links."
    )
    price_services: tuple[str, ...] = Field(
        default=(),
        description="Services to read prices of, by id or name; all if none.",
    )
    price_currency: str = Field(
        default="", pattern="^([A-Z]{3})?$", description="Currency of list prices."
    )

    @field_validator("billing_account")
    @classmethod
    def _is_an_account(cls, value: str | None) -> str | None:
        plain = value.upper().replace("_", "-") if value else None
        if plain is not None and not _ACCOUNT.fullmatch(plain):
            message = "is written like 01A2B3-C4D5E6-F7A8B9"
            raise ValueError(message)
        return plain

    @field_validator("api_endpoint", "billing_api_endpoint")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        if value is not None and ("@" in value or not is_safe_endpoint(value)):
            message = "must be https without credentials in it, or on this machine"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _has_an_origin(self) -> GcpBillingConfig:
        if self.path is not None and self.dataset is not None:
            message = "give either 'dataset' or 'path'"
            raise ValueError(message)
        if self.path is None and self.dataset is None and not self.prices:
            message = "needs 'dataset' (BigQuery), 'path' (files) or 'prices: true'"
            raise ValueError(message)
        if self.dataset is not None and not (self.project and self._table_is_known()):
            message = "'dataset' needs 'project', and 'billing_account' or 'table'"
            raise ValueError(message)
        for option, pattern in _NAMES.items():
            name = getattr(self, option)
            if name is not None and not pattern.fullmatch(name):
                message = f"{option!r} is not a valid name: {name!r}"
                raise ValueError(message)
        return self

    def _table_is_known(self) -> bool:
        return bool(self.table or self.billing_account)

    def table_name(self) -> TableName:
        """Return the full name of the export table."""
        project, dataset = self.project or "", self.dataset or ""
        owner, _, short = dataset.rpartition(".")
        account = (self.billing_account or "").replace("-", "_")
        return TableName(
            job_project=project,
            dataset_project=owner or project,
            dataset=short,
            table=self.table or f"{_TABLES[self.export]}{account}",
            location=self.location,
            api_endpoint=self.api_endpoint,
        )


class GcpBilling(Source[GcpBillingConfig]):
    """Source of a billing export of Google Cloud."""

    type: ClassVar[str] = "gcp_billing"

    def __init__(self, config: GcpBillingConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._layout = FOCUS_COST if config.export == "focus" else USAGE_COST
        self._table = BillingTable(
            config.table_name(),
            layout=self._layout,
            timeout_seconds=config.timeout_seconds,
        )
        self._files = LocalFiles(config.path or ".", root=root, source=config.name)
        self._catalogue = PriceCatalogue(
            api_endpoint=config.billing_api_endpoint,
            timeout_seconds=config.timeout_seconds,
            currency=config.price_currency,
        )

    def streams(self) -> Sequence[str]:
        """Return the bill's stream, and those of prices where they are asked for."""
        has_bill = self._config.path is not None or self._config.dataset is not None
        bill = (self._layout.stream,) if has_bill else ()
        prices = ("billing_projects", "sku_prices") if self._config.prices else ()
        return (*bill, *prices)

    def probe(self) -> Iterator[Finding]:
        """Probe credentials, the table and how fresh it is, or the files."""
        if self._config.path is not None:
            yield from self._files.check()
        if self._config.dataset is not None:
            yield self._check_table()
        if self._config.prices:
            yield self._check_prices()
            yield self._check_accounts()

    def _check_table(self) -> Finding:
        path = self._config.table_name().path
        since = today() - timedelta(days=_LOOKED_BACK_DAYS)
        try:
            newest = self._table.newest(since)
        except TriptychError as error:
            return Finding.of(error)
        if newest is None:
            return Finding(
                False,
                f"{path} has no row of the last {_LOOKED_BACK_DAYS} days.",
                "Look under Billing > Billing export whether the export is still on"
                " and writes to this dataset.",
            )
        age = datetime.now(UTC) - newest
        is_late = age > timedelta(hours=self._config.expected_lag_hours)
        message = f"{path}: newest rows are of {newest:%Y-%m-%d %H:%M} UTC."
        if is_late and self._config.export != "focus":
            hours = self._config.expected_lag_hours
            return Finding(
                False,
                f"{message} More than {hours} hours have passed since.",
                "Look under Billing > Billing export whether it is still on.",
            )
        return Finding(True, message)

    def _check_prices(self) -> Finding:
        try:
            found = self._catalogue.services(self._config.price_services)
        except TriptychError as error:
            return Finding.of(error)
        return Finding(
            True, f"The price catalogue lists {len(found)} services to read."
        )

    def _check_accounts(self) -> Finding:
        try:
            count = self._catalogue.probe_projects(self._config.billing_account)
        except TriptychError as error:
            return Finding.of(error)
        return Finding(True, f"Billing accounts whose projects can be listed: {count}.")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer changed and unchanged slices alike, or each file, then prices."""
        if self._config.path is not None:
            yield from self._file_deliveries()
        if self._config.dataset is not None:
            yield from self._table_deliveries(window)
        if self._config.prices:
            yield from self._price_deliveries()

    def _file_deliveries(self) -> Iterator[Delivery]:
        for file in self._files.found():
            yield Delivery(
                stream=self._layout.stream,
                scope=file.relative,
                period="all",
                fingerprint=_content_digest(file.path),
                label=file.label,
                detail=file.path,
            )

    def _table_deliveries(self, window: Window) -> Iterator[Delivery]:
        name = self._config.table_name()
        for slice_ in self._table.slices(*self._bounds(window)):
            start = slice_.start
            text = "no-date" if start is None else f"{start:{self._date_format}}"
            yield Delivery(
                stream=self._layout.stream,
                scope=f"{name.table}/{text}",
                period="all" if start is None else f"{start:%Y-%m}",
                fingerprint=slice_.fingerprint,
                label=f"{name.path}/{text}",
                detail=slice_,
            )

    @property
    def _date_format(self) -> str:
        return "%Y-%m-%d" if self._layout.grain == "day" else "%Y-%m"

    def _bounds(self, window: Window) -> tuple[date | None, date | None]:
        """Return the days to list: late rows come before the asked window, too."""
        asked = window.start
        if asked is not None:
            asked -= timedelta(days=self._config.lag_days)
        start = max(filter(None, (asked, self._config.start_date)), default=None)
        end = window.end or today() + timedelta(days=2)
        if self._layout.grain == "month" and start is not None:
            start = start.replace(day=1)
        return start, end

    def _price_deliveries(self) -> Iterator[Delivery]:
        month = today().replace(day=1)
        for service in self._catalogue.services(self._config.price_services):
            yield Delivery(
                stream="sku_prices",
                scope=f"sku_prices/{service.id}/{month:%Y-%m}",
                period=f"{month:%Y-%m}",
                # Asked once a day; equal prices are then found to be nothing new.
                fingerprint=f"{today()} {self._config.price_currency}",
                label=f"list prices of {service.name}",
                detail=service,
            )
        # Last, because it needs a role that list prices do not need.
        links = self._catalogue.projects(self._config.billing_account, month)
        if links:
            yield Delivery(
                stream="billing_projects",
                scope=f"billing_projects/{month:%Y-%m}",
                period=f"{month:%Y-%m}",
                fingerprint=digest(links),
                label="Cloud Billing accounts and their projects",
                detail=links,
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:
        """Yield a slice as rows, or a file with its columns laid flat."""
        detail = delivery.detail
        if isinstance(detail, Slice):
            yield self._table.read(detail)
        elif isinstance(detail, PricedService):
            yield self._catalogue.price_rows(detail, today().replace(day=1))
        elif isinstance(detail, list):
            yield projects_part(detail)
        elif isinstance(detail, Path):
            yield self._read_file(detail, delivery.label, workdir)

    def _read_file(self, path: Path, label: str, workdir: Path) -> FilePart:
        delimiter, encoding = self._config.delimiter, self._config.encoding
        format_ = LocalFiles.format_of(path)
        if self._config.export == "focus":
            return FilePart(path, format_, label, False, delimiter, encoding)
        return flatten_file(
            path,
            format_=format_,
            workdir=workdir,
            label=label,
            delimiter=delimiter,
            encoding=encoding,
        )


def _content_digest(path: Path) -> str:
    return f"{path.stat().st_size}:{FILE_CONTENTS.checksum(path)}"
