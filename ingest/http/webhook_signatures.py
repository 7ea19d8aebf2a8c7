"""Signatures of webhooks that cover identity, time and body.

Source: Standard Webhooks, *Signature scheme*: ``v1,`` and the base64 of HMAC-SHA256
over ``id.timestamp.body``. MLflow signs alike, with custom headers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

#: A message sent longer ago, or so far in the future, is refused: anybody who recorded
#: it could send it again.
LONGEST_AGE = timedelta(minutes=5)


def signature_of(body: bytes, *, key: bytes, message_id: str, sent: str) -> str:
    """Return the signature that a sender with this key makes.

    Parameters
    ----------
    body : bytes
        Exactly as received.
    key : bytes
        Secret shared by sender and receiver.
    message_id, sent : str
        Identity and time, as given in the headers.
    """
    signed = f"{message_id}.{sent}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def is_recent(sent: str, now: datetime) -> bool:
    """Return True if a time since 1970 is within :data:`LONGEST_AGE`."""
    if not (sent.isascii() and sent.isdigit()):
        return False
    return abs(now.timestamp() - int(sent)) <= LONGEST_AGE.total_seconds()
