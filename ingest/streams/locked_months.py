"""The figures of closed months: evidence that triptych writes itself.

No source can deliver these streams, which is why they are not among ``STREAMS``: a row
counts only where the audit log records that its lock is in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.streams.schema import TEXT, TIMESTAMP, Column, Stream, required
from triptych.core.warehouse.frozen_marts import FROZEN_MARTS

if TYPE_CHECKING:
    from triptych.core.warehouse.frozen_marts import FrozenMart

#: Names that every row has beside the columns of its mart.
LOCK_ID, PERIOD_START = "lock_id", "billing_period_start"


def _stream(mart: FrozenMart) -> Stream:
    return Stream(
        name=mart.stream,
        period_column=PERIOD_START,
        columns=(
            required(TEXT, LOCK_ID),
            required(TIMESTAMP, PERIOD_START),
            *(Column(name, type_) for name, type_ in mart.columns.items()),
        ),
    )


#: By name; the catalogue has a view for each, as for every stream.
LOCKED_STREAMS: dict[str, Stream] = {
    mart.stream: _stream(mart) for mart in FROZEN_MARTS
}
