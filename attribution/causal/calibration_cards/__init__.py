"""Measured interval coverage of each estimator in simulated worlds.

One JSON file per estimator, written by ``make calibration`` and shown beside each
estimate: coverage, false positives, width and power, with the number of replications.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def card_of(design: str) -> Mapping[str, Any]:
    """Return the calibration card of an estimator; empty if there is none."""
    file = files(__name__) / f"{design}.json"
    if not file.is_file():
        return {}
    card: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return card


__all__ = ["card_of"]
