"""Arrow columns from whole numbers, without a detour over Python objects."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TAGS = pa.map_(pa.string(), pa.string())
TIMES = pa.timestamp("ms", tz="UTC")


def decimals(units: NDArray[np.int64], *, precision: int = 28, scale: int) -> pa.Array:
    """Return ``units`` × 10^-scale as exact decimals."""
    words = np.empty((len(units), 2), dtype=np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63
    type_ = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(
        type_, len(units), [None, pa.py_buffer(np.ascontiguousarray(words))]
    )


def times(seconds: NDArray[np.int64]) -> pa.Array:
    """Return seconds since 1970 as UTC instants."""
    return pa.array(seconds * 1_000).cast(TIMES)


def chosen(values: Sequence[str], index: NDArray[np.int64]) -> pa.Array:
    """Return ``values[index]`` as text that is stored once per value."""
    return pa.DictionaryArray.from_arrays(
        pa.array(index.astype(np.int32)), pa.array(values, pa.string())
    )


def constant(value: str | None, count: int) -> pa.Array:
    """Return the same text, or no value, in every row."""
    index = pa.nulls(count, pa.int32()) if value is None else _zeros(count)
    # There is nothing to check, and a charge has some fifty such columns.
    return pa.DictionaryArray.from_arrays(index, _only(value), safe=False)


@lru_cache(maxsize=2)
def _zeros(count: int) -> pa.Array:
    return pa.array(np.zeros(count, dtype=np.int32))


@lru_cache(maxsize=1_024)
def _only(value: str | None) -> pa.Array:
    return pa.array([] if value is None else [value], pa.string())


def constant_map(pairs: Sequence[tuple[str, str]], count: int) -> pa.Array:
    """Return the same tags in every row."""
    offsets = np.arange(count + 1, dtype=np.int32) * len(pairs)
    keys = pa.array([key for key, _ in pairs], pa.string())
    values = pa.array([value for _, value in pairs], pa.string())
    index = np.tile(np.arange(len(pairs)), count)
    return pa.MapArray.from_arrays(
        pa.array(offsets), keys.take(pa.array(index)), values.take(pa.array(index))
    )
