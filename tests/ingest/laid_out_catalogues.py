"""The catalogue that a first ingest lays out, made once for all of a process."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.engine import lake
from ingest.engine.lake import LakePlaces, open_catalogue

if TYPE_CHECKING:
    import pytest

    from triptych.core.lake.catalogue import Catalogue


def begin_laid_out(patch: pytest.MonkeyPatch) -> None:
    """Let ingests begin with a catalogue that is laid out."""
    patch.setattr(lake, "open_catalogue", _laid_out)


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
