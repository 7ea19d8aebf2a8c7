"""What third parties may import is where ARCHITECTURE.md says, and loads little."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {
    "attribution": ["Effect", "Estimate", "Plan", "Refusal", "estimate"],
    "ingest.connector": ["Connector", "Delivery", "Source", "SourceConfig", "Window"],
    "ingest.http": ["HttpClient", "secret_from_environment"],
    "ingest.notation": ["Notation"],
    "ingest.streams": ["STREAMS"],
    "ingest.testing": ["ConnectorContract"],
    "triptych.sample_company": ["write_sample_company"],
}


def test_every_public_name_is_imported_by_its_documented_path() -> None:
    for module, names in NAMES.items():
        for name in names:
            assert hasattr(import_module(module), name), f"{module}.{name}"


def test_the_public_modules_are_those_that_the_architecture_lists(
    repository: Path,
) -> None:
    text = (repository / "ARCHITECTURE.md").read_text("utf-8")
    section = text[text.index("### Public modules") : text.index("### In the spine")]
    listed = re.findall(r"`((?:ingest|attribution|triptych)[\w.]*)`", section)
    assert sorted(listed) == sorted(NAMES)
