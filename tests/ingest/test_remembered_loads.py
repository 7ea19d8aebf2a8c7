"""A list that says the same is the load of before; one that changes back is new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ingest.remembered_loads import RememberedLoads, digest_of

if TYPE_CHECKING:
    from ingest.connector import Delivery
    from ingest.state_rows import Row

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


def test_a_row_that_repeats_the_key_of_another_is_left_out() -> None:
    doubled: list[Row] = [*A, {**A[0], "branch": "main"}]
    rows: Any = offered([], doubled, 0).detail
    assert [row["deployment_id"] for row in rows] == ["1", "2"]
    assert offered([offered([], A, 0)], doubled, 1).scope == offered([], A, 0).scope


def test_every_row_says_when_it_was_seen() -> None:
    rows: Any = offered([], A, 5).detail
    assert [row["observed_at"] for row in rows] == ["2026-11-25T17:00:00+00:00"] * 2
