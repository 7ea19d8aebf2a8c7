"""Billing periods that begin on any day, their UTC days, and whole weeks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from ingest.sources.railway.periods import Period, billing_periods, to_moment, weeks
from triptych.core.errors import MalformedDeliveryError

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def period(start: str, end: str) -> Period:
    return Period(to_moment(start, where="here"), to_moment(end, where="here"))


def starts(periods: list[Period]) -> list[str]:
    return [f"{p.start:%m-%d}" for p in periods]


def test_earlier_periods_begin_on_the_same_day_of_the_month() -> None:
    current = period("2026-09-13", "2026-10-13")
    since = datetime(2026, 7, 1, tzinfo=UTC)
    found = billing_periods(current, [], since=since)

    assert starts(found) == ["07-13", "08-13", "09-13"]
    assert all(one.end == other.start for one, other in pairwise(found))


def test_a_period_that_begins_before_the_asked_time_is_left_out() -> None:
    current = period("2026-09-13", "2026-10-13")

    since = datetime(2026, 8, 14, tzinfo=UTC)
    assert starts(billing_periods(current, [], since=since)) == ["09-13"]


def test_months_without_the_day_end_early_and_do_not_move_the_others() -> None:
    current = period("2026-03-31", "2026-04-30")
    assert starts(billing_periods(current, [], since=LONG_AGO)) == [
        *("01-31", "02-28", "03-31"),
    ]


def test_invoices_know_better_where_a_period_began() -> None:
    current = period("2026-02-28", "2026-03-31")
    invoiced = [period("2026-01-31", "2026-02-28"), period("2026-02-28", "2026-02-28")]

    assert starts(billing_periods(current, invoiced, since=LONG_AGO)) == [
        *("01-31", "02-28"),
    ]
    assert starts(billing_periods(current, [], since=LONG_AGO)) == ["01-28", "02-28"]


def test_the_time_of_day_of_a_period_is_that_of_the_running_one() -> None:
    current = period("2026-09-13T06:21:00Z", "2026-10-13T06:21:00Z")
    invoiced = [period("2026-08-13", "2026-09-13")]
    since = datetime(2026, 8, 1, tzinfo=UTC)

    first, _ = billing_periods(current, invoiced, since=since)
    assert first == period("2026-08-13T06:21:00Z", "2026-09-13T06:21:00Z")


def test_an_invoice_within_a_month_moves_no_period() -> None:
    current = period("2026-08-30", "2026-09-30")
    invoiced = [period("2026-08-02", "2026-08-30")]
    since = datetime(2026, 7, 1, tzinfo=UTC)

    assert starts(billing_periods(current, invoiced, since=since)) == ["07-30", "08-30"]


def test_days_are_cut_at_utc_midnights() -> None:
    days = list(period("2026-09-13T06:21:00Z", "2026-09-15T06:21:00Z").days())

    assert [(f"{d.start:%d %H:%M}", f"{d.end:%d %H:%M}") for d in days] == [
        ("13 06:21", "14 00:00"),
        ("14 00:00", "15 00:00"),
        ("15 00:00", "15 06:21"),
    ]


def test_a_period_overlaps_the_days_it_shares_time_with() -> None:
    september = period("2026-09-13T06:00:00Z", "2026-10-13T06:00:00Z")

    assert september.overlaps(None, None)
    assert september.overlaps(date(2026, 10, 13), None)
    assert not september.overlaps(date(2026, 10, 14), None)
    assert september.overlaps(None, date(2026, 9, 14))
    assert not september.overlaps(None, date(2026, 9, 13))


def test_weeks_begin_on_mondays_and_are_whole() -> None:
    since, until = (datetime(2026, 9, day, 12, tzinfo=UTC) for day in (1, 15))

    found = weeks(since=since, until=until)
    assert starts(found) == ["09-07", "09-14"]
    assert {week.start.weekday() for week in found} == {0}
    monday = datetime(2026, 9, 7, tzinfo=UTC)
    assert starts(weeks(since=monday, until=until)) == ["09-07", "09-14"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-08-13", datetime(2026, 8, 13, tzinfo=UTC)),
        ("2026-08-13T01:00:00.000Z", datetime(2026, 8, 13, 1, tzinfo=UTC)),
        ("2026-08-13T01:00:00+02:00", datetime(2026, 8, 12, 23, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc(text: str, moment: datetime) -> None:
    assert to_moment(text, where="here") == moment


@pytest.mark.parametrize("text", ["2026-08-13T01:00:00", "soon", None, 1_786_000_000])
def test_a_time_without_a_zone_or_of_another_form_is_refused(text: object) -> None:
    with pytest.raises(MalformedDeliveryError, match="no time with a time zone"):
        to_moment(text, where="here")
