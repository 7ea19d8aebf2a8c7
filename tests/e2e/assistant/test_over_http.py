"""Assistants ask over HTTP with a token, and get what its role sees until it ends."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from typer.testing import CliRunner

from tests.e2e.assistant.hostile import HOSTILE
from tests.e2e.assistant.paging import all_pages
from tests.e2e.assistant.serving import running
from tests.e2e.assistant.test_assistant import (
    QUESTIONS,
    ask_everything,
    expected,
    numbers,
    workspace_with_models,
)
from tests.e2e.cases.questions_case import month_to_ask
from triptych.cli import app
from triptych.core.errors import UsageError
from triptych.core.warehouse.reader import PublishedReader
from triptych.service.assistant.answers import Answer
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.http_server import DeskOfToken, serve
from triptych.service.assistant.listings import MONTHLY, STANDING
from triptych.service.assistant.tokens import TokenFile, TokensError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Ask = Callable[[Client], Awaitable[Any]]


BY_MODEL = {"measures": ["ai_cost"], "by": ["model_id"]}


def ask(address: str, token: str, question: Ask) -> Any:
    """Return what a client with a token gets."""

    async def over_http() -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=120) as http:
            transport = streamable_http_client(address, http_client=http)
            async with Client(transport) as client:
                return await question(client)

    return anyio.run(over_http)


def status_of(address: str, **headers: str) -> int:
    """Return the status of a plain request that lists the tools."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepted = {"Accept": "application/json, text/event-stream"}
    answer = httpx2.post(address, json=body, headers={**accepted, **headers})
    return int(answer.status_code)


def test_a_client_over_http_gets_the_figures_that_sql_answers(
    sample_company: Path, tokens: TokenFile, address: str
) -> None:
    token = tokens.add("everything", "finance", days=1)
    asked = month_to_ask(sample_company)
    snapshot = PublishedReader(sample_company).snapshot()

    answers = ask(address, token, ask_everything)

    for number, _, _, sql in QUESTIONS:
        assert answers[number].refusal is None, (number, answers[number].refusal)
        assert answers[number].role == "the role finance"
        assert expected(asked, snapshot, sql) <= numbers(answers[number]), number
    assert answers["25"].proof.is_equal is True


def test_each_request_gets_what_the_role_of_its_token_sees(
    tokens: TokenFile, address: str
) -> None:
    """Two bearers ask at once, and neither gets the other's answer."""
    roles: dict[str, Any] = {"viewer": "viewer", "finance": "finance"}
    bearers = {name: tokens.add(name, role, days=1) for name, role in roles.items()}

    async def invoices(client: Client) -> list[Answer]:
        results = [
            await client.call_tool("report", {"name": "invoices"}) for _ in range(5)
        ]
        return [Answer.model_validate(each.structured_content) for each in results]

    found: dict[str, list[Answer]] = {}
    threads = [
        threading.Thread(
            target=lambda name=name: found.update(
                {name: ask(address, bearers[name], invoices)}
            )
        )
        for name in bearers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each.figures for each in found["finance"])
    assert all(each.refusal and not each.figures for each in found["viewer"])


@pytest.mark.full  # fast: test_viewers.py, and two bearers at once above
def test_a_viewer_gets_over_http_what_the_desk_gives_a_viewer(
    sample_company: Path, tokens: TokenFile, address: str
) -> None:
    token = tokens.add("a viewer", "viewer", days=1)
    desk = Desk(sample_company, "viewer")
    asked = {"spending", "unit_costs", "invoices", "net_value", "studies", "forecast"}
    listings = [each for each in (*MONTHLY, *STANDING) if each.name in asked]

    async def everything(client: Client) -> list[Any]:
        tools = [
            await all_pages(client, "report", {"name": each.name}) for each in listings
        ]
        marts = await client.read_resource("triptych://marts")
        return [tools, marts.contents[0].model_dump()["text"]]

    tools, marts = ask(address, token, everything)
    wanted = [desk.answer(each) for each in listings]
    assert [each.figures for each in tools] == [each.figures for each in wanted]
    assert [each.refusal for each in tools] == [each.refusal for each in wanted]
    assert list(json.loads(marts)) == ["refusal"]


