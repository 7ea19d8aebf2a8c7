"""Failure notifications to another system, by a signed HTTPS POST.

The form is that of Standard Webhooks, as ``triptych receive`` takes it: the headers
``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, the last ``v1,`` and
the base64 of HMAC-SHA256 over ``id.timestamp.body``. The body is JSON with ``type``,
``timestamp`` and ``data``.

Transient failures (no connection, a timeout, 429, 5xx) are tried again, with the same
id, so that a receiver can drop duplicates. Redirects are not followed.

Source: Standard Webhooks, *Payload structure* and *Signature scheme*.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import stamina

from ingest.http.webhook_signatures import signature_of
from ingest.receiver.authentication import (
    ID,
    SIGNATURE,
    TIMESTAMP,
    key_of,
    secret_of,
)
from triptych import __version__
from triptych.core.errors import SettingsError, TriptychError
from triptych.core.settings.service import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from triptych.core.settings import WebhookSettings

ATTEMPTS = 4
#: Wait before the second try; it doubles each time. Tests shorten it.
FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 8.0


class WebhookError(TriptychError):
    """A message could not be delivered; it changes nothing about the run."""


class _PassingError(Exception):
    """Something that a later try may not meet."""


def post(settings: WebhookSettings, *, kind: str, data: Mapping[str, object]) -> None:
    """Send a message, and try again while that can help.

    Parameters
    ----------
    settings : WebhookSettings
        Address, name of the variable with the secret, and patience.
    kind : str
        ``type`` of the message: ``run.failed`` or ``month.red``.
    data : mapping
        Payload; becomes JSON.

    Raises
    ------
    SettingsError
        The secret is not set, or too short.
    WebhookError
        The receiver could not be reached, or refused the message.
    """
    secret = _secret(settings)
    now = datetime.now(UTC)
    body = json.dumps(
        {"type": kind, "timestamp": now.isoformat(timespec="seconds"), "data": data},
        ensure_ascii=False,
        default=str,
    ).encode()
    message_id = f"msg_{uuid4().hex}"
    try:
        for attempt in stamina.retry_context(
            on=_PassingError,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=FIRST_WAIT_SECONDS,
            wait_max=_LONGEST_WAIT_SECONDS,
            wait_jitter=FIRST_WAIT_SECONDS / 2,
        ):
            with attempt:
                _send(settings, body, secret=secret, message_id=message_id)
    except _PassingError as error:
        raise WebhookError(
            f"The message {kind!r} was not delivered in {ATTEMPTS} tries: {error}.",
            where="webhook",
            next_step="Look at webhook.url, and at the receiver's log.",
        ) from error


def _secret(settings: WebhookSettings) -> str:
    secret = secret_of(settings.key_variable)
    if secret is None:
        raise SettingsError(
            f"The variable {settings.key_variable} has no secret, and nothing is sent"
            " unsigned.",
            where="webhook",
            next_step="Make one, such as with 'openssl rand -hex 32', and give it to"
            " the receiver.",
        )
    return secret


def _send(
    settings: WebhookSettings, body: bytes, *, secret: str, message_id: str
) -> None:
    url = httpx.URL(settings.url or "")
    # Each try is signed again: a receiver refuses messages that were signed too long
    # ago.
    sent = str(int(datetime.now(UTC).timestamp()))
    signature = signature_of(body, key=key_of(secret), message_id=message_id, sent=sent)
    try:
        answer = httpx.post(
            url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"triptych/{__version__}",
                ID: message_id,
                TIMESTAMP: sent,
                SIGNATURE: signature,
            },
            timeout=settings.timeout_seconds,
            follow_redirects=False,
            # A proxy has nothing to do with a server on this machine.
            trust_env=not is_loopback_host(url.host),
        )
    except httpx.TransportError as error:
        raise _PassingError(f"{type(error).__name__}") from error
    _judge(answer)


def _judge(answer: httpx.Response) -> None:
    status = answer.status_code
    if answer.is_success:
        return
    if status == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
        raise _PassingError(f"it answered {status}")
    raise WebhookError(
        f"The receiver refused the message with status {status}.",
        where="webhook",
        next_step="Look at webhook.url, and whether the receiver has the same secret.",
    )
