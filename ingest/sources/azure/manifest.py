"""Parse the manifest of a run of an Azure cost export.

Fields differ by API version; missing fields are not guessed. Paths in a manifest are
those of the container that the export wrote to: only their part below the folder of the
month is kept, so that a copy elsewhere is read where it lies.

Source: *How data is processed in FinOps hubs*, section *About exports*, in the
documentation of Microsoft's FinOps toolkit.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.storage.manifests import format_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.storage.objects import StoredObject
    from triptych.core.errors import MalformedDeliveryError

    _Malformed = Callable[..., MalformedDeliveryError]

_READ_TYPES = frozenset({"focuscost", "actualcost", "usage"})
_LONGEST_MONTH_DAYS = 31
#: Time after the last day of a month to date at which its run may begin.
_LATEST_RUN = timedelta(days=3)
_WEEK_TO_DATE, _OF_BILLING_MONTH = "weektodate", "billing"
_DAYS_OF_FOLDER = re.compile(r"(\d{8})-(\d{8})")
_MONTH_IN_PATH = re.compile(r"(?:^|/)\d{8}-\d{8}/(.+)$")
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RunManifest:
    """Run of an export, of a single month.

    ``sizes`` and ``row_counts`` are parallel to ``keys``; ``None`` where the manifest
    does not give them. ``submitted_at`` orders runs; ``problem`` is the reason that the
    manifest cannot be used, ``skip_reason`` the reason that it need not be. ``part``
    names the days of a run of less than its month.
    """

    manifest: StoredObject
    period: str
    resource_id: str = ""
    submitted_at: datetime = _BEGINNING
    keys: tuple[str, ...] = ()
    sizes: tuple[int | None, ...] = ()
    row_counts: tuple[int | None, ...] = ()
    problem: MalformedDeliveryError | None = None
    skip_reason: str = ""
    part: str = ""

    @classmethod
    def of_file(cls, stored: StoredObject, *, period: str, folder: str) -> RunManifest:
        """Return the manifest of a run that wrote only a file and no manifest."""
        days = _DAYS_OF_FOLDER.fullmatch(folder)
        start, end = (_moment(day) for day in days.groups()) if days else (None, None)
        return cls(
            stored,
            period,
            keys=(stored.key,),
            sizes=(None,),
            row_counts=(None,),
            # A copy may be younger than the run.
            part=_part_of_month(start, end, submitted_at=None),
        )

    @property
    def order(self) -> tuple[datetime, datetime, str]:
        """Return a sort key that is larger for a later run."""
        at = self.manifest.modified_at
        submitted = at if self.submitted_at == _BEGINNING else self.submitted_at
        return submitted, at, self.manifest.key

    def belongs_to(self, scope: str) -> bool:
        """Return True if the run is of an export of this resource id."""
        wanted, own = scope.casefold().strip("/"), self.resource_id.casefold()
        return own.strip("/") == wanted or own.strip("/").startswith(
            f"{wanted}/providers/microsoft.costmanagement/"
        )


def parsed_run(
    content: Mapping[str, object],
    manifest: StoredObject,
    *,
    month_folder: str,
    malformed: _Malformed,
) -> RunManifest:
    """Return the run described by a manifest.

    Parameters
    ----------
    content : mapping
        The parsed manifest.
    manifest : StoredObject
        Location of the manifest.
    month_folder : str
        Key of the folder of its month, below which its data lies.
    malformed : callable
        Makes the error for a manifest that cannot be understood.

    Raises
    ------
    MalformedDeliveryError
        A field that is needed is missing or makes no sense.
    """
    config = _section(content, "exportConfig")
    run = _section(content, "runInfo")
    kind = str(config.get("type", ""))
    common: dict[str, Any] = {
        "manifest": manifest,
        "resource_id": str(config.get("resourceId", "")),
        **_when(config, run, _month_start(run, manifest, malformed)),
    }
    if kind and kind.casefold() not in _READ_TYPES:
        return RunManifest(**common, skip_reason=_other_dataset(kind))
    blobs = _blobs(content, manifest, malformed)
    keys = tuple(_key(blob, month_folder, manifest, malformed) for blob in blobs)
    counts = tuple(_number(blob.get("dataRowCount")) for blob in blobs)
    if len(blobs) == 1 and counts[0] is None:
        counts = (_number(content.get("dataRowCount")),)
    sizes = tuple(
        _number(blob.get("byteCount")) if count is None else None
        for blob, count in zip(blobs, counts, strict=True)
    )
    is_packed = _is_compressed(content)
    return RunManifest(
        **common,
        keys=keys,
        # A packed file's size may be given before or after packing.
        sizes=(None,) * len(keys) if is_packed else sizes,
        row_counts=counts,
    )


def _month_start(
    run: Mapping[str, Any], manifest: StoredObject, malformed: _Malformed
) -> datetime:
    start = _moment(run.get("startDate"))
    if start is None:
        raise malformed("has no 'runInfo.startDate'", manifest)
    end = _moment(run.get("endDate"))
    if end is not None and (end - start).days > _LONGEST_MONTH_DAYS:
        raise malformed(
            f"is of {start:%Y-%m-%d} to {end:%Y-%m-%d}, more than a month",
            manifest,
            "Run the export for each month by itself.",
        )
    return start


def _when(
    config: Mapping[str, Any], run: Mapping[str, Any], start: datetime
) -> dict[str, Any]:
    """Return of which month a run is, of which part of it, and when it was run."""
    submitted_at, end = _moment(run.get("submittedTime")), _moment(run.get("endDate"))
    time_frame = str(config.get("timeFrame", "")).casefold()
    return {
        "period": f"{start:%Y-%m}",
        "submitted_at": submitted_at or _BEGINNING,
        "part": _part_of_month(start, end, submitted_at, time_frame=time_frame),
    }


def _part_of_month(
    start: datetime | None,
    end: datetime | None,
    submitted_at: datetime | None,
    *,
    time_frame: str = "",
) -> str:
    """Return the days of a run that leaves out days of its month that were over.

    A month to date ends about when it is run. A billing month may begin on any day.
    """
    if start is None or end is None:
        return ""
    days_of_month = calendar.monthrange(start.year, start.month)[1]
    if (end - start).days + 1 >= days_of_month:
        return ""
    is_begun = start.day == 1 or _OF_BILLING_MONTH in time_frame
    is_to_date = submitted_at is None or submitted_at <= end + _LATEST_RUN
    if is_begun and is_to_date and time_frame != _WEEK_TO_DATE:
        return ""
    return f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"


def _other_dataset(kind: str) -> str:
    if kind.casefold() == "amortizedcost":
        return (
            "amortised cost, which repeats the charges of the actual cost; it was not"
            " loaded. Export 'Cost and usage details (FOCUS)', which has both."
        )
    return f"the data set {kind!r}, which holds no charges; it was not loaded."


def _section(content: Mapping[str, object], name: str) -> Mapping[str, Any]:
    section = content.get(name)
    return section if isinstance(section, dict) else {}


def _blobs(
    content: Mapping[str, object], manifest: StoredObject, malformed: _Malformed
) -> list[Mapping[str, Any]]:
    blobs = content.get("blobs")
    if not isinstance(blobs, list) or not blobs:
        raise malformed("names no data files ('blobs')", manifest)
    announced = _number(content.get("blobCount"))
    if announced is not None and announced != len(blobs):
        raise malformed(
            f"announces {announced} data files and names {len(blobs)}", manifest
        )
    return [blob if isinstance(blob, dict) else {} for blob in blobs]


def _key(
    blob: Mapping[str, Any],
    month_folder: str,
    manifest: StoredObject,
    malformed: _Malformed,
) -> str:
    """Return the key that a blob's name means here, even if it was copied."""
    name = blob.get("blobName")
    if not isinstance(name, str) or ".." in name.split("/"):
        raise malformed("names a data file that is none ('blobName')", manifest)
    match = _MONTH_IN_PATH.search(name)
    folder = month_folder if match else manifest.key.rpartition("/")[0]
    key = f"{folder}/{match[1] if match else name.rsplit('/', 1)[-1]}"
    if format_of(key) is None:
        raise malformed(
            f"names a file of unknown format, {key.rsplit('/', 1)[-1]!r}",
            manifest,
            "Export as Parquet or CSV.",
        )
    return key


def _is_compressed(content: Mapping[str, object]) -> bool:
    mode = str(_section(content, "deliveryConfig").get("compressionMode", "none"))
    return mode.casefold() not in {"", "none"}


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    """Return a point in time as written by .NET: seven decimals, zone or none."""
    if not isinstance(value, str):
        return None
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.strip())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
