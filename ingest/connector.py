"""Connector protocol: offer deliveries, and read them on request.

A connector never opens the lake, the catalogue or the settings. It receives its own
typed configuration and a window, offers *deliveries*, and reads a delivery on request.
The runner decides which deliveries are new, lands them, checks every row, and commits.
Because that division is the same for all, a shared suite (:mod:`ingest.testing`) proves
every connector.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    get_args,
    runtime_checkable,
)

from pydantic import BaseModel, ConfigDict

from ingest.notation import Notation
from triptych.core.errors import TriptychError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

FileFormat = Literal["parquet", "csv", "jsonl"]


class SourceConfig(BaseModel):
    """Options common to every source in ``triptych.yml``, of any type.

    Unknown keys are refused. A secret is never a key: connectors use the
    environment or the provider's own credential chain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: str
    expected_lag_hours: int = 48
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open range of UTC days that the user asked for; ``None`` is unbounded."""

    start: date | None = None
    end: date | None = None

    def overlaps_month(self, period: str) -> bool:
        """Return True if billing month ``YYYY-MM`` has a day in the window."""
        year, month = (int(part) for part in period.split("-")[:2])
        first = date(year, month, 1)
        following = date(year + month // 12, month % 12 + 1, 1)
        starts_before_end = self.end is None or first < self.end
        ends_after_start = self.start is None or following > self.start
        return starts_before_end and ends_after_start


@dataclass(frozen=True, slots=True)
class Delivery:
    """Unit that a source offers, committed as a whole or not at all.

    Parameters
    ----------
    stream : str
        Name of the stream in :mod:`ingest.streams` that its rows belong to.
    scope : str
        Identity that a later delivery replaces. Two deliveries of a source with the
        same stream and scope never both count: the newer supersedes the older.
        Examples: a file's path below the source folder; ``<export>/2026-03``.
    period : str
        Path segment in the lake: ``YYYY-MM`` where the scope is a single billing month,
        else ``all``.
    fingerprint : str
        Changes whenever the content may have changed (ETags of a manifest and its
        objects, checksum of a file, newest export time). Equal to that of the
        current load: the runner skips the delivery without reading it.
    label : str
        Name in messages: a path or URI that the user recognises.
    detail : object
        Data that the connector needs to read it later; opaque to the runner.
    skip_reason : str
        Reason not to read it although it is there, such as a data set that no stream
        takes; the run reports it. Empty: read it.
    is_in_place : bool
        Its files are catalogued where they are, without a copy.
    memo : str
        Memo about this load, passed to the connector at the next run if it
        :class:`RemembersLoads`. A memo that changed is kept although the rows did not.
    byte_count : int or None
        Size of the local file that is the whole delivery; small files are read
        together. ``None``: it is something else, or has to be fetched.
    """

    stream: str
    scope: str
    period: str
    fingerprint: str
    label: str
    detail: object = field(default=None, compare=False)
    skip_reason: str = ""
    is_in_place: bool = False
    memo: str = ""
    byte_count: int | None = None


@dataclass(frozen=True, slots=True)
class RestingPlace:
    """Location of a file that is catalogued without a copy.

    ``uri`` is the address that engines read, ``s3://…`` or an absolute path;
    ``version`` changes whenever its content may have changed.
    """

    uri: str
    version: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file on local disk that belongs to a delivery.

    ``path`` is either the user's own file (``is_owned`` false: it is copied, never
    moved) or a file that the connector wrote into its working folder (``is_owned``
    true: it is moved). ``uri`` is its origin.

    ``landing`` gives the options for reading this file, where its own header decides
    them; ``None``: those of :meth:`Connector.landing`. A file that does not hold as
    many rows as ``row_count``, which its manifest announces, refuses the delivery.

    ``in_place`` means that the file stays where it is: ``path`` is then read once and
    not kept.
    """

    path: Path
    format: FileFormat
    uri: str
    is_owned: bool
    delimiter: str = ","
    encoding: str = "utf-8"
    landing: LandingOptions | None = None
    row_count: int | None = None
    in_place: RestingPlace | None = None


@dataclass(frozen=True, slots=True)
class RowsPart:
    """Rows from an API, as Arrow batches of a single schema."""

    batches: Iterable[pa.RecordBatch]
    schema: pa.Schema
    uri: str


