"""Azure cost exports: FOCUS, or native cost details, from Blob storage or a copy.

An export writes a folder per month and, below it, per run; a manifest ends each run.
The newest run of a month is the whole month, whether the export creates a new report
each time or overwrites the previous report, so it alone counts; files that the manifest
does not name do not. A run of some days of a month, such as of a week, never represents
the month. A file must hold as many rows as its manifest announces.

Older exports write no manifest: of each month the newest file counts, and nothing
proves that it is whole.

Sources: *Tutorial: Create and manage Cost Management exports* in the documentation of
Microsoft Cost Management; *How data is processed in FinOps hubs* in that of Microsoft's
FinOps toolkit.
"""

from __future__ import annotations

import re
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import ConfigDict, Field, field_validator, model_validator

from ingest.connector import Finding, LandingOptions, SourceConfig, Window
from ingest.http.addresses import checked_base_url
from ingest.source_kinds.manifested_export import ManifestedExport
from ingest.sources.azure.columns import MAPPING_VERSION, landing_of
from ingest.sources.azure.manifest import RunManifest, parsed_run
from ingest.storage.azure_blobs import BlobObjects
from ingest.storage.files import column_names
from ingest.storage.manifests import ManifestedMonth, format_of
from ingest.storage.objects import LocalObjects
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.storage.objects import ObjectStore, StoredObject

_MONTH_FOLDER = re.compile(r"(\d{4})(\d{2})\d{2}-\d{8}")
_LISTED_IN_PARALLEL = 8


