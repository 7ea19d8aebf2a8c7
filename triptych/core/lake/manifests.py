"""The manifest of a load: in its folder, everything that the catalogue has about it.

The catalogue is an index of the lake. It can be rebuilt with the manifests and the
audit log that lies beside the loads (:mod:`triptych.core.lake.lake_log`).
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import TriptychError
from triptych.core.lake.loads import NewLoad
from triptych.core.lake.source_names import landed_sources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    import duckdb
    from pydantic import TypeAdapter

MANIFEST: Final = "manifest.json"
#: Changes whenever a manifest of an earlier form would be read wrongly.
_FORM = 1
#: stream / source / period / load
_DEPTH = 4


class ManifestError(TriptychError):
    """A manifest does not describe its load."""

    exit_code = 3


def load_folder(lake: Path, load: NewLoad) -> Path:
    """Return the folder of a load in a lake."""
    return lake / load.stream / load.source / load.period / load.load_id


def write_manifest(folder: Path, load: NewLoad) -> None:
    """Write a load's manifest into a folder, replacing any that exists."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{MANIFEST}.new"
    content = b'{"form": %d, "load": %s}' % (_FORM, _adapter().dump_json(load))
    fresh.write_bytes(content)
    fresh.replace(folder / MANIFEST)


def write_manifests(
    connection: duckdb.DuckDBPyConnection,
    lake: Path,
    load_ids: Collection[str] | None = None,
) -> None:
    """Write the manifests of catalogued loads, as :func:`catalogued_loads` has them."""
    for load in catalogued_loads(connection, load_ids):
        write_manifest(load_folder(lake, load), load)


def read_manifest(path: Path) -> NewLoad:
    """Return the load that a manifest describes.

    Raises
    ------
    ManifestError
        It cannot be read, or was written by a later version.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["form"] != _FORM:
            raise ManifestError(
                f"The manifest has form {content['form']!r}; this version reads"
                f" form {_FORM}.",
                where=str(path),
                next_step="Use the version of triptych that wrote it.",
            )
        return _adapter().validate_python(content["load"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ManifestError(
            f"The manifest cannot be read: {_first_line(error)}.",
            where=str(path),
            next_step="Restore this file from a backup of the lake.",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")


def manifests_in(lake: Path) -> Iterator[Path]:
    """Yield the manifests of a lake; hidden or moving folders have none."""
    yield from sorted(lake.glob("/".join(["[!.]*"] * _DEPTH + [MANIFEST])))


def catalogued_loads(
    connection: duckdb.DuckDBPyConnection, load_ids: Collection[str] | None = None
) -> list[NewLoad]:
    """Return loads of a catalogue as a commit would record them, oldest first.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``.
    load_ids : collection of str, optional
        Of which loads; of all by default.
    """
    ids = None if load_ids is None else list(load_ids)
    rows = _rows(connection, "loads", ids)
    owned = {
        name: _by_load(_rows(connection, table, ids))
        for name, table in (
            ("quarantined", "quarantine"),
            ("totals", "load_totals"),
            ("files_in_place", "files_in_place"),
            ("files_at_rest", "files_at_rest"),
        )
    }
    # A manifest records, as its folder does, the name under which the load was landed.
    names = landed_sources(connection)
    for row in rows:
        row["source"] = names.get(row["load_id"], row["source"])
    return [_load(row, owned) for row in rows]


def _load(row: dict[str, Any], owned: dict[str, dict[str, list[Any]]]) -> NewLoad:
    parts = {name: rows.get(row["load_id"], []) for name, rows in owned.items()}
    for total in parts["totals"]:
        total["amounts"] = total.pop("first_amount"), total.pop("second_amount")
        total["sketch"] = total["sketch"] or ()
        total["outline"] = total["outline"] or ()
        total["span"] = total.pop("first_charge_at"), total.pop("last_charge_at")
        total["accounts"] = total.pop("first_account"), total.pop("last_account")
    return _adapter().validate_python(row | parts)


def _rows(
    connection: duckdb.DuckDBPyConnection, table: str, load_ids: list[str] | None
) -> list[dict[str, Any]]:
    cursor = connection.execute(
        f"FROM catalogue.{table} WHERE $ids IS NULL OR list_contains($ids, load_id)"
        " ORDER BY load_id",
        {"ids": load_ids},
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _by_load(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row["load_id"], []).append(row)
    return found


@cache
def _adapter() -> TypeAdapter[NewLoad]:
    # Slow to load, and an ingest that finds nothing new writes no manifest.
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(NewLoad)