Part = FilePart | RowsPart


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding that ``triptych check`` reports about a source.

    ``is_empty`` marks a place that is there and holds nothing yet.
    """

    is_ok: bool
    message: str
    next_step: str = ""
    is_empty: bool = False

    @classmethod
    def of(cls, error: TriptychError) -> Finding:
        """Return the finding for an error that a probe raised."""
        return cls(False, error.located, error.next_step)


@dataclass(frozen=True, slots=True)
class LandingOptions:
    """Options for reading the parts that a connector yields.

    ``mapping`` renames or computes: canonical column → DuckDB SQL expression over the
    delivered columns (a bare column name is the common case). ``defaults`` fill columns
    that were not delivered. ``notation`` is the format of numbers and dates; the values
    of each file decide anything it leaves open.
    """

    mapping: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    notation: Notation = field(default_factory=Notation)


@runtime_checkable
class Connector(Protocol):
    """Connector protocol; an instance is bound to a source's configuration.

    Attributes
    ----------
    type : str
        The ``type:`` in ``triptych.yml``; equals the module's name.
    Config : type[SourceConfig]
        Typed configuration with every key described.
    """

    type: ClassVar[str]
    Config: ClassVar[builtins.type[SourceConfig]]

    @property
    def config(self) -> SourceConfig:
        """The configuration that the instance is bound to."""

    def __init__(self, config: SourceConfig, *, root: Path) -> None:
        """Bind to a configuration; ``root`` resolves relative paths. No I/O."""

    def streams(self) -> Sequence[str]:
        """Return the names of the streams that this source can deliver."""

    def landing(self, stream: str) -> LandingOptions:
        """Return how the stream's parts are mapped to canonical columns."""

    def check(self) -> list[Finding]:
        """Probe reachability, credentials and layout without reading data."""

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield current deliveries, oldest first; lists, reads manifests only."""

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:
        """Yield the parts of a delivery; downloads go below ``workdir``.

        Raises
        ------
        triptych.core.errors.TransientSourceError
            Trying again can help; nothing of the delivery is committed.
        triptych.core.errors.FatalSourceError
            Trying again cannot help.
        """


ConfigT = TypeVar("ConfigT", bound=SourceConfig)


class Source(ABC, Generic[ConfigT]):
    """Base class for most connectors; subclassing it is a convenience.

    A subclass sets ``type`` and writes ``streams``, ``probe``, ``deliveries`` and
    ``read``. Its ``Config`` is the configuration that it is a source of:
    ``class Acme(Source[AcmeConfig])``.
    """

    type: ClassVar[str]
    Config: ClassVar[builtins.type[SourceConfig]]

    def __init_subclass__(cls) -> None:
        """Set the configuration from the type parameter unless the class has it."""
        super().__init_subclass__()
        bases = () if "Config" in vars(cls) else vars(cls).get("__orig_bases__", ())
        for config in chain.from_iterable(map(get_args, bases)):
            if isinstance(config, type) and issubclass(config, SourceConfig):
                cls.Config = config

    def __init__(self, config: ConfigT, *, root: Path) -> None:  # noqa: ARG002
        self._config = config

    @property
    def config(self) -> ConfigT:
        """Return the configuration."""
        return self._config

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return no mapping: rows have canonical names, or files name theirs."""
        return LandingOptions()

    def check(self) -> list[Finding]:
        """Return the findings of a probe, up to its failure."""
        findings: list[Finding] = []
        try:
            findings.extend(self.probe())
        except TriptychError as error:
            findings.append(Finding.of(error))
        return findings

    @abstractmethod
    def probe(self) -> Iterator[Finding]:
        """Yield findings on reachability, credentials and layout."""

    @property
    def _where(self) -> str:
        """Return the name of the source in messages."""
        return f"source {self._config.name!r}"

    def _digest_of(self, *options: str) -> str:
        """Return a digest of these options of the source."""
        told = self._config.model_dump(mode="json", include=set(options))
        text = json.dumps(told, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@runtime_checkable
class RemembersLoads(Protocol):
    """Connector that receives its source's past loads before it offers more.

    For sources that forget: only the loads show whether a list is the same as the last
    time, and since when.
    """

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Take the memo of each current load, by stream and scope."""


__all__ = [
    "Connector",
    "Delivery",
    "FileFormat",
    "FilePart",
    "Finding",
    "LandingOptions",
    "Part",
    "RemembersLoads",
    "RestingPlace",
    "RowsPart",
    "Source",
    "SourceConfig",
    "Window",
]
