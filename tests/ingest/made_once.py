"""What every ingest of a test would begin anew, made once for all of a process.

It is the real thing: an engine that another ingest has done with, and the catalogue
that a first ingest lays out.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from ingest.engine import lake
from ingest.engine.delivery_landing import DeliveryLanding
from ingest.engine.lake import LakePlaces, open_catalogue

if TYPE_CHECKING:
    import pytest

    from triptych.core.lake.catalogue import Catalogue

_IDLE: list[duckdb.DuckDBPyConnection] = []
_begin, _end = DeliveryLanding._begin, DeliveryLanding._end


def make_once(patch: pytest.MonkeyPatch) -> None:
    """Let ingests take engines that are idle, and catalogues that are laid out."""
    patch.setattr(DeliveryLanding, "_begin", staticmethod(_idle_or_begun))
    patch.setattr(DeliveryLanding, "_end", staticmethod(_let_idle))
    patch.setattr(lake, "open_catalogue", _laid_out)


def _idle_or_begun() -> duckdb.DuckDBPyConnection:
    return _IDLE.pop() if _IDLE else _begin()


def _let_idle(engine: duckdb.DuckDBPyConnection) -> None:
    try:
        engine.execute("RESET threads")
        engine.execute("RESET temp_directory")
    except duckdb.Error:  # It has spilled, or an error has ended it.
        _end(engine)
    else:
        _IDLE.append(engine)


def _laid_out(places: LakePlaces) -> Catalogue:
    if places.root.is_dir() and not (
        places.raw_database.exists() or places.lake.exists()
    ):
        places.raw_database.write_bytes(_new_catalogue())
    return open_catalogue(places)


@functools.cache
def _new_catalogue() -> bytes:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        lake_folder = root / "lake"
        places = LakePlaces(
            root, lake_folder, lake_folder / ".staging", root / "raw.duckdb"
        )
        open_catalogue(places).close()
        return places.raw_database.read_bytes()
