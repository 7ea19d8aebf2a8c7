"""Load incidents by week of creation, again where a week has changed.

For systems that return the present state of an incident, by creation time: a state that
was seen stays seen, so a changed week is loaded beside the week before. Only recent
weeks are requested again, and further back if the last change that was seen is older.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.connector import Delivery, Window
    from ingest.engine.remembered_loads import RememberedLoads
    from ingest.reading.text_rows import Row

INCIDENTS = "incidents"


@dataclass(frozen=True, slots=True)
class IncidentWeeks:
    """The weeks that were loaded of a source.

    Parameters
    ----------
    loads : RememberedLoads
        Past loads of the source.
    reading : str
        Changes whenever the same answers would become other rows; all is read again
        then.
    """

    loads: RememberedLoads
    reading: str

    def since(
        self, now: datetime, *, first: datetime, reread: timedelta, window: Window
    ) -> datetime:
        """Return from which time of creation on incidents are asked for."""
        newest = self.loads.newest(INCIDENTS, begins=self._group(""))
        since = first
        if newest is not None:
            since = max(first, min(now, newest) - reread)
        if window.start is not None:
            since = min(since, datetime.combine(window.start, time(tzinfo=UTC)))
        return since

    def offers(
        self, rows: Iterable[Sequence[Row]], *, now: datetime, label: str
    ) -> Iterator[Delivery]:
        """Yield the weeks of incidents, each incident given as its rows."""
        weeks: dict[date | None, list[Row]] = defaultdict(list)
        for row in rows:
            weeks[_monday(row[0].get("created_at"))].extend(row)
        for monday, found in sorted(weeks.items(), key=lambda item: str(item[0])):
            yield self.loads.offer(
                INCIDENTS,
                self._group(str(monday or "unknown")),
                found,
                now=now,
                label=f"{label} of the week of {monday or 'an unknown time'}",
            )

    def _group(self, week: str) -> str:
        return f"{self.reading}/{week}"


def _monday(created_at: str | None) -> date | None:
    try:
        day = datetime.fromisoformat(created_at or "").date()
    except ValueError:
        return None
    return day - timedelta(days=day.weekday())
