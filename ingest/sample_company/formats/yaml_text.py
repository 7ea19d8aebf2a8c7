"""Nested dictionaries as YAML text, plain and always in the same way."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def to_yaml(content: Mapping[str, object]) -> str:
    """Return block style; texts are quoted, decimals stand as texts."""
    return "\n".join(_lines(content, "")) + "\n"


def _lines(content: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{_key(key)}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{_key(key)}: {_scalar(value)}"


def _key(key: object) -> str:
    text = str(key)
    return text if text.replace("_", "").isalpha() else json.dumps(text)


def _scalar(value: object) -> str:
    if isinstance(value, Decimal):
        return json.dumps(f"{value:f}")
    return json.dumps(value, ensure_ascii=False)
