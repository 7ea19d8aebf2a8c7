"""Base for vendors of coding assistants: a daily bill, seats today, and use by team.

A vendor names people. They are counted by team here, and nothing else leaves this
module: neither a name nor a hash of one lands, is logged or is in a message.

A list of seats is of now, so the reading of each day is kept; a later reading of the
same day replaces it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from pydantic import Field

from ingest.connector import Delivery, Part, Window
from ingest.reading.text_rows import Row, text_rows
from ingest.sources.llm_providers import llm_provider
from ingest.sources.llm_providers.llm_provider import (
    COSTS,
    LlmProvider,
    LlmProviderConfig,
)
from ingest.sources.llm_providers.team_members import TeamMembers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.sources.llm_providers.llm_pages import Client

ASSISTANT_USE = "assistant_use"
#: A seat is active if its person used it in so many days.
ACTIVE_DAYS = 28


class AssistantConfig(LlmProviderConfig):
    """Options of every source that is the vendor of a coding assistant."""

    teams_file: str | None = Field(
        default=None,
        min_length=1,
        description="CSV with the columns person, team_id, valid_from and valid_to,"
        " relative to the workspace; it is read and never loaded.",
    )

    labels: ClassVar[frozenset[str]] = frozenset(
        {"project_id", "line_item", "cost_type", "provider_model"}
    )


@dataclass(frozen=True, slots=True)
class Seat:
    """Seat of a person, in memory only."""

    person: str
    team_id: str | None = None
    plan: str | None = None
    last_active: datetime | None = None
    is_ending: bool = False


@dataclass(frozen=True, slots=True)
class _Today:
    """Moment at which seats are asked about."""

    moment: datetime


AssistantConfigT = TypeVar("AssistantConfigT", bound=AssistantConfig)


class CodingAssistant(LlmProvider[AssistantConfigT]):
    """Source that is a vendor of a coding assistant; a subclass for each vendor.

    Attributes
    ----------
    reads_seats : bool
        Its vendor lists seats.
    """

    reads_seats: ClassVar[bool] = True

    def __init__(self, config: AssistantConfigT, *, root: Path) -> None:
        super().__init__(config, root=root)
        file = config.teams_file
        path = None if file is None else root / Path(file).expanduser()
        self._teams = TeamMembers(path, where=f"source {config.name!r}")

    def streams(self) -> Sequence[str]:
        """Return the bill, and the seats and their use."""
        return (COSTS, ASSISTANT_USE) if self._config.usage else (COSTS,)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each month, and the seats of today."""
        yield from super().deliveries(window)
        now = llm_provider._now()  # noqa: SLF001  (one clock for one base)
        today = now.date()
        is_asked = (window.start is None or window.start <= today) and (
            window.end is None or today < window.end
        )
        if self.reads_seats and self._config.usage and is_asked and not self._recorded:
            yield Delivery(
                stream=ASSISTANT_USE,
                scope=f"seats {today}",
                period=f"{today:%Y-%m}",
                fingerprint=f"{now.isoformat()} {self._digest(now)}",
                label=f"{self.title} seats of {today}",
                detail=_Today(now),
            )

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:
        """Request a month or the seats of today, and yield rows without people."""
        if not isinstance(delivery.detail, _Today):
            yield from super().read(delivery, workdir)
            return
        with self._open() as client:
            rows = self._seat_rows(self._seats(client), delivery.detail.moment)
        yield text_rows(delivery.stream, rows, delivery.label)

    @abstractmethod
    def _seats(self, client: Client) -> Iterable[Seat]:
        """Return the seats that are assigned now."""

    def _seat_rows(self, seats: Iterable[Seat], now: datetime) -> list[Row]:
        """Count seats by team and plan."""
        since = now - timedelta(days=ACTIVE_DAYS)
        counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for seat in seats:
            team = self._teams.team_of(seat.person, now.date()) or seat.team_id
            count = counts[team or "", seat.plan or ""]
            count["assigned_seats"] += 1
            is_active = seat.last_active is not None and seat.last_active >= since
            count["active_seats"] += is_active
            count["ending_seats"] += seat.is_ending
        return [
            {
                **self._use_of(now.date().isoformat(), team),
                "plan": plan or None,
                **{name: str(value) for name, value in count.items()},
            }
            for (team, plan), count in sorted(counts.items())
        ]

    def _use_of(self, day: str, team: str) -> Row:
        """Return the assistant, the team and the day of a row."""
        return {
            "period_start": day,
            "assistant": self.type,
            "team_id": team or None,
        }

    def _projects(self, client: Client) -> dict[str, str]:  # noqa: ARG002
        return {}

    def _digest(self, start: datetime) -> str:
        return f"{super()._digest(start)} {self._teams.fingerprint()}"


def parse_moment(text: object) -> datetime | None:
    """Return a moment in UTC, or ``None`` for an empty value."""
    if not isinstance(text, str) or not text:
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def day_row(day: datetime) -> Row:
    """Return the span of a day in UTC, as columns."""
    return {
        "period_start": day.isoformat(),
        "period_end": (day + timedelta(days=1)).isoformat(),
    }
