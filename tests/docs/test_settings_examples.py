"""Every other YAML block that a page shows is valid where the page says it belongs.

Those with sources are judged by ``test_source_examples``, plans of studies by
``tests/attribution/test_studies``, scenarios by ``tests/attribution/test_scenarios``.
Here are rules of allocation, a catalogue, a register of assumptions, general settings,
and options that a page adds to the source it describes.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ingest.engine.registry import bind_sources
from triptych.core.settings import load_settings
from triptych.core.settings.loading import (
    ALLOCATION_FILE,
    ASSUMPTIONS_FILE,
    CATALOG_FILE,
    GENERAL_FILE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^( *)```yaml[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
HEAD = {"organisation": "Example GmbH", "currency": "EUR"}
ALLOCATION = {
    "scope",
    "ai_scope",
    "undecided",
    "assignments",
    "pools",
    "policies",
    "task_outcomes",
}
CATALOG = {
    *("cost_centers", "teams", "features", "models", "platforms", "identities"),
    *("placements", "portability", "migrations", "controls", "outcomes"),
}
GENERAL = {
    *("fx", "warehouse", "bi", "own_models", "notify", "spark", "delivery"),
    *("log", "health", "metrics", "webhook", "access"),
}


def blocks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield page and content of each YAML block that is a mapping without sources."""
    for page in sorted(DOCS.rglob("*.md")):
        for _, text in _BLOCK.findall(page.read_text("utf-8")):
            content = yaml.safe_load(textwrap.dedent(text))
            foreign = {"sources", "launch", "groups", "horizon_months"}
            if isinstance(content, dict) and not foreign & set(content):
                yield page.stem, content


SHOWN = list(blocks())


def first_source(page: str) -> dict[str, Any]:
    """Return the first source that a page shows."""
    text = (DOCS / "how_to" / f"{page}.md").read_text("utf-8")
    shown = (
        yaml.safe_load(textwrap.dedent(block)) for _, block in _BLOCK.findall(text)
    )
    source: dict[str, Any] = next(
        one["sources"][0] for one in shown if isinstance(one, dict) and "sources" in one
    )
    return source


def documents_of(page: str, content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what stands in which file of a workspace with the block."""
    keys = set(content)
    if keys <= ALLOCATION:
        return {GENERAL_FILE: HEAD, ALLOCATION_FILE: content}
    if keys <= CATALOG:
        return {GENERAL_FILE: HEAD, CATALOG_FILE: content}
    if keys == {"assumptions"}:
        return {GENERAL_FILE: HEAD, ASSUMPTIONS_FILE: content}
    if keys <= GENERAL:
        return {GENERAL_FILE: HEAD | content}
    return {GENERAL_FILE: HEAD | {"sources": [first_source(page) | content]}}


@pytest.mark.parametrize(
    ("page", "content"), SHOWN, ids=[f"{page}-{min(c)}" for page, c in SHOWN]
)
def test_a_block_that_a_page_shows_is_valid(
    tmp_path: Path, page: str, content: dict[str, Any]
) -> None:
    for name, document in documents_of(page, content).items():
        (tmp_path / name).write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    settings = load_settings(tmp_path)
    assert bind_sources(settings.sources, tmp_path) or not settings.sources


def test_a_block_that_belongs_nowhere_would_be_noticed(tmp_path: Path) -> None:
    documents = documents_of("connect_railway", {"invoice_unit": {"total": "cents"}})
    text = yaml.safe_dump(documents[GENERAL_FILE])
    (tmp_path / GENERAL_FILE).write_text(text, "utf-8")
    with pytest.raises(Exception, match="invoice_unit"):
        bind_sources(load_settings(tmp_path).sources, tmp_path)


@pytest.mark.parametrize(
    "page", sorted(path.stem for path in (DOCS / "how_to").glob("connect_*.md"))
)
def test_a_page_of_a_connector_says_early_what_to_allow_and_what_to_write(
    page: str,
) -> None:
    """Who can read it, and nothing more, comes before the source in triptych.yml."""
    text = (DOCS / "how_to" / f"{page}.md").read_text("utf-8")
    headings = re.findall(r"^## (\d\. .*)$", text, re.MULTILINE)
    named = [n for n, heading in enumerate(headings) if "in `triptych.yml`" in heading]
    allow = re.compile(r"[Aa]llow|[Kk]ey|token|files")
    assert len(named) == 1
    assert any(allow.search(heading) for heading in headings[: named[0]])


@pytest.mark.parametrize(
    "page",
    sorted((DOCS / "how_to" / "services").glob("*.md")),
    ids=lambda p: str(p.stem),
)
def test_the_page_of_an_ai_service_has_rule_meter_and_limits(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall("^## (.+)$", text, re.MULTILINE) == ["Rule", "Meter", "Limits"]
    rules, meter, _ = text.split("\n## ")[1:]
    assert "assignments:" in rules
    assert "sources:" in meter
