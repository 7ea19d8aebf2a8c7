"""Divides quantities so that the parts sum to the whole."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXACT = Decimal(1).scaleb(-15)
_ZERO = Decimal(0)


def divided(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Divide a quantity by weights, so that the parts sum to it exactly.

    Examples
    --------
    >>> [str(part) for part in divided(Decimal(1), [Decimal(1)] * 3)]
    ['0.333333333333334', '0.333333333333333', '0.333333333333333']
    """
    weight = sum(weights, _ZERO)
    if weight <= 0:
        weights, weight = [Decimal(1)] * len(weights), Decimal(len(weights))
    parts = [exact(total * each / weight) for each in weights]
    largest = max(range(len(parts)), key=lambda position: weights[position])
    parts[largest] += total - sum(parts, _ZERO)
    return parts


def divided_up_to(
    total: Decimal, weights: Sequence[Decimal], limits: Sequence[Decimal]
) -> list[Decimal]:
    """Divide by weights, and give others the excess over a part's limit.

    The limits hold the total together; ties go in the order given.

    Examples
    --------
    >>> one, half = Decimal(1), Decimal("0.5")
    >>> [float(part) for part in divided_up_to(one, [one, _ZERO], [half, one])]
    [0.5, 0.5]
    """
    parts = [_ZERO] * len(weights)
    open_ = list(range(len(weights)))
    left = total
    while open_:
        tried = divided(left, [weights[position] for position in open_])
        full = [p for p, part in zip(open_, tried, strict=True) if part >= limits[p]]
        if not full:
            for position, part in zip(open_, tried, strict=True):
                parts[position] = part
            break
        for position in full:
            parts[position] = min(limits[position], left)
            left -= parts[position]
        open_ = [position for position in open_ if position not in full]
    return parts


def exact(quantity: Decimal) -> Decimal:
    """Return a quantity at the fifteen decimals at which parts are kept."""
    return quantity.quantize(_EXACT)
