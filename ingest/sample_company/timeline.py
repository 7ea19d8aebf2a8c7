"""Months of the sample company, and the changes in them.

Eighteen months end in October 2026: six on managed Kubernetes, three of migration, nine
on the hybrid. Another number of months ends there too and keeps the proportions, so
each event stays in its phase.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from triptych.core.errors import UsageError

Phase = Literal["managed_kubernetes", "migration", "hybrid"]
PHASES: Final[tuple[Phase, ...]] = ("managed_kubernetes", "migration", "hybrid")

LAST_MONTH: Final = date(2026, 10, 1)
FEWEST_MONTHS: Final = 6
MOST_MONTHS: Final = 36
HOURS_PER_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class Month:
    """Billing month; ``index`` counts from the first month of the company."""

    index: int
    first_day: date
    phase: Phase

    @property
    def label(self) -> str:
        """Return the month as ``YYYY-MM``."""
        return f"{self.first_day:%Y-%m}"

    @property
    def end(self) -> date:
        """Return the first day of the following month."""
        return add_months(self.first_day, 1)

    @property
    def day_count(self) -> int:
        """Return the number of days."""
        return (self.end - self.first_day).days

    @property
    def hour_count(self) -> int:
        """Return the number of hours."""
        return self.day_count * HOURS_PER_DAY


@dataclass(frozen=True, slots=True)
class Timeline:
    """All months, and the moments at which something changes.

    Parameters
    ----------
    months : tuple of Month
        In order.
    euro_index : int
        First month that AWS bills in euros; before, it bills in dollars.
    commitment_indexes : range
        Months of the commitment's term, which lies inside the timeline.
    """

    months: tuple[Month, ...]
    euro_index: int
    commitment_indexes: range

    @property
    def first_day(self) -> date:
        """Return the first day."""
        return self.months[0].first_day

    @property
    def end(self) -> date:
        """Return the day after the last day."""
        return self.months[-1].end

    @property
    def day_count(self) -> int:
        """Return the number of days."""
        return (self.end - self.first_day).days

    @property
    def migration_index(self) -> int:
        """Return the index of the first month of the migration."""
        return self.first_of("migration").index

    @property
    def renamed_on(self) -> date:
        """Return the day from which resources carry ``model``, not ``ml_model``."""
        return self.first_of("migration").first_day

    @property
    def retired_on(self) -> date:
        """Return the day on which the first ETA model is gone."""
        return self.first_of("hybrid").first_day

    def first_of(self, phase: Phase) -> Month:
        """Return the first month of a phase."""
        return next(month for month in self.months if month.phase == phase)

    def of(self, phase: Phase) -> tuple[Month, ...]:
        """Return the months of a phase."""
        return tuple(month for month in self.months if month.phase == phase)

    def day(self, fraction: float) -> int:
        """Return the day number at a fraction of the timeline, from 0."""
        return int(self.day_count * fraction)

    def day_offset(self, month: Month) -> int:
        """Return the number of days before a month."""
        return (month.first_day - self.first_day).days


def plan_timeline(month_count: int) -> Timeline:
    """Lay out ``month_count`` months that end with :data:`LAST_MONTH`.

    A third of them (rounded) is phase 1, a sixth is the migration, the rest is the
    hybrid. AWS bills in dollars for the first 4 of 18, and the commitment runs for
    the following 12 of 18.

    Raises
    ------
    UsageError
        Too few months for three phases, or more than a demonstration needs.
    """
    if not FEWEST_MONTHS <= month_count <= MOST_MONTHS:
        raise UsageError(
            f"The sample company cannot have {month_count} months.",
            next_step=f"Ask for {FEWEST_MONTHS} to {MOST_MONTHS} months.",
        )
    managed_count = round(month_count / 3)
    migration_count = round(month_count / 6)
    first = add_months(LAST_MONTH, 1 - month_count)
    phase_of = [PHASES[0]] * managed_count + [PHASES[1]] * migration_count
    phase_of += [PHASES[2]] * (month_count - len(phase_of))
    euro_index = max(1, round(month_count * 4 / 18))
    return Timeline(
        months=tuple(
            Month(index, add_months(first, index), phase)
            for index, phase in enumerate(phase_of)
        ),
        euro_index=euro_index,
        commitment_indexes=range(euro_index, euro_index + month_count * 2 // 3),
    )


def add_months(day: date, count: int) -> date:
    """Return the first day of the month ``count`` months after that of ``day``."""
    index = day.year * 12 + day.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def epoch_seconds(day: date) -> int:
    """Return midnight UTC of a day as seconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def last_day(month: Month) -> date:
    """Return the last day of a month."""
    return month.end - timedelta(days=1)
