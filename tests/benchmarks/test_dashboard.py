"""Readers of the benchmark get whole pages, and say when they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.dashboard import memory_lines, percentile, shared_lines
from benchmarks.dashboard_readers import Looked, read_pages
from tests.dashboard.browsing import running, served
from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.layers import IS_FULL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = ["summary", "cost_by_model", "data_health"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    publish(folder, "normal")
    return folder


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with served(root, root / "server.log") as link:
        yield urlsplit(link).netloc


def test_each_reader_gets_every_page_whole(address: str) -> None:
    users, rounds = (3, 2) if IS_FULL else (2, 1)
    looked = read_pages(address, PAGES, users=users, rounds=rounds)
    assert [one.problem for one in looked] == [""] * users * rounds * len(PAGES)
    for page in PAGES:
        counts = [one.element_count for one in looked if one.page == page]
        # The server may send what changed at once as one element.
        assert min(counts) > 10
        assert max(counts) <= 1.1 * min(counts)


def test_a_page_that_is_not_there_is_told(address: str) -> None:
    (one,) = read_pages(address, ["nowhere"], users=1, rounds=1)
    assert one.problem == "the server does not know the page"


def test_a_page_that_fails_is_told(tmp_path: Path) -> None:
    publish(tmp_path, "normal")
    warehouse = tmp_path / "warehouse"
    with running(tmp_path, tmp_path / "server.log") as link:
        (warehouse / (warehouse / "CURRENT").read_text().strip()).unlink()
        (one,) = read_pages(urlsplit(link).netloc, ["close"], users=1, rounds=1)
    assert "cannot be opened" in one.problem


def test_reading_ends_when_its_time_is_over(address: str) -> None:
    looked = read_pages(address, PAGES, users=2, seconds=2, pause_seconds=0.2)
    assert 2 <= len(looked) <= 2 * (2 / 0.1 + 1)


def test_a_figure_of_many_is_the_one_of_its_rank() -> None:
    seconds = [0.1 * number for number in range(20, 0, -1)]
    # The 19th of 20 is the smallest that 95 % of them do not exceed.
    assert percentile(seconds, 0.95) == pytest.approx(1.9)
    assert percentile(seconds, 1.0) == pytest.approx(2.0)


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_a_percentile_leaves_no_more_above_it_than_it_says(
    seconds: list[float], level: float
) -> None:
    found = percentile(seconds, level)
    above = sum(one > found for one in seconds)
    assert above <= (1 - level) * len(seconds) + 1e-9
    below = sum(one < found for one in seconds)
    assert below < level * len(seconds) + 1e-9


def test_what_readers_got_is_told_with_errors_and_the_slowest_page_last() -> None:
    looked = [
        *(Looked("close", seconds, 9) for seconds in (4.0, 5.0)),
        *(Looked("summary", seconds, 9) for seconds in (0.5, 1.0)),
        Looked("budget", 2.0, 1, "KeyError: 'amount'"),
    ]
    first, errors, *pages = shared_lines(looked, users=2)
    assert first == (
        "2 readers, 5 pages: median 2.00 s, p95 5.00 s, OVER 3.0 s, longest 5.00 s"
    )
    assert errors == "1 with an error\n  budget: KeyError: 'amount'"
    assert [line.split()[0] for line in pages] == ["summary", "budget", "close"]
    assert pages[-1].split() == [
        *("close", "median", "4.50", "s,", "p95", "5.00", "s,", "2", "times"),
    ]


def test_memory_is_compared_by_halves() -> None:
    lines = memory_lines([2**20 * number for number in (999, 100, 100, 110, 110)])
    assert lines == [
        "memory of the server by minute [MiB]: 999, 100, 100, 110, 110",
        "mean of the second half: 1.100 x the first half",
    ]
