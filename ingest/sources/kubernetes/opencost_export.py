"""Read the CSV export of OpenCost: the cost of each container on a day.

The export has costs and averages, and not how long a container ran. So it is an
estimated bill and no meter: hours cannot be computed from it. The content of a row is
passed on as it is written; the checks of the stream refuse unreadable values.

Source: OpenCost documentation, *CSV export*.
"""

from __future__ import annotations

import csv
import json
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ingest.storage.files import open_text
from triptych.core.errors import MalformedDeliveryError
from triptych.core.personal import reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

EXPORTS = (".csv", ".csv.gz")
_PLACES = {
    "Namespace": "namespace",
    "ControllerKind": "controller_kind",
    "ControllerName": "controller",
    "Pod": "pod",
    "Container": "container",
}
_NEEDED = ("Date", *_PLACES, "TotalCost")
_NAMES = ("Namespace", "Pod", "Container")


def export_rows(path: Path, *, cluster: str, label: str) -> Iterator[dict[str, str]]:
    """Yield each row of an export under the names of ``opencost_costs``.

    Parameters
    ----------
    path : Path
        The file, plain or compressed.
    cluster : str
        Name of the cluster, which is missing in an export.
    label : str
        Name of the file, for messages.

    Raises
    ------
    MalformedDeliveryError
        It cannot be read, or lacks columns of an export.
    """
    try:
        with open_text(path) as text:
            reader = csv.DictReader(text)
            missing = [n for n in _NEEDED if n not in (reader.fieldnames or ())]
            if missing:
                raise _no_export(label, f"it has no column {', '.join(missing)}")
            for row in reader:
                yield _row(row, cluster)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise _no_export(label, reason_of(error)) from error


def _row(row: Mapping[str, str | None], cluster: str) -> dict[str, str]:
    told = {name: row.get(column) or "" for column, name in _PLACES.items()}
    places = {name: value for name, value in told.items() if value}
    if cluster:
        places["cluster"] = cluster
    day = row.get("Date") or ""
    name = "/".join(row.get(column) or "" for column in _NAMES)
    return {
        "period_start": day,
        "period_end": _day_after(day),
        "allocation_name": f"{cluster}/{name}" if cluster else name,
        "kind": "workload",
        "effective_cost": row.get("TotalCost") or "",
        "tags": json.dumps({**_labels(row.get("Labels")), **places}),
        **places,
    }


def _day_after(day: str) -> str:
    """Return the next day; other text is kept, and refused as the start is."""
    try:
        first = datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError:
        return day
    return f"{first + timedelta(days=1):%Y-%m-%d}"


def _labels(text: str | None) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): str(value) for name, value in found.items() if value}


def _no_export(label: str, why: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"This is no CSV export of OpenCost: {why}.",
        where=label,
        next_step="Keep other files out of 'path'; what was loaded before stays"
        " current.",
    )
