"""Type aliases for arrays of any shape, named by their contents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Whole numbers: counts, periods, places.
Whole = NDArray[np.int64]
