"""Read deliveries and land their parts in staging, on a shared engine."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Self

from ingest.connector import FilePart
from ingest.engine.lake import ALL_STREAMS
from ingest.reading.malformed import BAD_DATA
from triptych.core.spare_engines import spare_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from ingest.connector import Connector, Delivery
    from ingest.engine.lake import LakePlaces
    from ingest.engine.landed_loads import LandedDelivery
    from ingest.engine.parquet_at_rest import LandedPart
    from ingest.engine.small_files import SmallFile


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Limits on the embedded engine while landing."""

    memory_limit: str = "2GB"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that is to land, and its folder of the staging area."""

    delivery: Delivery
    fingerprint: str
    folder: Path

    @property
    def workdir(self) -> Path:
        """Working folder for files that the connector fetches."""
        return self.folder / "work"

    @property
    def parts(self) -> Path:
        """Folder of its parts, until they are moved into the lake."""
        return self.folder / "parts"

    @property
    def target(self) -> Path:
        """Path of its first part."""
        return self.parts / "part-00000.parquet"

    def make_folders(self) -> None:
        """Make both folders, if they are not there."""
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.parts.mkdir(exist_ok=True)


class DeliveryLanding:
    """Lands deliveries; may be used by several threads at once.

    Parameters
    ----------
    places : LakePlaces
        Target locations.
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
        self._opened = ExitStack()
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._load_count = 0

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the engine go."""
        self._engine = None
        self._opened.close()

    def next_folder(self) -> Path:
        """Return the staging folder of the next load, in load order."""
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
        with self._connection() as connection:
            each = NewDelivery(delivery, fingerprint, folder)
            return self._land_alone(connection, connector, each)

    def land_together(
        self, connector: Connector, new: Sequence[NewDelivery]
    ) -> list[LandedDelivery | Exception]:
        """Land deliveries of a stream, each as if alone; return their results.

        Small files that are read alike share a single query.
        """
        from ingest.engine.small_files import SmallFiles

        outcomes: list[LandedDelivery | Exception] = []
        with self._connection() as connection:
            landed: dict[Path, LandedPart] = {}
            if len(new) > 1:
                stream = new[0].delivery.stream
                small = SmallFiles(
                    connection, ALL_STREAMS[stream], connector.landing(stream)
                )
                landed = small.land(list(_small_files(connector, new)))
            for each in new:
                try:
                    part = landed.get(each.target)
                    outcomes.append(
                        self._land_alone(connection, connector, each)
                        if part is None
                        else self._landed(connector, each, (part,))
                    )
                except BAD_DATA as error:
                    outcomes.append(error)
        return outcomes

    def _land_alone(
        self,
        connection: duckdb.DuckDBPyConnection,
        connector: Connector,
        each: NewDelivery,
    ) -> LandedDelivery:
        # An ingest that finds nothing new lands nothing.
        from ingest.engine.landing import Lander

        stream = ALL_STREAMS[each.delivery.stream]
        each.make_folders()
        lander = Lander(
            connection, stream=stream, options=connector.landing(stream.name)
        )
        parts = connector.read(each.delivery, each.workdir)
        landed = tuple(
            lander.land(part, each.parts / f"part-{number:05d}.parquet")
            for number, part in enumerate(parts)
        )
        return self._landed(connector, each, landed)

    def _landed(
        self, connector: Connector, each: NewDelivery, parts: Sequence[LandedPart]
    ) -> LandedDelivery:
        from ingest.engine.landed_loads import landed_delivery

        return landed_delivery(
            each.delivery,
            parts,
            source=connector.config.name,
            run_id=self._run_id,
            fingerprint=each.fingerprint,
            folder=each.folder,
            places=self._places,
        )

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Return a session of the engine, which is begun when it is first needed."""
        with self._lock:
            if self._engine is None:
                self._engine = self._begun()
            session = self._engine.cursor()
        with session:
            session.execute("SET TimeZone = 'UTC'")
            yield session

    def _begun(self) -> duckdb.DuckDBPyConnection:
        settings: dict[str, str | int | None] = {
            "memory_limit": self._limits.memory_limit,
            "temp_directory": str(self._places.staging / "spill"),
            "threads": self._limits.threads,
        }
        return self._opened.enter_context(spare_engine(settings))


def _small_files(
    connector: Connector, new: Sequence[NewDelivery]
) -> Iterator[SmallFile]:
    """Yield the files of deliveries that consist of a single file."""
    from ingest.engine.small_files import SmallFile

    for each in new:
        each.make_folders()
        try:
            parts = list(connector.read(each.delivery, each.workdir))
        except BAD_DATA:
            continue
        # A part that is written down while it is read is read when it lands, and only
        # once.
        if len(parts) == 1 and isinstance(parts[0], FilePart) and not parts[0].is_owned:
            yield SmallFile(parts[0], each.target)
