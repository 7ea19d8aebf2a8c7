"""A list that says the same is the load of before; one that changes back is new."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ingest.connector import Window
from ingest.engine.remembered_loads import RememberedLoads, digest_of

if TYPE_CHECKING:
    from ingest.connector import Delivery
    from ingest.reading.text_rows import Row

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
A: list[Row] = [
    {"deployment_id": "1", "native_status": "a"},
    {"deployment_id": "2", "native_status": "a"},
]
B: list[Row] = [{"deployment_id": "1", "native_status": "b"}, A[1]]


def offered(loaded: list[Delivery], rows: list[Row], hour: int) -> Delivery:
    """Offer a list to what was loaded, as the next run of triptych would."""
    loads = RememberedLoads()
    loads.learn({(one.stream, one.scope): one.memo for one in loaded})
    now = NOON + timedelta(hours=hour)
    return loads.offer("deployments", "repo", rows, now=now, label="repo")


def test_the_same_rows_in_another_order_are_the_load_of_before() -> None:
    first = offered([], A, 0)
    again = offered([first], A[::-1], 1)
    assert (again.scope, again.fingerprint, again.memo) == (
        *(first.scope, first.fingerprint, first.memo),
    )
    assert first.scope == "repo@2026-11-25T12:00:00.000000Z"


def test_a_list_that_changes_back_is_loaded_a_third_time() -> None:
    loaded = [offered([], A, 0)]
    loaded.append(offered(loaded, B, 1))
    loaded.append(offered(loaded, A, 2))
    assert len({one.scope for one in loaded}) == 3
    assert offered(loaded, A, 3).scope == loaded[2].scope


def test_what_is_not_listed_again_does_not_make_a_list_new() -> None:
    loads = RememberedLoads()
    first = loads.offer(
        "deployments",
        "repo",
        [*A, {"deployment_id": "0"}],
        now=NOON,
        label="repo",
        next_rows=A,
    )
    assert offered([first], A, 1).scope == first.scope


def test_groups_are_apart_and_loads_without_a_memo_are_no_lists() -> None:
    loads = RememberedLoads()
    first = loads.offer("deployments", "repo", A, now=NOON, label="repo")
    loads.learn({("deployments", first.scope): first.memo, ("commits", "x"): ""})
    assert loads.latest("deployments", "other") is None
    assert loads.latest("commits", "") is None
    seen = loads.latest("deployments", "repo")
    assert seen is not None
    assert (seen.moment, seen.notes["digest"]) == (NOON, digest_of(A))


@pytest.mark.parametrize(
    ("start", "day_and_hour"),
    [(None, (24, 12)), (date(2026, 11, 1), (1, 0)), (date(2026, 11, 25), (24, 12))],
)
def test_changes_are_asked_since_the_last_look_or_the_first_day_that_is_named(
    start: date | None, day_and_hour: tuple[int, int]
) -> None:
    loads, first = RememberedLoads(), NOON - timedelta(days=90)
    window = Window(start)
    assert loads.since("deployments", "repo", first=first, window=window) == first
    noted = {"since": (NOON - timedelta(days=1)).isoformat()}
    load = loads.offer("deployments", "repo", A, now=NOON, label="", notes=noted)
    loads.learn({("deployments", load.scope): load.memo})
    day, hour = day_and_hour
    since = loads.since("deployments", "repo", first=first, window=window)
    assert since == datetime(2026, 11, day, hour, tzinfo=UTC)


def test_the_newest_list_is_sought_among_the_groups_that_begin_alike() -> None:
    loads = RememberedLoads()
    for hour, group in enumerate(["new/a", "new/b", "old/a"]):
        now = NOON + timedelta(hours=hour)
        load = loads.offer("deployments", group, A, now=now, label="")
        loads.learn({("deployments", load.scope): load.memo})
    assert loads.newest("deployments", begins="new/") == NOON + timedelta(hours=1)
    assert loads.newest("commits", begins="new/") is None


def test_a_row_that_repeats_the_key_of_another_is_left_out() -> None:
    doubled: list[Row] = [*A, {**A[0], "branch": "main"}]
    rows: Any = offered([], doubled, 0).detail
    assert [row["deployment_id"] for row in rows] == ["1", "2"]
    assert offered([offered([], A, 0)], doubled, 1).scope == offered([], A, 0).scope


def test_every_row_says_when_it_was_seen() -> None:
    rows: Any = offered([], A, 5).detail
    assert [row["observed_at"] for row in rows] == ["2026-11-25T17:00:00+00:00"] * 2
