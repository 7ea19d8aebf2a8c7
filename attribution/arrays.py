"""Names for the arrays that are handed about: by what they hold, of any shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: Whole numbers: counts, periods, places.
Whole = NDArray[np.int64]
