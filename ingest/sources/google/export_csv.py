"""Reads the cells of a billing export that was written as CSV.

CSV cannot nest. Tools that write the export as CSV give it dotted headers and leave
a JSON text, or the literal of a Python program, in the cell of a repeated field.
Both are parsed as data, and neither is ever run.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ingest.sources.google.export import FIELDS, PROMOTION

if TYPE_CHECKING:
    from collections.abc import Sequence

Reader = Callable[[str | None], str | None]

#: Begins a cost that cannot be read because the row's credits cannot.
UNREADABLE = "unreadable credits"


def readers_of_header(header: Sequence[str]) -> dict[str, tuple[int, Reader]]:
    """Return, per canonical column, the position of its cell and how to read it."""
    folded = {name.strip().casefold(): index for index, name in enumerate(header)}
    readers: dict[str, tuple[int, Reader]] = {}
    for field in FIELDS:
        is_flat = field.kind in _FLATTENED_ELSEWHERE and field.name in folded
        spellings = (field.name, ".".join(field.path), "_".join(field.path))
        position = next((folded[s] for s in spellings if s in folded), None)
        if position is not None:
            readers[field.name] = (
                position,
                _as_it_is if is_flat else _READERS.get(field.kind, _as_it_is),
            )
    return readers


def damaged_cost(cost: str | None, credits_cell: str | None) -> str | None:
    """Return the cost, or an unreadable text if the row's credits are unreadable.

    The net cost of such a row is unknown, so it belongs in quarantine, whole.
    """
    try:
        _credit_amounts(credits_cell, only=None)
    except ValueError:
        return f"{cost} with {UNREADABLE} {credits_cell}"
    return cost


def _as_it_is(cell: str | None) -> str | None:
    return cell


def _read_month(cell: str | None) -> str | None:
    text = (cell or "").strip()
    is_compact = len(text) == 6 and text.isdigit()  # noqa: PLR2004  (YYYYMM)
    return f"{text[:4]}-{text[4:]}-01" if is_compact else cell


def _read_labels(cell: str | None) -> str | None:
    try:
        entries = _parse_cell(cell)
    except ValueError:
        return None
    if isinstance(entries, dict):
        return json.dumps(entries, sort_keys=True, default=str)
    pairs = {
        str(entry["key"]): entry.get("value")
        for entry in sorted(_records(entries), key=lambda e: str(e.get("value")))
        if entry.get("key") is not None
    }
    return json.dumps(pairs, sort_keys=True, default=str) if pairs else None


def _read_credits(cell: str | None) -> str | None:
    return _sum_text(cell, only=None)


def _read_promotions(cell: str | None) -> str | None:
    return _sum_text(cell, only=PROMOTION)


def _sum_text(cell: str | None, *, only: str | None) -> str | None:
    try:
        return format(sum(_credit_amounts(cell, only=only), Decimal(0)), "f")
    except ValueError:
        return None


def _read_kept_credits(cell: str | None) -> str | None:
    try:
        return json.dumps(_parse_cell(cell), default=str)
    except ValueError:
        return cell


#: Kinds with a canonical column that, where delivered as such, needs no more reading.
_FLATTENED_ELSEWHERE = frozenset({"month", "credits", "promotions"})

_READERS: dict[str, Reader] = {
    "month": _read_month,
    "labels": _read_labels,
    "credits": _read_credits,
    "promotions": _read_promotions,
    "kept_credits": _read_kept_credits,
}


def _credit_amounts(cell: str | None, *, only: str | None) -> list[Decimal]:
    amounts = []
    for credit in _records(_parse_cell(cell)):
        if only is not None and credit.get("type") != only:
            continue
        try:
            # The text of a float is the shortest that means it: no digit is added.
            amount = Decimal(str(credit.get("amount", 0)))
        except InvalidOperation as error:
            raise ValueError("a credit's amount is not a number") from error
        if not amount.is_finite():
            raise ValueError("a credit's amount is not finite")
        amounts.append(amount)
    return amounts


def _records(value: object) -> list[dict[str, object]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise ValueError("not a list of records")
    return value


def _parse_cell(cell: str | None) -> object:
    """Read a nested cell: JSON, or the literal that a Python program wrote."""
    text = (cell or "").strip()
    if not text:
        return None
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError("neither JSON nor a literal") from error
