"""Pages by number: repeated ones count once, circles are noticed."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.http.pages import numbered_pages
from triptych.core.errors import MalformedDeliveryError


def pages(*answers: Any) -> list[Any]:
    return list(
        numbered_pages(
            lambda number: answers[(number - 1) % len(answers)],
            items=lambda page: page["items"],
            is_last=lambda page, _: page["last"],
            source="source 'x'",
        )
    )


def page(*items: int, last: bool = False) -> dict[str, Any]:
    return {"items": items, "last": last}


def test_pages_are_followed_to_the_last() -> None:
    assert pages(page(1), page(2), page(3, last=True)) == [
        page(1),
        page(2),
        page(3, last=True),
    ]


def test_a_page_that_comes_again_is_passed_over_even_as_the_last() -> None:
    assert pages(page(1), page(1), page(2), page(2, last=True)) == [page(1), page(2)]


@pytest.mark.parametrize("circle", [[page(1)], [page(1), page(2), page(3)]])
def test_pages_that_start_again_have_no_end(circle: list[Any]) -> None:
    with pytest.raises(MalformedDeliveryError, match="loops through the same ones"):
        pages(*circle)


def test_a_page_of_another_form_is_refused() -> None:
    with pytest.raises(MalformedDeliveryError, match="Unexpected response format"):
        pages({"rows": []})
