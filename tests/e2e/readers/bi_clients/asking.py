"""What every client does: ask over and over until told to stop, then read every mart.

It imports nothing of triptych, for it runs where triptych is not installed. A line of
what it prints is an answer: the run, the total by day and the total of the waterfall.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: One query, so that its answer is of one run wherever a client connects anew.
QUESTION = (
    "SELECT (SELECT run_id FROM core.mart_run) AS run_id,"
    " (SELECT sum(billed_cost) FROM cost.fct_daily_model_costs) AS daily,"
    " (SELECT sum(billed_cost) FROM cost.mart_cost_waterfall"
    " WHERE step = 'ledger') AS waterfall"
)


def ask_until(stop: str, ask: Callable[[], Iterable[object]]) -> None:
    """Ask until a file is there, and print each answer."""
    while not Path(stop).exists():
        sys.stdout.write(json.dumps([str(part) for part in ask()]) + "\n")
        sys.stdout.flush()
        time.sleep(0.02)


def digest_of(rows: Iterable[Iterable[object]]) -> str:
    """Return a digest of rows with every digit, whatever their order."""
    lines = sorted(json.dumps([as_text(value) for value in row]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def as_text(value: Any) -> Any:
    """Return a value as text that is the same wherever it comes from."""
    if hasattr(value, "tolist"):  # of numpy
        value = value.tolist()
    if value is None or value != value:  # noqa: PLR0124  (what is not a number)
        return None
    if isinstance(value, (list, tuple)):
        return [as_text(part) for part in value]
    return _scalar(value)


def _scalar(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return f"{Decimal(str(value)).normalize():f}"
        case datetime():  # a date that a client made a moment of is one still
            moment = value.replace(tzinfo=None)
            return moment.isoformat(" ").removesuffix(" 00:00:00")
        case date():
            return value.isoformat()
    return str(value)
