"""Access tokens of the OpenID Connect provider that the dashboard signs people in with.

A token counts if the provider signed it for this server: key, issuer, audience and
expiry are verified. Its claim determines the role, as for the dashboard. A login of the
dashboard is for another audience, so its ID token opens nothing here.

Source: RFC 9728 (protected resource metadata); RFC 9068 (JWT access tokens); OpenID
Connect Discovery 1.0.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import jwt

from triptych.core.errors import SettingsError
from triptych.core.settings import load_access
from triptych.core.signatures import Signature, signature_of

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings.access import OidcSettings, RoleEntry

_DISCOVERY: Final = "/.well-known/openid-configuration"
#: Signatures of a private key; a shared secret would be the client's, not a provider's.
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
_TIMEOUT_SECONDS: Final = 10
_LEEWAY_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Bearer:
    """A person with a role, until the token expires."""

    entry: RoleEntry
    signature: Signature
    expires_at: int


@dataclass(frozen=True, slots=True)
class SignIn:
    """Recognises people by access tokens.

    Parameters
    ----------
    root : Path
        The workspace; its settings are read with each token.
    resource : str
        Address of this server, which tokens must be for.
    """

    root: Path
    resource: str
    _keys: dict[str, jwt.PyJWKClient] = field(default_factory=dict)

    @property
    def issuer(self) -> str | None:
        """Return the provider's address; None where nobody signs in with one."""
        oidc = self._settings()
        return None if oidc is None else oidc.issuer

    async def find(self, token: str) -> Bearer | None:
        """Return the bearer of a token; None if it opens nothing."""
        return await asyncio.to_thread(self._found, token)

    def _found(self, token: str) -> Bearer | None:
        oidc = self._settings()
        if oidc is None:
            return None
        try:
            claims = self._verified(token, oidc.issuer)
        except (jwt.PyJWTError, OSError, ValueError):
            return None  # of another issuer, forged, expired, or no keys to verify it
        claim: object = claims.get(oidc.claim)
        listed = claim if isinstance(claim, list) else [claim]
        values = frozenset(value for value in listed if isinstance(value, str))
        entry = load_access(self.root).entry_for(values)
        if entry is None:
            return None
        signature = signature_of(
            str(claims["sub"]),
            "oidc",
            name=str(claims.get("name") or claims.get("preferred_username") or ""),
            issuer=oidc.issuer.rstrip("/"),
        )
        return Bearer(entry, signature, int(claims["exp"]))

    def _verified(self, token: str, issuer: str) -> dict[str, Any]:
        """Return the claims of a token that the provider signed for this server."""
        if issuer not in self._keys:
            self._keys[issuer] = jwt.PyJWKClient(
                _keys_address(issuer), timeout=_TIMEOUT_SECONDS
            )
        key = self._keys[issuer].get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key.key,
            algorithms=[*_ALGORITHMS],
            audience=self.resource,
            issuer=[issuer, issuer.rstrip("/")],
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _settings(self) -> OidcSettings | None:
        """Return the provider of the settings, if people sign in with one."""
        try:
            access = load_access(self.root)
        except SettingsError:
            return None
        return access.oidc if access.mode == "oidc" else None


def _keys_address(issuer: str) -> str:
    """Return the address of a provider's keys."""
    address = issuer.rstrip("/") + _DISCOVERY
    # The settings allow https, and http on this machine.
    with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
        described = json.load(answer)
    if described.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        message = f"{address} describes another issuer"
        raise ValueError(message)
    return str(described["jwks_uri"])
