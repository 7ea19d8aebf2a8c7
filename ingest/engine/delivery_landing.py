"""Reads deliveries and lands their parts in the staging area, on one engine for all."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Self

import duckdb

from ingest.engine.lake import ALL_STREAMS
from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.connector import Connector, Delivery
    from ingest.engine.lake import LakePlaces
    from ingest.engine.landed_loads import LandedDelivery


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """What the embedded engine may use while landing."""

    memory_limit: str = "2GB"
    threads: int | None = None


class DeliveryLanding:
    """Lands deliveries; may be used by several threads at once.

    Parameters
    ----------
    places : LakePlaces
        Where to put things.
    run_id : str
        Run that the loads will belong to; their ids begin with it.
    limits : EngineLimits
        Memory and threads, for all that land at the same time.
    """

    def __init__(
        self, places: LakePlaces, *, run_id: str, limits: EngineLimits
    ) -> None:
        self._places = places
        self._run_id = run_id
        self._limits = limits
        self._lock = Lock()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._load_count = 0

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the engine."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def next_folder(self) -> Path:
        """Return the folder of the staging area for one more load, in their order."""
        self._load_count += 1
        return self._places.staging / f"{self._run_id}-{self._load_count:05d}"

    def land(
        self, connector: Connector, delivery: Delivery, fingerprint: str, folder: Path
    ) -> LandedDelivery:
        """Read a delivery, bring its parts to rest in ``folder`` and judge its rows.

        Raises
        ------
        TriptychError
            It cannot be had, or cannot be read, or is mostly bad.
        """
        # An ingest that finds nothing new lands nothing.
        from ingest.engine.landed_loads import landed_delivery
        from ingest.engine.landing import Lander

        stream = ALL_STREAMS[delivery.stream]
        workdir, out = folder / "work", folder / "parts"
        workdir.mkdir(parents=True)
        out.mkdir()
        with self._connection() as connection:
            lander = Lander(
                connection, stream=stream, options=connector.landing(stream.name)
            )
            parts = tuple(
                lander.land(part, out / f"part-{number:05d}.parquet")
                for number, part in enumerate(connector.read(delivery, workdir))
            )
        return landed_delivery(
            delivery,
            parts,
            source=connector.config.name,
            run_id=self._run_id,
            fingerprint=fingerprint,
            folder=folder,
            places=self._places,
        )

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Return a session of the engine, which is started when it is first needed.

        An engine takes ten times as long to start as a session does.
        """
        with self._lock:
            if self._engine is None:
                self._engine = self._started()
            session = self._engine.cursor()
        with session:
            session.execute("SET TimeZone = 'UTC'")
            yield session

    def _started(self) -> duckdb.DuckDBPyConnection:
        engine = duckdb.connect(":memory:")
        engine.execute("SET preserve_insertion_order = true")
        engine.execute(f"SET memory_limit = '{self._limits.memory_limit}'")
        spill = literal(str(self._places.staging / "spill"))
        engine.execute(f"SET temp_directory = {spill}")
        if self._limits.threads is not None:
            engine.execute(f"SET threads = {self._limits.threads}")
        return engine
