"""The state of a workspace, without what only names a moment.

Two workspaces of one state have the same files, rows of the catalogue and evidence, and
differ in identifiers of runs, hashes over those, and times. What a run does with one of
them it does with the other.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import duckdb

from tests.campaigns.crash_acts import facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Names of runs, moments, and hashes.
_VOLATILE = re.compile(
    r"\d{8}T\d{12}Z-[0-9a-f]{4}|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.\d]*|[0-9a-f]{12,}"
)
_DATABASES = {".duckdb", ".wal"}


def state_of(root: Path) -> str:
    """Return a digest of everything that a next run may depend on."""
    names: dict[str, str] = {}

    def named_in_turn(match: re.Match[str]) -> str:
        # The first moment, the second: what refers to the same stays the same.
        return names.setdefault(match[0], f"#{len(names)}")

    with duckdb.connect() as engine:
        text = "\n".join((*_files(root, engine), *_catalogue(root)))
    relative = _VOLATILE.sub(named_in_turn, text)
    return hashlib.sha256(f"{relative}\n{facts(root)}".encode()).hexdigest()


def _files(root: Path, engine: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        yield path.relative_to(root).as_posix()
        if path.name == "raw.duckdb":
            continue  # its rows are read from the catalogue
        if path.suffix in _DATABASES:
            # In capitals, so that it is not taken for the hash of a moment.
            yield hashlib.sha256(path.read_bytes()).hexdigest().upper()
        elif path.suffix == ".parquet":
            yield _rows(path, engine)
        else:
            yield path.read_bytes().decode("utf-8", errors="replace")


def _rows(path: Path, engine: duckdb.DuckDBPyConnection) -> str:
    read = "SELECT t::VARCHAR FROM read_parquet(?) t"
    try:
        return str(engine.execute(read, [str(path)]).fetchall())
    except duckdb.Error:
        return f"{path.stat().st_size} bytes that cannot be read"


def _catalogue(root: Path) -> Iterator[str]:
    from triptych.core.lake.catalogue_file import connect

    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        tables = raw.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE' ORDER BY ALL"
        ).fetchall()
        for (table,) in tables:
            rows = raw.execute(f"SELECT t::VARCHAR FROM catalogue.{table} t").fetchall()
            yield f"{table}: {rows}"
