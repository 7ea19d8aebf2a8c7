"""Asks queries of a workspace by both protocols, as a role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.assistant.paging import all_pages
from tests.e2e.assistant.serving import running
from triptych.service.assistant.http_server import PATH
from triptych.service.assistant.rest import PREFIX
from triptych.service.assistant.tokens import TokenFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from triptych.core.settings import Role


def answers_of(
    root: Path, runs: Path, role: Role, asked: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the figures of questions that a role is answered, by REST and by MCP."""
    tokens = TokenFile(runs)
    headers = {"Authorization": f"Bearer {tokens.add('a reader', role, days=1)}"}
    with running(root, tokens) as address:
        url = address.removesuffix(PATH) + f"{PREFIX}/query"
        with httpx2.Client(headers=headers, timeout=120) as http:
            for question in asked:
                lists = {name: ",".join(question[name]) for name in ("measures", "by")}
                given = {
                    name: text for name, text in (question | lists).items() if text
                }
                answer = http.get(url, params=given).json()
                assert _is_answered(answer), (question, answer)
                yield from answer["figures"]
        grouped = [each for each in asked if len(each["by"]) > 1]
        yield from anyio.run(_by_mcp, address, headers, grouped)


def _is_answered(answer: dict[str, Any]) -> bool:
    """Return True for figures, and for those that are not shown to a role."""
    refusal = answer["refusal"]
    return refusal is None or refusal["code"] == "not_for_role"


async def _by_mcp(
    address: str, headers: dict[str, str], asked: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the figures of all pages of questions."""
    figures = []
    async with httpx2.AsyncClient(headers=headers, timeout=120) as http:
        transport = streamable_http_client(address, http_client=http)
        async with Client(transport) as client:
            for question in asked:
                answer = (await all_pages(client, "query", question)).model_dump()
                assert _is_answered(answer), (question, answer)
                figures += answer["figures"]
    return figures
