"""Exact money in whole numbers of 1e-10 currency units, and how it is split."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECIMALS: Final = 10
UNITS: Final = 10**DECIMALS
#: A millionth: times a rate of four decimals it still has ten decimals.
MICRO: Final = 10**4


def to_units(amount: float) -> int:
    """Return an amount as units, rounded to a millionth."""
    return round(amount * 1_000_000) * MICRO


def to_decimal(units: int) -> Decimal:
    """Return units as a decimal number with ten decimals."""
    return Decimal(int(units)).scaleb(-DECIMALS)


def split(
    amount: int, weights: NDArray[np.float64], *, quantum: int = 1
) -> NDArray[np.int64]:
    """Split ``amount`` by weights into parts that sum to it exactly.

    Parameters
    ----------
    amount : int
        Units to split; a multiple of ``quantum``; may be negative.
    weights : array of float
        Positive, a weight per part.
    quantum : int
        Every part is a multiple of it.

    Notes
    -----
    Each part is rounded down; the remainder, less than a quantum per part (and the
    error of floating point), goes in single quanta to the first parts.
    """
    quanta = abs(amount) // quantum
    parts = np.floor(weights * (quanta / weights.sum())).astype(np.int64)
    each, rest = divmod(quanta - int(parts.sum()), len(parts))
    parts += each
    parts[:rest] += 1
    step = np.int64(quantum if amount >= 0 else -quantum)
    return np.asarray(parts * step, dtype=np.int64)
