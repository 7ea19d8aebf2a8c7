"""An access token opens this server if the provider signed it for this server."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import anyio
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from triptych.service.assistant.sign_in import SignIn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RESOURCE = "https://mcp.example.com/mcp"
KEY, OTHER_KEY = (rsa.generate_private_key(65537, 2048) for _ in range(2))
PUBLIC = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
ACCESS = """\
access:
  mode: oidc
  oidc: {{issuer: "{issuer}", client_id: dash, redirect_uri: "{issuer}/oauth2callback"}}
  roles:
    - {{role: finance, values: [controllers]}}
    - {{role: viewer, values: [all], cost_centers: [cc-1]}}
"""


class _Provider(BaseHTTPRequestHandler):
    """Describes a provider and its keys."""

    def do_GET(self) -> None:
        issuer = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
        content: dict[str, Any] = {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}
        if self.path == "/keys":
            content = {"keys": [PUBLIC | {"kid": "1", "use": "sig", "alg": "RS256"}]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def issuer() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def sign_in(tmp_path: Path, issuer: str) -> SignIn:
    (tmp_path / "triptych.yml").write_text(ACCESS.format(issuer=issuer), "utf-8")
    return SignIn(tmp_path, RESOURCE)


def claims(issuer: str, **changed: Any) -> dict[str, Any]:
    """Return the claims of a token that opens this server, with changes."""
    given = {
        "iss": issuer,
        "aud": RESOURCE,
        "sub": "ana",
        "exp": time.time() + 600,
        "groups": ["controllers"],
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


def signed(content: dict[str, Any], key: Any = KEY, algorithm: str = "RS256") -> str:
    return jwt.encode(content, key, algorithm=algorithm, headers={"kid": "1"})


def test_a_token_has_the_role_of_its_groups(sign_in: SignIn, issuer: str) -> None:
    bearer = anyio.run(sign_in.find, signed(claims(issuer, name="Ana")))
    assert bearer is not None
    assert bearer.entry.role == "finance"
    assert (bearer.signature.authority, bearer.signature.name) == ("oidc", "Ana")
    assert bearer.signature.subject == f"{issuer}|ana"
    limited = anyio.run(sign_in.find, signed(claims(issuer, groups="all")))
    assert limited is not None
    assert limited.entry.cost_centers == ("cc-1",)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "dash"},  # an ID token of the dashboard
        {"aud": "https://other.example.com/mcp"},
        {"iss": "https://other.example.com"},
        {"exp": 1_700_000_000},
        {"nbf": 4_000_000_000},
        {"groups": ["nobody"]},
        *({name: None} for name in ("aud", "iss", "exp", "sub", "groups")),
    ],
)
def test_a_token_for_others_opens_nothing(
    sign_in: SignIn, issuer: str, changed: dict[str, Any]
) -> None:
    assert anyio.run(sign_in.find, signed(claims(issuer, **changed))) is None


def test_a_token_of_another_key_or_of_no_key_opens_nothing(
    sign_in: SignIn, issuer: str
) -> None:
    content = claims(issuer)
    forged = (
        signed(content, OTHER_KEY),
        signed(content, "secret" * 8, "HS256"),
        jwt.encode(content, "", algorithm="none", headers={"kid": "1"}),
        "triptych_kYw",
    )
    assert [anyio.run(sign_in.find, token) for token in forged] == [None] * 4
    assert anyio.run(sign_in.find, signed(content)) is not None


def test_nobody_signs_in_where_the_dashboard_has_no_provider(
    sign_in: SignIn, issuer: str
) -> None:
    (sign_in.root / "triptych.yml").write_text("organisation: Example\n", "utf-8")
    assert sign_in.issuer is None
    assert anyio.run(sign_in.find, signed(claims(issuer))) is None
