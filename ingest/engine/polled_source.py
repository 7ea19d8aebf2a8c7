"""What sources have in common that poll a system, and remember what they loaded of it.

Each delivery holds its rows already, as
:class:`~ingest.engine.remembered_loads.RememberedLoads` offers them; so reading one is
handing them over, and what is left to a connector is which streams there are, how it
probes, and what it asks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from ingest.connector import LandingOptions, SourceConfig
from ingest.engine.remembered_loads import RememberedLoads
from ingest.reading.text_rows import text_rows

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.connector import Delivery, Part

ConfigT = TypeVar("ConfigT", bound=SourceConfig)


class PolledSource(ABC, Generic[ConfigT]):
    """A source that polls a system; one subclass for each type.

    Parameters
    ----------
    config : SourceConfig
        The options of the type.
    root : pathlib.Path
        The workspace, of which nothing is read.
    """

    type: ClassVar[str]
    Config: ClassVar[builtins.type[SourceConfig]]

    def __init__(self, config: ConfigT, *, root: Path) -> None:  # noqa: ARG002
        self._config = config
        self._loads = RememberedLoads()

    @property
    def config(self) -> ConfigT:
        """Return the configuration."""
        return self._config

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        """Return nothing to map: rows are handed over under canonical names."""
        return LandingOptions()

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Take what was noted with the loads of this source."""
        self._loads.learn(memos)

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:  # noqa: ARG002
        """Hand over the rows of one delivery."""
        rows: Any = delivery.detail
        yield text_rows(delivery.stream, rows, self._origin(delivery))

    @abstractmethod
    def _origin(self, delivery: Delivery) -> str:
        """Return where the rows of a delivery come from, as the lake keeps it."""

    @property
    def _where(self) -> str:
        """What messages call the source."""
        return f"source {self._config.name!r}"

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)
