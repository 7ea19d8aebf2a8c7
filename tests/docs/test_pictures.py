"""Each page has a picture in the documentation, and each step of Set-up a small one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from dashboard.pages.setup import pictures as thumbnails
from dashboard.pages.setup.queries import nothing_yet
from dashboard.pages.setup.steps import steps
from dashboard.shared.roles import AUDIENCES
from tests.docs import pictures
from tests.docs.test_links import PAGES

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 700_000
#: All small pictures are sent with *Set-up*, on a phone too.
MOST_SMALL_BYTES = 80_000
_PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")


def references() -> list[tuple[str, Path]]:
    """Return the text and the file of each picture that a page shows."""
    return [
        (text, (page.parent / link).resolve())
        for page in PAGES
        for text, link in _PICTURE.findall(page.read_text("utf-8"))
    ]


def test_every_page_has_a_picture_that_the_documentation_shows_with_its_text() -> None:
    kept = set(pictures.FOLDER.iterdir())
    assert {path.stem for path in kept} == set(AUDIENCES)
    assert {path for _, path in references()} == kept
    assert all(len(text.split()) > 2 for text, _ in references())


def test_every_step_shows_the_page_that_it_unlocks_and_no_picture_is_left_over() -> (
    None
):
    named = {step.picture: step.title for step in steps(nothing_yet("EUR"))}
    kept = {path.stem for path in pictures.THUMBNAILS.iterdir()}
    assert set(named) == kept <= set(AUDIENCES)
    for page, title in named.items():
        html = thumbnails.thumbnail(page, title)
        assert "data:image/webp;base64," in html
        assert f'alt="The page {title.replace("&", "&amp;")} with sample data"' in html


@pytest.mark.parametrize(
    ("folder", "size", "most_bytes"),
    [
        (pictures.FOLDER, (pictures.WIDTH, pictures.HEIGHT), MOST_BYTES),
        (
            pictures.THUMBNAILS,
            (thumbnails.WIDTH, thumbnails.HEIGHT),
            MOST_SMALL_BYTES,
        ),
    ],
    ids=["documentation", "steps"],
)
def test_pictures_are_whole_of_one_size_and_small_together(
    folder: Path, size: tuple[int, int], most_bytes: int
) -> None:
    paths = sorted(folder.iterdir())
    for path in paths:
        with Image.open(path) as picture:
            picture.load()
            assert (picture.format, picture.size) == ("WEBP", size), path.name
            # Nothing was drawn where all of it has one colour.
            colours = picture.convert("L").getcolors()
            assert colours is not None
            assert len(colours) > 1
    assert sum(path.stat().st_size for path in paths) <= most_bytes
