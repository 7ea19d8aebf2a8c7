"""HTTP server: each request carries a token, which gives its role.

A token is one of the workspace, or of the OpenID Connect provider that people sign in
to the dashboard with (:mod:`triptych.service.assistant.sign_in`).

The MCP server and its plain addresses (:mod:`triptych.service.assistant.rest`) are the
same server.

It listens on loopback: a token must not cross a network unencrypted, so a proxy with
TLS is placed before it where others are to reach it. Requests are judged singly; a
token that was revoked or has expired is refused with the next.

Source: Model Context Protocol, *Transports: Streamable HTTP*; RFC 6750 (bearer tokens).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings

from triptych.core.errors import UsageError
from triptych.core.settings.service import is_loopback_host
from triptych.core.signatures import signature_of
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.refusals import NotForRoleError
from triptych.service.assistant.rest import RestSurface
from triptych.service.assistant.server import build_server
from triptych.service.assistant.sign_in import SignIn

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.applications import Starlette

    from triptych.core.acts import Door
    from triptych.service.assistant.tokens import TokenFile

PATH: Final = "/mcp"
_ROLE: Final = "role"
_COST_CENTERS: Final = "cost_centers"
_SIGNATURE: Final = "signature"
_LARGEST_BODY_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class DeskOfToken:
    """Answers each request as the role of its token.

    Parameters
    ----------
    root : Path
        The workspace.
    dashboard : str
        Address of the dashboard, for links.
    door : Door or None
        Door for proposals.
    """

    root: Path
    dashboard: str = ""
    door: Door | None = None

    def current(self) -> Desk:
        """Return the desk that answers the bearer of the request's token."""
        token = get_access_token()
        claims = (token and token.claims) or {}
        if token is None or _ROLE not in claims:
            raise NotForRoleError(
                "Nobody is signed in.", next_step="Send a token with each request."
            )
        return Desk(
            self.root,
            claims[_ROLE],
            claims[_COST_CENTERS],
            self.dashboard,
            self.door,
            claims[_SIGNATURE],
        )


@dataclass(frozen=True, slots=True)
class _Verifier:
    """Recognises the tokens of a workspace and of people who sign in."""

    tokens: TokenFile
    sign_in: SignIn

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who a token lets in; None where it lets nobody in."""
        signed = self.tokens.find(token)
        if signed is None:
            return await self._signed_in(token)
        return AccessToken(
            token=token,
            client_id=signed.name,
            scopes=[],
            expires_at=int(datetime.fromisoformat(signed.expires_at).timestamp()),
            claims={
                _ROLE: signed.role,
                _COST_CENTERS: signed.cost_centers,
                _SIGNATURE: signature_of(signed.name, "token"),
            },
        )

    async def _signed_in(self, token: str) -> AccessToken | None:
        bearer = await self.sign_in.find(token)
        if bearer is None:
            return None
        return AccessToken(
            token=token,
            client_id=bearer.signature.subject,
            scopes=[],
            expires_at=bearer.expires_at,
            claims={
                _ROLE: bearer.entry.role,
                _COST_CENTERS: bearer.entry.cost_centers,
                _SIGNATURE: bearer.signature,
            },
        )


def resource_address(port: int, public_hosts: tuple[str, ...]) -> str:
    """Return the address that clients ask, which access tokens are for."""
    for host in public_hosts:
        return f"https://{host}{PATH}"
    return f"http://127.0.0.1:{port}{PATH}"


def build_http_app(
    desk: DeskOfToken,
    tokens: TokenFile,
    *,
    port: int,
    public_hosts: tuple[str, ...] = (),
) -> Starlette:
    """Return the application that answers over HTTP.

    Parameters
    ----------
    desk : DeskOfToken
        Desk that answers.
    tokens : TokenFile
        Tokens that are accepted.
    port : int
        Listening port, for the names of this machine.
    public_hosts : tuple of str
        Host names of a proxy, in addition to those of this machine.
    """
    resource = resource_address(port, public_hosts)
    sign_in = SignIn(desk.root, resource)
    issuer = sign_in.issuer
    # As text: an issuer is compared by its letters, and a URL would gain a slash.
    auth = AuthSettings.model_validate(
        {
            "issuer_url": issuer or resource,
            "resource_server_url": resource if issuer else None,
            "validate_token_resource": False,  # the verifier does
        }
    )
    verifier = _Verifier(tokens, sign_in)
    server = build_server(desk, auth=auth, token_verifier=verifier)
    local = [f"{host}:{port}" for host in ("127.0.0.1", "localhost", "[::1]")]
    # A page of another origin must not make a browser ask in somebody's name.
    security = TransportSecuritySettings(
        allowed_hosts=[*local, *public_hosts],
        allowed_origins=[
            *(f"http://{host}" for host in local),
            *(f"https://{host}" for host in public_hosts),
        ],
    )
    RestSurface(server, desk, security).add_routes()
    return server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=_LARGEST_BODY_BYTES,
        transport_security=security,
    )


def serve(
    desk: DeskOfToken,
    tokens: TokenFile,
    *,
    host: str,
    port: int,
    public_hosts: tuple[str, ...] = (),
) -> None:
    """Answer requests until stopped.

    Raises
    ------
    UsageError
        The address is not of this machine alone.
    """
    if not is_loopback_host(host):
        raise UsageError(
            f"{host} can be reached from other machines, and a token must not cross a"
            " network unencrypted.",
            where="--host",
            next_step="Listen on 127.0.0.1, and put a proxy with TLS before it.",
        )
    app = build_http_app(desk, tokens, port=port, public_hosts=public_hosts)
    # No access log: it would record the questions, line by line.
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
