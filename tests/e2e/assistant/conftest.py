"""What assistants ask over HTTP: the sample company, and who is let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from tests.e2e.assistant.serving import running
from triptych.service.assistant.tokens import TokenFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> TokenFile:
    return TokenFile(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def address(sample_company: Path, tokens: TokenFile) -> Iterator[str]:
    with running(sample_company, tokens) as url:
        yield url
