"""Amazon SageMaker: versions of registered models, and which of them endpoints serve.

Two ways. Queried live, SageMaker reports the present state, and the version that an
endpoint serves. With ``path``, events of EventBridge are read from files: they report
every state and each approval with its time, and no version that is served.

Source: Amazon SageMaker API reference; *Events that SageMaker sends to EventBridge*.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from ingest.connector import (
    Delivery,
    Finding,
    SourceConfig,
    Window,
)
from ingest.engine.state_rows import part_of, text
from ingest.http.options import BaseUrl
from ingest.source_kinds.polled import PolledSource
from ingest.sources.sagemaker.api import WHERE, SagemakerApi
from ingest.sources.sagemaker.rows import (
    SYSTEM,
    SagemakerEnvironment,
    approval_row,
    endpoint_row,
    package_row,
)
from ingest.storage.files import LocalFiles, open_text
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.reading.text_rows import Row
    from ingest.storage.files import LocalFile

DEPLOYMENTS, VERSIONS, PROMOTIONS = "deployments", "model_versions", "promotions"
_EVENTS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
_OF_ENDPOINT = "SageMaker Endpoint State Change"
_OF_PACKAGE = "SageMaker Model Package State Change"


class SagemakerConfig(SourceConfig):
    """Options of a ``sagemaker`` source: account and region, or its events."""

    path: str | None = Field(
        default=None,
        min_length=1,
        description="File, folder or glob of EventBridge events, instead of the API.",
    )
    region: str = Field(default="us-east-1", description="Region to ask.")
    profile: str | None = Field(
        default=None, description="Named profile of the AWS credential chain."
    )
    endpoint_url: BaseUrl | None = Field(
        default=None, description="Address, where it is not AWS's own."
    )
    environments: tuple[SagemakerEnvironment, ...] = Field(
        default=(), description="Ordered rules that name an endpoint's environment."
    )
    environment_tag: str = Field(
        default="environment",
        description="Tag in an event that names it where no rule holds.",
    )
    timeout_seconds: float = Field(
        default=60, gt=0, le=600, description="Time to wait for an answer."
    )


class Sagemaker(PolledSource[SagemakerConfig]):
    """Source of model packages and endpoints of an account and region."""

    type: ClassVar[str] = "sagemaker"

    def __init__(self, config: SagemakerConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._files = (
            None
            if config.path is None
            else LocalFiles(
                config.path, root=root, source=config.name, suffixes=_EVENTS
            )
        )

    def streams(self) -> Sequence[str]:
        """Return deployments and versions; only events report promotions."""
        promotions = () if self._files is None else (PROMOTIONS,)
        return (DEPLOYMENTS, VERSIONS, *promotions)

    def probe(self) -> Iterator[Finding]:
        """Ask for everything that is needed, or look at the files."""
        if self._files is not None:
            yield from self._files.check()
            return
        packages, endpoints = self._api().probe()
        listed = f"{packages} model packages and {endpoints} endpoints"
        yield Finding(True, f"{WHERE} lists {listed}.")

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Yield SageMaker's answers that differ from those before."""
        now = self._now()
        if self._files is None:
            yield from self._offers(self._asked(), "now", now=now, label=WHERE)
            return
        for file in self._files.found():
            rows = self._told_by(file)
            yield from self._offers(rows, file.relative, now=now, label=file.label)

    def _origin(self, delivery: Delivery) -> str:
        return f"{delivery.label}#{delivery.scope}"

    def _offers(
        self, rows: Mapping[str, list[Row]], group: str, *, now: datetime, label: str
    ) -> Iterator[Delivery]:
        for stream, found in rows.items():
            if found:
                yield self._loads.offer(
                    stream, group, found, now=now, label=f"{label}: {stream}"
                )

    def _asked(self) -> dict[str, list[Row]]:
        api = self._api()
        endpoints = api.endpoints()
        return {
            VERSIONS: [package_row(package) for package in api.model_packages()],
            DEPLOYMENTS: [
                endpoint_row(
                    endpoint,
                    served=api.served_by(str(endpoint.get("EndpointConfigName"))),
                    environments=self._config.environments,
                    environment_tag=self._config.environment_tag,
                )
                for endpoint in endpoints
            ],
        }

    def _told_by(self, file: LocalFile) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = {VERSIONS: [], PROMOTIONS: [], DEPLOYMENTS: []}
        for number, event in _events(file):
            detail, sent_at = part_of(event, "detail"), part_of(event, "time")
            kind = text(part_of(event, "detail-type"))
            if kind == _OF_PACKAGE and isinstance(detail, dict):
                rows[VERSIONS].append(package_row(detail))
                if detail.get("ModelApprovalStatus"):
                    rows[PROMOTIONS].append(approval_row(detail, sent_at=sent_at))
            elif kind == _OF_ENDPOINT and isinstance(detail, dict):
                rows[DEPLOYMENTS].append(
                    endpoint_row(
                        detail,
                        environments=self._config.environments,
                        environment_tag=self._config.environment_tag,
                        sent_at=sent_at,
                    )
                )
            elif not isinstance(event, dict):
                # It lands without a time, and is set aside with a reason.
                refused = f"line {number} is no event"
                row = {"source_system": SYSTEM, "native_status": refused}
                rows[DEPLOYMENTS].append({**row, "deployment_id": refused})
        return rows

    def _api(self) -> SagemakerApi:
        config = self._config
        return SagemakerApi(
            source=config.name,
            endpoint_url=config.endpoint_url,
            region=config.region,
            profile=config.profile,
            timeout_seconds=config.timeout_seconds,
        )


def _events(file: LocalFile) -> Iterator[tuple[int, object]]:
    """Yield the events of a file, an event per line, with line numbers.

    Raises
    ------
    MalformedDeliveryError
        The file cannot be read.
    """
    try:
        with open_text(file.path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _parsed(line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise MalformedDeliveryError(
            f"The events cannot be read: {reason_of(error)}.",
            where=file.label,
            next_step="Deliver the file again; what was loaded before stays current.",
        ) from error


def _parsed(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
