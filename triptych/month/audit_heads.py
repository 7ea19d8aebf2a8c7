"""The head of the audit log, to be kept where nobody who can write the workspace can.

A head is number, hash and moment of the newest entry. ``triptych audit head`` writes it
to a file or sends it to the webhook; each close sends its final head.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from triptych.core.errors import SettingsError, UsageError
from triptych.core.whole_files import write_whole
from triptych.service import webhook

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.settings import Settings

_KIND = "audit.head"


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest entry, which represents all up to it.

    ``written_at`` is when the entry was written, UTC, in ISO 8601.
    """

    organisation: str
    entries: int
    head_hash: str
    written_at: str | None


def write_head(head: AuditHead, path: Path) -> None:
    """Write a head, whole or not at all.

    Raises
    ------
    UsageError
        The file cannot be written.
    """
    try:
        write_whole(path, f"{json.dumps(asdict(head), indent=2)}\n")
    except OSError as error:
        raise UsageError(
            f"The head cannot be written: {error.strerror or error}.",
            where=str(path),
            next_step="Name a file in an existing folder that this user may write.",
        ) from error


def read_head_hash(path: Path) -> str | None:
    """Return the hash of a file of :func:`write_head`; None of any other file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content["head_hash"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def send_head(head: AuditHead, settings: Settings) -> None:
    """Post a head to the webhook, signed.

    Raises
    ------
    SettingsError
        There is no webhook, or no secret to sign with.
    WebhookError
        It was not delivered.
    """
    if settings.webhook.url is None:
        raise SettingsError(
            "There is no webhook to send the head to.",
            where="webhook.url",
            next_step="Set webhook.url in triptych.yml, or write the head to a file"
            ' with "triptych audit head --to FILE".',
        )
    webhook.post(settings.webhook, kind=_KIND, data=asdict(head))
