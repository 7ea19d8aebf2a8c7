"""Puts the guide of each source into the navigation, so that no list has to name it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

_SECTION = "How to"
#: After this page stand the guides of sources, by name.
_BEFORE = "how_to/read_focus_files.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete the navigation before the pages are collected."""
    nav: Any = config.nav
    pages = next(section[_SECTION] for section in nav if _SECTION in section)
    guides = sorted((Path(config.docs_dir) / "how_to").glob("connect_*.md"))
    missing = [f"how_to/{path.name}" for path in guides]
    place = pages.index(_BEFORE) + 1
    pages[place:place] = [page for page in missing if page not in pages]
    return config
