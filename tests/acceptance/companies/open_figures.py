"""Figures that still differ from the truth, by company and surface."""

from __future__ import annotations

from typing import Final

OPEN: Final[dict[tuple[str, str], frozenset[str]]] = {}