class AzureFocusConfig(SourceConfig):
    """Options of an ``azure_focus`` source: a container, or ``path``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    account_url: str | None = Field(
        default=None,
        description="Blob address of the storage account, such as"
        " https://example.blob.core.windows.net.",
    )
    container: str | None = Field(
        default=None, min_length=1, description="Container that the export writes to."
    )
    path: str | None = Field(
        default=None,
        min_length=1,
        description="Folder with a copy of the container, relative to the workspace;"
        " instead of 'account_url' and 'container'.",
    )
    prefix: str = Field(default="", description="Directory of the export.")
    export: str = Field(min_length=1, description="Name of the export.")
    scope: str | None = Field(
        default=None,
        description="Resource id that the export belongs to, where exports of the"
        " same name write to the same directory.",
    )
    max_parallel_downloads: int = Field(
        default=8, ge=1, le=64, description="Ranges in flight at a time."
    )

    @field_validator("account_url")
    @classmethod
    def _is_safe(cls, value: str | None) -> str | None:
        return None if value is None else checked_base_url(value)

    @model_validator(mode="after")
    def _has_one_place(self) -> AzureFocusConfig:
        has_container = self.account_url is not None and self.container is not None
        is_named = self.account_url is not None or self.container is not None
        if is_named == (self.path is not None) or (is_named and not has_container):
            message = "needs either 'account_url' and 'container', or 'path'"
            raise ValueError(message)
        return self


class AzureFocus(ManifestedExport[AzureFocusConfig]):
    """Source of a cost export of Azure."""

    type: ClassVar[str] = "azure_focus"

    vendor: ClassVar[str] = "Azure"

    def streams(self) -> Sequence[str]:
        """Return ``("focus",)``."""
        return ("focus",)

    def probe(self) -> Iterator[Finding]:
        """Check credentials, listing, the newest manifest and a data file."""
        folders = self._month_folders(Window())
        where = self._store.uri(f"{self._base}/")
        yield Finding(True, f"months of the export in {where}: {len(folders)}")
        month = self._newest_month(folders)
        if month.problem:
            raise month.problem
        if month.skip_reason:
            what = f"{self._store.uri(month.manifest.key)}: {month.skip_reason}"
            yield Finding(False, what, "Export 'Cost and usage details (FOCUS)'.")
            return
        yield Finding(True, f"data files of {month.period}: {len(month.files)}")
        self._store.probe(month.files[0])
        yield Finding(True, "data files can be read")

    def _newest_month(self, folders: Sequence[str]) -> ManifestedMonth:
        for folder in reversed(folders):
            if months := self._newest_runs(Window(), [folder]):
                return months[-1]
        raise FatalSourceError(
            "No run of the export has ended: there is neither a manifest nor a file.",
            where=self._store.uri(f"{self._base}/"),
            next_step="Wait until Azure has delivered, or correct 'scope'.",
        )

    @property
    def _folders(self) -> Sequence[str]:
        return (self._config.prefix, self._config.export)

    @property
    def _scope(self) -> str:
        return self._config.export

    def _reading_of(self, month: ManifestedMonth) -> str:  # noqa: ARG002
        return f"{MAPPING_VERSION}:"

    def _months(self, window: Window) -> list[ManifestedMonth]:
        return self._newest_runs(window, self._month_folders(window))

    def _month_folders(self, window: Window) -> list[str]:
        """Return the folders of months inside the window, oldest first."""
        found = {
            folder: f"{match[1]}-{match[2]}"
            for folder in self._store.list_folders(f"{self._base}/")
            if (match := _MONTH_FOLDER.fullmatch(folder))
        }
        if not found:
            raise FatalSourceError(
                "There is no month of the export, no folder such as 20260601-20260630.",
                where=self._store.uri(f"{self._base}/"),
                next_step="Correct 'prefix' and 'export' in triptych.yml; a new export"
                " is first delivered within 24 hours.",
            )
        return sorted(
            folder for folder, month in found.items() if window.overlaps_month(month)
        )

    def _newest_runs(
        self, window: Window, folders: Sequence[str]
    ) -> list[ManifestedMonth]:
        """Return the newest run of each month below these folders."""
        with ThreadPoolExecutor(_LISTED_IN_PARALLEL) as pool:
            found = [run for runs in pool.map(self._runs, folders) for run in runs]
        self._refuse_several_exports(found)
        newest: dict[str, RunManifest] = {}
        for run in sorted(found, key=lambda run: run.order):
            before = newest.get(run.period)
            is_less = run.part and before is not None and not before.part
            if window.overlaps_month(run.period) and not is_less:
                newest[run.period] = run
        return [self._month(run) for _, run in sorted(newest.items())]

    def _runs(self, folder: str) -> list[RunManifest]:
        """Return the runs below a folder: by their manifests, or else by files."""
        tree = list(self._store.list_tree(f"{self._base}/{folder}/"))
        manifests = [
            stored
            for stored in tree
            if stored.key.rsplit("/", 1)[-1].casefold() == "manifest.json"
        ]
        runs = [self._run(folder, manifest) for manifest in manifests]
        wanted = self._config.scope
        if wanted is not None:
            runs = [run for run in runs if run.belongs_to(wanted)]
        if manifests:
            return runs
        # Below a run's own folder a file without a manifest is half a delivery.
        return [
            RunManifest.of_file(stored, period=_period_of(folder), folder=folder)
            for stored in self._store.list_objects(f"{self._base}/{folder}/")
            if stored.size and format_of(stored.key)
        ]

    def _run(self, folder: str, manifest: StoredObject) -> RunManifest:
        try:
            content = self._manifests.parsed(manifest)
            return parsed_run(
                content,
                manifest,
                month_folder=f"{self._base}/{folder}",
                malformed=self._manifests.malformed,
            )
        except MalformedDeliveryError as problem:
            return RunManifest(manifest, _period_of(folder), problem=problem)

    def _month(self, run: RunManifest) -> ManifestedMonth:
        month = ManifestedMonth(
            run.period, "focus", run.manifest, skip_reason=run.skip_reason
        )
        if run.problem or run.skip_reason:
            return replace(month, problem=run.problem)
        if run.part:
            return replace(month, problem=self._incomplete_month(run))
        try:
            files = self._manifests.named_files(run.keys, run.manifest)
            for file, size in zip(files, run.sizes, strict=True):
                self._refuse_unless_whole(file, size, run.manifest)
        except (MalformedDeliveryError, IncompleteDeliveryError) as problem:
            return replace(month, problem=problem)
        return replace(month, files=files, row_counts=run.row_counts)

    def _incomplete_month(self, run: RunManifest) -> IncompleteDeliveryError:
        return IncompleteDeliveryError(
            f"The newest run of {run.period} is of {run.part}, only a part of the"
            " month.",
            where=self._store.uri(run.manifest.key),
            next_step="Export the month to date each day, or run the export for the"
            " whole month. What was loaded before stays current.",
        )

    def _refuse_unless_whole(
        self, file: StoredObject, size: int | None, manifest: StoredObject
    ) -> None:
        if size is not None and file.size != size:
            what = f"has {file.size} bytes and not {size}: {self._store.uri(file.key)}"
            raise self._manifests.incomplete(what, manifest)

    def _refuse_several_exports(self, runs: Sequence[RunManifest]) -> None:
        by_scope: dict[str, list[RunManifest]] = defaultdict(list)
        for run in runs:
            if run.resource_id:
                by_scope[run.resource_id.casefold()].append(run)
        if len(by_scope) > 1:
            names = ", ".join(sorted(by_scope))
            raise FatalSourceError(
                f"Exports of {len(by_scope)} scopes write to one place: {names}.",
                where=self._store.uri(f"{self._base}/"),
                next_step="Make a source of each, with 'scope' set to its resource id.",
            )

    def _opened(self, root: Path) -> ObjectStore:
        config = self._config
        if config.account_url is None or config.container is None:
            return LocalObjects(root / str(config.path), root)
        return BlobObjects(
            config.account_url,
            container=config.container,
            max_parallel_downloads=config.max_parallel_downloads,
        )

    def _landing_of(
        self,
        month: ManifestedMonth,  # noqa: ARG002
        path: Path,
        uri: str,
    ) -> LandingOptions:
        options = landing_of(columns := column_names(path))
        # A file with an unreadable header is reported when it is landed.
        if options is None and columns:
            raise MalformedDeliveryError(
                "The file has the columns neither of FOCUS nor of cost details.",
                where=uri,
                next_step="Export 'Cost and usage details (FOCUS)', or (actual).",
            )
        return options or LandingOptions()


def _period_of(folder: str) -> str:
    return f"{folder[:4]}-{folder[4:6]}"
