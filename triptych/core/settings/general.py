"""``triptych.yml``: the organisation, its sources, and how to run."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import pycountry
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from triptych import WORKSPACE_FORMAT, __version__
from triptych.core.declared import Declared
from triptych.core.settings.access import AccessSettings
from triptych.core.settings.attribution import AttributionSettings
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.delivery import DeliverySettings
from triptych.core.settings.names import Name
from triptych.core.settings.notify import NotifySettings
from triptych.core.settings.receive import ReceiveSettings
from triptych.core.settings.service import (
    HealthSettings,
    LogSettings,
    MetricsSettings,
    SafeAddress,
    WebhookSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SOURCE_NAME_LENGTH = 64
#: Words that tables, and those who read them, take for the lack of a value.
_NO_VALUE = frozenset({"null", "none", "nan", "na"})
_SIZE = re.compile(r"\d+(\.\d+)? ?[KMGT]i?B", re.IGNORECASE)


def _is_size(text: str) -> str:
    if not _SIZE.fullmatch(text):
        raise ValueError(f"{text!r} is not a size; write it as 2GB or 512MiB")
    return text


Size = Annotated[str, AfterValidator(_is_size)]


def _is_folder_inside(text: str) -> str:
    parts = PurePosixPath(text).parts
    if not parts or ".." in parts or text.startswith(("/", "\\", "~")):
        raise ValueError(f"{text!r} is not a folder of the workspace, such as models")
    return text


Folder = Annotated[str, AfterValidator(_is_folder_inside)]


class WarehouseSettings(Declared):
    """Engine that builds, its limits, and the number of kept published runs."""

    engine: Literal["duckdb", "spark"] = "duckdb"
    #: A run over 50 million line items takes 1,970 MiB with it, Python included.
    memory_limit: Size = "1500MB"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    keep_runs: Annotated[int, Field(ge=1)] = 5
    #: An hourly timer makes so many in six weeks.
    keep_records: Annotated[int, Field(ge=1)] = 1000


class S3TargetSettings(Declared):
    """Bucket that files for BI tools are copied to; credentials are boto3's own."""

    bucket: Name
    prefix: str = ""
    endpoint_url: SafeAddress | None = None
    region: Name | None = None
    profile: Name | None = None


class AzureTargetSettings(Declared):
    """Container that files for BI tools are copied to; credentials as when reading."""

    account_url: SafeAddress
    container: Name
    prefix: str = ""


class BiSettings(Declared):
    """Files that a run leaves for BI tools, their place, and their readers."""

    formats: tuple[Literal["parquet", "duckdb", "csv"], ...] = ()
    readable_by: Literal["owner", "group"] = "owner"
    s3: S3TargetSettings | None = None
    azure: AzureTargetSettings | None = None

    @model_validator(mode="after")
    def _copies_what_there_is(self) -> Self:
        targets = [name for name in ("s3", "azure") if getattr(self, name) is not None]
        if not targets or self.formats:
            return self
        text = "nothing is copied without formats, such as 'formats: [parquet]'."
        raise complaints_error([Complaint((name,), text) for name in targets])


class OwnModelsSettings(Declared):
    """Workspace folder with the user's dbt models; none are built without."""

    folder: Folder | None = None


class SparkSettings(Declared):
    """Address of Apache Spark when it reads line items; ignored otherwise.

    ``remote`` (or the variable ``SPARK_REMOTE``, which may carry a token) is the
    address of a Spark Connect server; without it a session is started on ``master``.
    """

    master: Name = "local[*]"
    remote: Name | None = None
    driver_memory: Size = "4GB"
    conf: dict[str, str] = Field({})


def _is_page_address(text: str) -> str:
    """Take an address that people open; it goes into mails, and into answers."""
    parts = urlsplit(text)
    is_plain = not (parts.username or parts.password or parts.query or parts.fragment)
    if parts.scheme in {"http", "https"} and parts.hostname and is_plain:
        return text
    raise ValueError(
        f"{text!r} is not an address such as https://triptych.example.com, without"
        " password, question mark or #"
    )


PageAddress = Annotated[
    str, Field(pattern=r"^https?://[^\s?#]+$"), AfterValidator(_is_page_address)
]


class DashboardSettings(Declared):
    """Listening address of the dashboard, and its public address."""

    host: Name = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8501
    url: PageAddress | None = None

    @property
    def address(self) -> str:
        """Return the prefix of links; this machine's if no ``url`` is set."""
        return (self.url or f"http://{_opened_host(self.host)}:{self.port}").rstrip("/")


def _opened_host(host: str) -> str:
    """Name a host to listen at as a browser of this machine does."""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return host
    loopback = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(str(number), host)  # noqa: S104
    return f"[{loopback}]" if ":" in loopback else loopback


