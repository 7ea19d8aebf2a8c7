"""Refuses secrets in YAML: they belong in the environment.

A message names the key and the line, never the value. A file with a secret gets no
other message, because another message might quote it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triptych.core.settings.document import Document, ValuePath
    from triptych.core.settings.problems import Problems

_SECRET_KEY = re.compile(
    r"(^|_)(password|passwd|passphrase|token|secret|api_?key|access_?key"
    r"|access_?key_id|private_?key|credentials?)$"
)
#: Maps keyed by the user's words, where ``token`` is a name like another.
_MAPS_OF_NAMES = frozenset({"tags", "percentages", "mapping", "defaults"})

_SECRET_VALUES = (
    ("an AWS access key id", re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("a Google OAuth secret", re.compile(r"\bGOCSPX-[0-9A-Za-z_-]{20,}")),
    ("an API key of a model provider", re.compile(r"\bsk-[0-9A-Za-z_-]{20,}")),
    ("a GitHub token", re.compile(r"\b(gh[pousr]_|github_pat_)[0-9A-Za-z_]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a password in an address", re.compile(r"://[^/\s:@]+:[^/\s@]+@")),
)
_AWS_SECRET_FORM = re.compile(r"[0-9A-Za-z/+]{40}")
#: Bits per character; random base64 of 40 characters lies near 4.8, words below 4.
_RANDOM_FROM_BITS = 4.2


def refuse_secrets(document: Document, *, problems: Problems) -> bool:
    """Add a problem for each secret in ``document``; return True if any."""
    is_found = False
    for path, key, value in _scalars(document.data, (), is_named_freely=False):
        looks_like = _secret_form(value)
        if not looks_like and not (key and _SECRET_KEY.search(_snake_case(key))):
            continue
        is_found = True
        found = f"holds {looks_like}" if looks_like else "is a secret"
        subject = f"key {key!r}" if key else "a value"
        problems.add(
            document.name,
            document.line_of(path),
            f"{subject} {found}, and secrets do not belong in YAML. Remove it, and"
            " use an environment variable or the provider's own credential chain.",
        )
    return is_found


def _scalars(
    value: Any,  # noqa: ANN401  (any YAML value)
    path: ValuePath,
    *,
    is_named_freely: bool,
) -> Iterator[tuple[ValuePath, str, str]]:
    """Yield path, key (empty if meaningless) and text of every scalar."""
    if isinstance(value, dict):
        for key, item in value.items():
            is_free = path[-1:] != () and path[-1] in _MAPS_OF_NAMES
            yield from _scalars(item, (*path, key), is_named_freely=is_free)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _scalars(item, (*path, position), is_named_freely=True)
    elif value is not None:
        last = path[-1]
        key = "" if is_named_freely or isinstance(last, int) else last
        yield path, key, value


def _snake_case(key: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key.strip())
    return re.sub(r"[\s.-]+", "_", words).lower()


def _secret_form(text: str) -> str:
    for description, pattern in _SECRET_VALUES:
        if pattern.search(text):
            return description
    return "an AWS secret access key" if _is_like_aws_secret(text) else ""


def _is_like_aws_secret(text: str) -> bool:
    return (
        bool(_AWS_SECRET_FORM.fullmatch(text))
        and all(re.search(kind, text) for kind in ("[A-Z]", "[a-z]", "[0-9]"))
        and _bits_per_character(text) >= _RANDOM_FROM_BITS
    )


def _bits_per_character(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
