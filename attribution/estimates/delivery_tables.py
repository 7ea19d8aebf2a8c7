"""Tables of the schema ``estimates`` for times of delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_COHORT: Final = dict.fromkeys(
    ("metric", "scope_kind", "scope_id", "cohort_kind", "cohort"), "VARCHAR"
)
#: Table → column → type.
DELIVERY_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "delivery_times_to_event": {
        **_COHORT,
        "item_count": "BIGINT",
        "event_count": "BIGINT",
        "median_seconds": "DOUBLE",
        "median_seconds_low": "DOUBLE",
        "median_seconds_high": "DOUBLE",
        "median_seconds_of_ended": "DOUBLE",
        "longest_seconds": "DOUBLE",
    },
    "delivery_conversions": {
        **_COHORT,
        "last_started_at": "TIMESTAMP",
        "horizon_days": "INTEGER",
        "item_count": "BIGINT",
        "followed_count": "BIGINT",
        "event_count": "BIGINT",
        "share": "DOUBLE",
        "share_low": "DOUBLE",
        "share_high": "DOUBLE",
    },
}
