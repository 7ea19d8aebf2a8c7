"""An organisation of OpenAI on loopback, with a workspace that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ingest.servers.llm_bench import Bench
from tests.ingest.servers.loopback_llm_providers import OPENAI_KEY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.ingest.servers.http_server import ScriptedServer
    from tests.ingest.servers.loopback_llm_providers import OpenAiOrganisation

COSTS_PATH = "/v1/organization/costs"
COMPLETIONS_PATH = "/v1/organization/usage/completions"
MAPPING = [
    {"match": {"api_key_id": "key_support_prod"}, "pool": "support-key"},
    {"match": {"project_id": "proj_search"}, "model": "search-ranker"},
]


def openai_bench(
    server: ScriptedServer,
    organisation: OpenAiOrganisation,
    folder: Path,
    patch: pytest.MonkeyPatch,
) -> Bench:
    """Return a workspace in a folder, whose source is an organisation on a server."""
    bench = Bench(server, organisation, folder, "openai", patch)
    bench.open(OPENAI_KEY)
    return bench
