"""The figures of a month that is being closed, offered as evidence.

Not a source that anybody configures: ``triptych close`` builds it from the published
figures and passes it to the runner, which lands and commits them like any delivery.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from ingest.connector import (
    Delivery,
    Finding,
    LandingOptions,
    RowsPart,
    SourceConfig,
    Window,
)
from ingest.streams.locked_months import LOCK_ID, LOCKED_STREAMS, PERIOD_START
from triptych.core.warehouse.frozen_marts import FROZEN_MARTS

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class ClosedMonth:
    """Source that offers the rows of each frozen mart as a delivery.

    Parameters
    ----------
    billing_month : str
        ``YYYY-MM``.
    lock_id : str
        The lock that the rows belong to.
    content_hash : str
        Of all of them; see :mod:`triptych.core.warehouse.frozen_marts`.
    figures : mapping of str to pyarrow.Table
        The rows by the name of their mart, with its columns and types. A mart
        without a row in the month offers nothing.
    """

    type: ClassVar[str] = "closed_months"
    Config: ClassVar[builtins.type[SourceConfig]] = SourceConfig

    def __init__(
        self,
        billing_month: str,
        *,
        lock_id: str,
        content_hash: str,
        figures: Mapping[str, pa.Table],
    ) -> None:
        self.config = SourceConfig(name="closed-months", type=self.type)
        self._month = billing_month
        self._lock_id = lock_id
        self._content_hash = content_hash
        self._figures = figures

    def streams(self) -> Sequence[str]:
        """Return the internal streams."""
        return tuple(LOCKED_STREAMS)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002  (protocol)
        """Return that nothing is mapped: the columns have their names already."""
        return LandingOptions()

    def check(self) -> list[Finding]:
        """Return nothing: there is nothing to reach."""
        return []

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        """Offer each mart that has rows."""
        for mart in FROZEN_MARTS:
            rows = self._figures[mart.name]
            if rows.num_rows:
                yield Delivery(
                    stream=mart.stream,
                    scope=self._lock_id,
                    period=self._month,
                    fingerprint=self._content_hash,
                    label=f"{mart.name} of {self._month}",
                    detail=rows,
                )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[RowsPart]:  # noqa: ARG002
        """Hand over the rows with the lock that they belong to."""
        rows = delivery.detail
        assert isinstance(rows, pa.Table)  # noqa: S101  (deliveries() put it there)
        start = datetime.fromisoformat(f"{self._month}-01")
        count = rows.num_rows
        rows = rows.append_column(LOCK_ID, pa.array([self._lock_id] * count))
        rows = rows.append_column(
            PERIOD_START, pa.array([start] * count, pa.timestamp("us"))
        )
        yield RowsPart(rows.to_batches(), rows.schema, delivery.label)