def test_what_marts_mean_is_given_of_what_a_role_sees(
    tokens: TokenFile, address: str
) -> None:
    async def meanings(client: Client) -> Any:
        marts = await client.read_resource("triptych://marts")
        return json.loads(marts.contents[0].model_dump()["text"])

    found = ask(address, tokens.add("eng", "engineering", days=1), meanings)
    assert "cost.mart_cost_waterfall" in found
    assert "cost.mart_invoices" not in found


def test_only_a_token_in_force_lets_in(tokens: TokenFile, address: str) -> None:
    token = tokens.add("leaving", "viewer", days=1)
    long_ago = datetime.now(UTC) - timedelta(days=2)
    expired = tokens.add("expired", "viewer", days=1, now=long_ago)

    assert status_of(address, Authorization=f"Bearer {token}") == 200
    assert status_of(address) == 401
    assert status_of(address, Authorization=f"Bearer {expired}") == 401
    assert status_of(address, Authorization=f"Bearer {token[:-1]}") == 401
    tokens.revoke("leaving")
    assert status_of(address, Authorization=f"Bearer {token}") == 401


def test_a_page_of_another_origin_cannot_ask(tokens: TokenFile, address: str) -> None:
    bearer = f"Bearer {tokens.add('browser', 'viewer', days=1)}"
    assert status_of(address, Authorization=bearer, Host="evil.example.com") == 421
    found = status_of(address, Authorization=bearer, Origin="https://evil.example.com")
    assert found == 403


def test_hostile_names_change_no_answer_over_http(
    sample_company: Path, tmp_path: Path
) -> None:
    root = workspace_with_models(sample_company, tmp_path, [*HOSTILE[:90]])
    tokens = TokenFile(tmp_path)
    token = tokens.add("a viewer", "viewer", days=1)

    async def by_model(client: Client) -> Any:
        return await all_pages(client, "query", BY_MODEL)

    with running(root, tokens) as url:
        answer = ask(url, token, by_model)
    names = {figure.labels["model_id"] for figure in answer.figures}
    assert set(HOSTILE[:90]) <= names


def test_a_token_is_kept_as_a_hash_that_its_owner_alone_reads(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    token = tokens.add("a", "analyst", days=30, cost_centers=("c1",))
    kept = tmp_path / "mcp_tokens.json"
    assert token not in kept.read_text("utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600
    found = tokens.find(token)
    assert found is not None
    assert (found.role, found.cost_centers) == ("analyst", ("c1",))
    for name, days, why in (("a", 1, "already"), ("b", 0, "1 to 366"), ("b", 999, "1")):
        with pytest.raises(UsageError, match=why):
            tokens.add(name, "viewer", days=days)
    kept.write_text('[{"role": "root"}]', "utf-8")
    with pytest.raises(TokensError, match="cannot be read"):
        tokens.find(token)


def test_it_listens_on_this_machine_alone_and_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="reached from other machines"):
        serve(DeskOfToken(tmp_path), TokenFile(tmp_path), host="192.0.2.1", port=8610)
    (tmp_path / "triptych.yml").write_text("organisation: A\ncurrency: EUR\n", "utf-8")

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "-w", str(tmp_path)])

    refused = invoke("mcp", "--http")
    assert refused.exit_code == 2
    assert "No token is valid" in refused.output
    added = invoke("mcp-tokens", "add", "ana", "--role", "finance", "--days", "7")
    assert added.stdout.startswith("triptych_")
    [row] = json.loads(invoke("mcp-tokens", "list", "--json").stdout)
    assert (row["name"], row["role"], row["is_expired"]) == ("ana", "finance", False)
    assert invoke("mcp-tokens", "add", "bo", "--role", "root").exit_code == 2
    assert invoke("mcp-tokens", "revoke", "ana").exit_code == 0
    assert json.loads(invoke("mcp-tokens", "list", "--json").stdout) == []