class ExchangeSettings(Declared):
    """Choice of a month's rate among its published exchange rates."""

    rate: Literal["month_average", "month_end"] = "month_average"


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A source as ``triptych.yml`` names it.

    Parameters
    ----------
    name : str
        Unique; a path segment in the lake.
    type : str
        Name of the connector.
    options : mapping
        The remaining keys, scalars as text; the connector gives them their type.
    line : int
        Line of ``triptych.yml`` on which the entry begins.
    option_lines : mapping
        Line of each key of the entry.
    """

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0
    option_lines: Mapping[str, int] = field(default_factory=dict)


def is_source_name(text: str) -> bool:
    """Return True if ``text`` can be a path segment on every system."""
    is_segment = _SOURCE_NAME.fullmatch(text) is not None
    is_word = text not in _NO_VALUE
    return is_segment and is_word and len(text) <= _SOURCE_NAME_LENGTH


class SourceFields(BaseModel):
    """Fields of every source; its other keys are for its connector to judge."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    type: Name

    @model_validator(mode="after")
    def _name_is_a_path_segment(self) -> Self:
        if is_source_name(self.name):
            return self
        text = (
            f"source name {self.name!r} does not fit; use lower-case letters, digits,"
            f" '-' and '_', beginning with a letter or digit, at most"
            f" {_SOURCE_NAME_LENGTH} characters."
        )
        raise complaints_error([Complaint(("name",), text)])

    def entry(self, *, option_lines: Mapping[str, int], line: int) -> SourceEntry:
        """Return the source with its lines in the file."""
        options = MappingProxyType(dict(self.model_extra or {}))
        lines = MappingProxyType(dict(option_lines))
        return SourceEntry(self.name, self.type, options, line, lines)


def _is_currency(code: str) -> str:
    codes = [currency.alpha_3 for currency in pycountry.currencies]
    if code in codes:
        return code
    hint = f" Did you mean {code.upper()!r}?" if code.upper() in codes else ""
    raise ValueError(f"{code!r} is not an ISO 4217 code, such as EUR or USD.{hint}")


Currency = Annotated[str, AfterValidator(_is_currency)]


def _is_known_format(number: int) -> int:
    if 1 <= number <= WORKSPACE_FORMAT:
        return number
    raise ValueError(
        f"a newer version of triptych wrote this workspace; version {__version__} knows"
        f" formats up to {WORKSPACE_FORMAT}. Install the newer version."
    )


class GeneralFile(Declared):
    """``triptych.yml`` as it is written."""

    organisation: Name
    format: Annotated[int, AfterValidator(_is_known_format)] | None = None
    currency: Currency
    fiscal_year_start_month: Annotated[int, Field(ge=1, le=12)] = 1
    materiality_ratio: Annotated[float, Field(ge=0, le=1)] = 0.005
    synthetic: bool = False
    sources: tuple[SourceFields, ...] = ()
    warehouse: WarehouseSettings = WarehouseSettings()
    bi: BiSettings = BiSettings()
    own_models: OwnModelsSettings = OwnModelsSettings()
    spark: SparkSettings = SparkSettings()
    dashboard: DashboardSettings = DashboardSettings()
    fx: ExchangeSettings = ExchangeSettings()
    delivery: DeliverySettings = DeliverySettings()
    receive: ReceiveSettings = ReceiveSettings()
    log: LogSettings = LogSettings()
    health: HealthSettings = HealthSettings()
    metrics: MetricsSettings = MetricsSettings()
    webhook: WebhookSettings = WebhookSettings()
    notify: NotifySettings = NotifySettings()
    attribution: AttributionSettings = AttributionSettings()
    access: AccessSettings = AccessSettings()

    @model_validator(mode="after")
    def _source_names_are_unique(self) -> Self:
        names = [source.name for source in self.sources]
        complaints = [
            Complaint(
                ("sources", position),
                f"source {name!r} appears twice. Give one another name.",
            )
            for position, name in enumerate(names)
            if name in names[:position]
        ]
        if complaints:
            raise complaints_error(complaints)
        return self


__all__ = [
    "AccessSettings",
    "AttributionSettings",
    "AzureTargetSettings",
    "BiSettings",
    "DashboardSettings",
    "DeliverySettings",
    "ExchangeSettings",
    "GeneralFile",
    "HealthSettings",
    "LogSettings",
    "MetricsSettings",
    "NotifySettings",
    "OwnModelsSettings",
    "ReceiveSettings",
    "S3TargetSettings",
    "SourceEntry",
    "SourceFields",
    "SparkSettings",
    "WarehouseSettings",
    "WebhookSettings",
    "is_source_name",
]
