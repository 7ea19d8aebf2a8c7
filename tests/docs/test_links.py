"""Every link from one page to another leads somewhere."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors that headings get."""
    return {_anchor(heading) for heading in _HEADING.findall(_FENCE.sub("", text))}


def _anchor(heading: str) -> str:
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    words = re.sub(r"[^\w\s-]", "", ascii_only).strip().lower()
    return re.sub(r"[-\s]+", "-", words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page if not path else (page.parent / path).resolve()
        is_there = target.exists() and (
            not anchor or anchor in anchors(target.read_text("utf-8"))
        )
        if not is_there:
            broken.append(link)
    assert not broken


def test_no_page_of_the_documentation_leads_out_of_it() -> None:
    """What is published has only what is below docs/."""
    for page in (ROOT / "docs").rglob("*.md"):
        for link in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
            path = link.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path):
                assert (page.parent / path).resolve().is_relative_to(ROOT / "docs")


def test_every_page_stands_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    navigation = re.findall(r"[\w/.-]+\.md", text[text.index("\nnav:") :])
    paths = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    pages = {path.as_posix() for path in paths}
    # The guides of sources are added by a hook, so that no list names them.
    guides = {page for page in pages if page.startswith("how_to/connect_")}
    assert len(navigation) == len(set(navigation))
    assert set(navigation) == pages - guides
    assert (ROOT / yaml.safe_load(text.split("\nnav:")[0])["hooks"][0]).is_file()
    assert yaml.safe_load(text.split("\nnav:")[0])["theme"]["font"] is False


def test_every_model_that_allocation_names_is_where_the_page_says() -> None:
    text = (ROOT / "docs/concepts/allocation.md").read_text("utf-8")
    steps = text[text.index("Where each step is") : text.index("Every amount ends")]
    folder = ""
    named = re.findall(r"`(?:(intermediate/\w+)/)?(int_\w+\.sql)`", steps)
    assert len(named) >= 12
    for given, model in named:
        folder = given or folder
        assert (ROOT / "dbt_project/models" / folder / model).is_file(), model
