"""Base for sources that poll a system and remember loaded states.

Each delivery holds its rows already, as
:class:`~ingest.engine.remembered_loads.RememberedLoads` offers them; so reading a
delivery yields them, and a connector only defines its streams, its probe, and its
requests.
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
    """Source that polls a system; a subclass for each type."""

    def __init__(self, config: ConfigT, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._loads = RememberedLoads()

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Accept the notes kept with the loads of this source."""
        self._loads.learn(memos)

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:  # noqa: ARG002
        """Yield the rows of a delivery."""
        rows: Any = delivery.detail
        yield text_rows(delivery.stream, rows, self._origin(delivery))

    @abstractmethod
    def _origin(self, delivery: Delivery) -> str:
        """Return where the rows of a delivery come from, as the lake keeps it."""

    @staticmethod
    def _now() -> datetime:
        return datetime.now(UTC)
