from __future__ import annotations

from itertools import cycle, islice

import pytest

from ingest.http.pages import as_many_as_announced, each_once, until_the_last
from triptych.core.errors import MalformedDeliveryError, TransientSourceError


def test_pages_in_a_circle_of_any_length_are_noticed_in_its_second_round() -> None:
    circle = cycle(["a", "b", "c"])
    given: list[str] = []

    with pytest.raises(MalformedDeliveryError, match="token loops"):
        given.extend(until_the_last(circle, token_of=str, where="s3://bills/"))

    # The circle was left where its first token came again, and no later.
    assert next(circle) == "b"


def test_a_last_page_has_no_token_and_may_follow_any_number() -> None:
    pages: list[str | None] = [*map(str, range(1000)), None]

    assert list(until_the_last(pages, token_of=lambda p: p, where="here")) == pages


def test_what_comes_twice_is_given_once_where_it_came_first() -> None:
    assert list(each_once("abcabd", key=str.upper)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [([2, 2, 1], None), ([2, 2], "held 4"), ([2, 2, 2], "more than 5")],
)
def test_rows_are_as_many_as_announced_or_refused(
    sizes: list[int], told: str | None
) -> None:
    counted = as_many_as_announced(
        sizes, announced=lambda: 5, size_of=int, where="bigquery://t"
    )

    if told is None:
        assert list(counted) == sizes
    else:
        with pytest.raises(TransientSourceError, match=told):
            list(counted)


def test_an_endless_answer_ends_with_the_first_row_too_many() -> None:
    counted = as_many_as_announced(
        cycle([1]), announced=lambda: 3, size_of=int, where="bigquery://t"
    )

    assert list(islice(counted, 3)) == [1, 1, 1]
    with pytest.raises(TransientSourceError, match="more than 3"):
        next(counted)


def test_where_nothing_is_announced_nothing_is_counted() -> None:
    counted = as_many_as_announced(
        [1, 2], announced=lambda: None, size_of=int, where="bigquery://t"
    )

    assert list(counted) == [1, 2]
