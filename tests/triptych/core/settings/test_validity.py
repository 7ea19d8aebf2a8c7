"""Validity is half-open, and two entries overlap when they share a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.core.settings.validity import overlap, overlapping_pairs, to_date

FIRST = date(2026, 1, 1)
DAYS = 30


@dataclass(frozen=True)
class Entry:
    valid_from: date | None
    valid_to: date | None

    def days(self) -> set[date]:
        """Every day of a window a little wider than the dates that are drawn."""
        window = [FIRST + timedelta(days=n) for n in range(-5, DAYS + 5)]
        return {
            day
            for day in window
            if (self.valid_from is None or day >= self.valid_from)
            and (self.valid_to is None or day < self.valid_to)
        }


ENDS = st.none() | st.integers(0, DAYS - 1).map(lambda n: FIRST + timedelta(days=n))
ENTRIES = st.builds(Entry, ENDS, ENDS)


@given(ENTRIES, ENTRIES)
def test_entries_overlap_when_and_only_when_they_share_a_day(
    first: Entry, second: Entry
) -> None:
    assert overlap(first, second) is bool(first.days() & second.days())


@given(st.lists(st.tuples(st.sampled_from("abc"), ENTRIES), max_size=6))
def test_pairs_are_those_of_one_name_that_share_a_day(
    named: list[tuple[str, Entry]],
) -> None:
    names = [name for name, _ in named]
    entries = [entry for _, entry in named]
    expected = {
        (first, second)
        for second in range(len(named))
        for first in range(second)
        if names[first] == names[second]
        and entries[first].days() & entries[second].days()
    }

    assert set(overlapping_pairs(entries, names)) == expected


def test_the_day_after_one_ends_may_be_the_day_the_next_begins() -> None:
    spring = Entry(date(2026, 1, 1), date(2026, 7, 1))

    assert not overlap(spring, Entry(date(2026, 7, 1), None))
    assert overlap(spring, Entry(date(2026, 6, 30), None))


@pytest.mark.parametrize("given_", ["20260101", "2026-1-1", "2026-02-30", "0", 86400])
def test_only_a_full_iso_date_is_a_date(given_: object) -> None:
    with pytest.raises(ValueError, match="is not a date; write it as 2026-01-31"):
        to_date(given_)
