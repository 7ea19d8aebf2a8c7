"""People sign in to the assistant with the dashboard's provider, and get their role.

The provider is npm's ``oidc-provider``, the client the official one: it reads this
server's metadata, registers, sends its person to log in, and comes with a token.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import httpx2
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl

from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.dashboard.oidc_provider import PEOPLE, free_port, wait_for
from tests.e2e.assistant.serving import running
from triptych.service.assistant.answers import Answer
from triptych.service.assistant.http_server import PATH
from triptych.service.assistant.tokens import TokenFile

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).parent / "oidc_server.mjs"
CALLBACK = "http://127.0.0.1:9/callback"
ACCESS = """\
organisation: Example
currency: EUR
access:
  mode: oidc
  oidc:
    issuer: {issuer}
    client_id: triptych
    redirect_uri: http://127.0.0.1:9/oauth2callback
  roles:
    - {{role: finance, values: [finance-group]}}
    - {{role: viewer, values: [viewer-group]}}
"""


def entry_of_provider() -> str:
    """Return the file of npm's provider, or skip."""
    folder = os.environ.get("TRIPTYCH_OIDC_PROVIDER", "")
    entry = Path(folder) / "node_modules" / "oidc-provider" / "lib" / "index.js"
    if not folder or not entry.exists() or shutil.which("node") is None:
        pytest.skip("TRIPTYCH_OIDC_PROVIDER names no folder with npm's oidc-provider")
    return str(entry)


@contextmanager
def provider(port: int, resource: str) -> Iterator[None]:
    """Run the provider, whose access tokens are for a resource."""
    command = ["node", str(SERVER), entry_of_provider(), str(port), resource]
    process = subprocess.Popen(
        [*command, json.dumps(PEOPLE)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/.well-known/openid-configuration", process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


class Person:
    """Logs in at the provider with forms, as in a browser; keeps the tokens."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None
        self._answer = ""

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info

    async def log_in(self, address: str) -> None:
        """Follow the provider's pages until it sends the browser back."""
        login = {"prompt": "login", "login": self.name, "password": "x"}
        async with httpx2.AsyncClient(timeout=30) as browser:
            answer = await browser.get(address)
            for _ in range(12):
                if "location" in answer.headers:
                    target = answer.url.join(answer.headers["location"])
                    if str(target).startswith(CALLBACK):
                        self._answer = str(target)
                        return
                    answer = await browser.get(target)
                    continue
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert prompt is not None, answer.text[:300]
                form = login if prompt[1] == "login" else {"prompt": prompt[1]}
                answer = await browser.post(answer.url, data=form)
        pytest.fail("the provider never sent the browser back")

    async def came_back(self) -> AuthorizationCodeResult:
        given = {k: v[0] for k, v in parse_qs(urlsplit(self._answer).query).items()}
        return AuthorizationCodeResult(
            code=given["code"], state=given.get("state"), iss=given.get("iss")
        )


def answered(url: str, person: Person) -> Answer:
    """Return what a person who signs in is answered about invoices."""

    async def ask() -> Answer:
        auth = OAuthClientProvider(
            url,
            OAuthClientMetadata(
                redirect_uris=[AnyUrl(CALLBACK)], token_endpoint_auth_method="none"
            ),
            person,
            redirect_handler=person.log_in,
            callback_handler=person.came_back,
        )
        async with (
            httpx2.AsyncClient(auth=auth, timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            result = await client.call_tool("report", {"name": "invoices"})
            return Answer.model_validate(result.structured_content)

    return anyio.run(ask)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve a workspace whose people sign in; yields the address."""
    entry_of_provider()
    publish(tmp_path)
    port = free_port()
    settings = ACCESS.format(issuer=f"http://127.0.0.1:{port}")
    (tmp_path / "triptych.yml").write_text(settings, "utf-8")
    tokens = TokenFile(tmp_path / "runs")
    with running(tmp_path, tokens) as url, provider(port, url):
        yield url


def test_the_official_client_signs_people_in_with_their_roles(site: str) -> None:
    fay, vera = answered(site, Person("fay")), answered(site, Person("vera"))
    assert (fay.role, fay.refusal) == ("the role finance", None)
    assert vera.role == "the role viewer"
    assert vera.refusal is not None
    assert vera.refusal.code == "not_for_role"


def test_somebody_without_a_role_and_a_forged_token_open_nothing(site: str) -> None:
    nemo = Person("nemo")
    with pytest.raises(BaseException):  # noqa: B017, PT011  (a group of the client's)
        answered(site, nemo)
    fay = Person("fay")
    answered(site, fay)
    assert nemo.tokens is not None
    assert fay.tokens is not None
    refused = [nemo.tokens.access_token, fay.tokens.access_token[:-4] + "AAAA", "x.y.z"]
    statuses = [status_of(site, token) for token in refused]
    assert statuses == [401] * len(refused)
    assert status_of(site, fay.tokens.access_token) == 200


def status_of(url: str, token: str) -> int:
    """Return the status of a question over REST with a token."""
    address = f"{url.removesuffix(PATH)}/api/v1/catalogue"
    headers = {"Authorization": f"Bearer {token}"}
    return int(httpx2.get(address, headers=headers, timeout=60).status_code)


def test_metadata_name_the_resource_and_the_provider(site: str) -> None:
    root = site.removesuffix(PATH)
    metadata: dict[str, Any] = httpx2.get(
        f"{root}/.well-known/oauth-protected-resource{PATH}"
    ).json()
    assert metadata["resource"] == site
    [issuer] = metadata["authorization_servers"]
    described = httpx2.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    assert described.json()["issuer"] == issuer.rstrip("/")
    refused = httpx2.post(site, json={})
    assert refused.status_code == 401
    assert (
        "/.well-known/oauth-protected-resource" in refused.headers["www-authenticate"]
    )
