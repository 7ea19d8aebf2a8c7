"""An organisation of OpenAI on loopback, with a workspace that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ingest.http.client
from tests.ingest.servers.llm_bench import NOW, Bench
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
    organisation.install(server)
    patch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
    patch.setenv("OPENAI_ADMIN_KEY", OPENAI_KEY)
    bench = Bench(server, organisation, folder, "openai", patch)
    bench.at(NOW)
    return bench
