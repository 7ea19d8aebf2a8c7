"""Metadata in web server answers: errors, waits, numbers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class NoNumberError(Exception):
    """Error for NaN or infinity where JSON has no such value."""


def no_number(text: str) -> object:
    """Refuse a constant that JSON does not define as a number."""
    raise NoNumberError(text)


def retry_after_seconds(header: str | None) -> float | None:
    """Return the wait that *Retry-After* asks for, given in seconds or as a date."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def server_message(body: bytes) -> str:
    """Return the sentence in an error's body, in the forms that APIs use.

    Other texts in it are not shown: they may be of rows, and name people.
    """
    text = body.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return _sentence(answer) or ("" if _has_text(answer) else text)


def _sentence(answer: object) -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return _sentence(answer[0]) if answer else ""
    if isinstance(answer, dict):
        for key in ("error", "errors", "message", "detail", "msg"):
            if sentence := _sentence(answer.get(key)):
                return sentence
    return ""


def _has_text(answer: object) -> bool:
    if isinstance(answer, dict):
        return any(map(_has_text, answer.values()))
    if isinstance(answer, list):
        return any(map(_has_text, answer))
    return isinstance(answer, str)
