"""Authenticate senders by bearer token, or signature over the body.

Secrets are compared in constant time. A signature covers identity, time and body, and
is refused when it is older than five minutes; a token covers nothing, so it is for
encrypted connections.

Source: Standard Webhooks (``webhook-id``, ``webhook-timestamp``, ``webhook-signature``:
``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``); RFC 6750 for tokens.
"""

from __future__ import annotations

import base64
import hmac
import os
from typing import TYPE_CHECKING

from ingest.http.webhook_signatures import is_recent, signature_of
from triptych.core.errors import SettingsError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
#: A shorter secret can be guessed.
SHORTEST_SECRET = 16
_BEARER = "bearer "
_ENCODED_SECRET = "whsec_"  # noqa: S105  (how an encoded secret begins)


def secret_of(variable: str) -> str | None:
    """Return the secret that an environment variable holds; ``None`` if it is not set.

    Raises
    ------
    SettingsError
        It is too short for a secret.
    """
    secret = os.environ.get(variable, "").strip()
    if not secret:
        return None
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(
            f"The secret in {variable} has fewer than {SHORTEST_SECRET} characters.",
            where="environment",
            next_step="Make one, such as with 'openssl rand -hex 32', and give it to"
            " the sender.",
        )
    return secret


def is_signed(headers: Mapping[str, str]) -> bool:
    """Return True if a request has a signature of Standard Webhooks."""
    return SIGNATURE in headers


def verify_token(headers: Mapping[str, str], *, secret: str) -> None:
    """Refuse a request that does not carry the token.

    Raises
    ------
    SourceAccessError
        It carries another, or none.
    """
    given = headers.get("authorization", "")
    token = given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""
    if not hmac.compare_digest(token.encode(), secret.encode()):
        raise _refused("it carries no bearer token, or another")


def verify_signature(
    body: bytes, headers: Mapping[str, str], *, secret: str, now: datetime
) -> None:
    """Refuse a request that was not signed with the secret within five minutes.

    Raises
    ------
    SourceAccessError
        A header is missing, the signature is another, or it is not of now.
    """
    message_id, sent = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    expected = signature_of(
        body, key=key_of(secret), message_id=message_id, sent=sent
    ).encode()
    given = headers.get(SIGNATURE, "").split()
    matches = [hmac.compare_digest(expected, one.encode()) for one in given]
    if not (message_id and any(matches)):
        raise _refused("its signature is not made with the secret that is set here")
    if not is_recent(sent, now):
        raise _refused("it was not signed within five minutes of now")


def key_of(secret: str) -> bytes:
    """Return the signing key: a secret's text, or the bytes in ``whsec_…``."""
    if not secret.startswith(_ENCODED_SECRET):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED_SECRET), validate=True)
    except ValueError:
        return secret.encode()


def _refused(why: str) -> SourceAccessError:
    return SourceAccessError(
        f"The request is refused: {why}.",
        where="receiver",
        next_step="Compare the sender's secret with the one that is set here, and the"
        " clocks of both machines.",
    )
