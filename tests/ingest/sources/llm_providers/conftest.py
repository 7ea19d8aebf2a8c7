"""The sample organisation of OpenAI; Anthropic's has its own file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.ingest.servers.llm_bench import START, TODAY, Bench
from tests.ingest.servers.loopback_llm_providers import (
    OpenAiOrganisation,
    sample_openai,
)
from tests.ingest.servers.openai_bench import openai_bench

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer


@pytest.fixture(scope="session")
def sample() -> OpenAiOrganisation:
    return sample_openai(START, TODAY + timedelta(days=1))


@pytest.fixture
def organisation(sample: OpenAiOrganisation) -> OpenAiOrganisation:
    return sample.copy()


@pytest.fixture
def bench(
    server: ScriptedServer,
    organisation: OpenAiOrganisation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    return openai_bench(server, organisation, tmp_path, monkeypatch)
