"""What sources have in common that poll a system, and remember what they loaded of it.

Each delivery holds its rows already, as
:class:`~ingest.engine.remembered_loads.RememberedLoads` offers them; so reading one is
handing them over, and what is left to a connector is which streams there are, how it
probes, and what it asks.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.connector import ConfigT, Source
from ingest.engine.remembered_loads import RememberedLoads
from ingest.reading.text_rows import text_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ingest.connector import Delivery, Part


class PolledSource(Source[ConfigT]):
    """A source that polls a system; one subclass for each type."""

    def __init__(self, config: ConfigT, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._loads = RememberedLoads()

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

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)
