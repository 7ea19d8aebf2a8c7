"""Tables of ``estimates`` that hold the state of single series.

Nothing reads them but the next run: the results of a series hold for as long as its
days do. Each begins with its key, then the digest of its inputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attribution.estimates.derived_columns import DRIVER_COLUMNS, ELASTICITY_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _NUMBER, _COUNT = "VARCHAR", "DOUBLE", "INTEGER"
_NUMBERS, _COUNTS = "DOUBLE[]", "INTEGER[]"

#: Table → the columns that name a row.
KEPT_KEYS: Mapping[str, tuple[str, ...]] = {
    "kept_forecasts": ("currency", "part"),
    "kept_judgements": ("currency", "model_id", "source", "service_name"),
    "kept_explanations": ("digest",),
    "kept_elasticities": ("digest",),
}
#: Table → column → type.
KEPT_TABLES: Mapping[str, Mapping[str, str]] = {
    "kept_forecasts": {
        "currency": _TEXT,
        "part": _TEXT,
        "digest": _TEXT,
        "training_digest": _TEXT,
        "method": _TEXT,
        "days": _NUMBERS,
        "level": _NUMBER,
        "daily_widths": _NUMBERS,
        "band_low": _NUMBERS,
        "band_high": _NUMBERS,
        "largest": _NUMBER,
        "least": _NUMBER,
        "at_most_when_back": _NUMBER,
        "variance": _NUMBER,
        "origin_count": _COUNT,
        "error_ratio": _NUMBER,
        "naive_error_ratio": _NUMBER,
        "coverage_ratio": _NUMBER,
        "past_weeks": _COUNTS,
        "past_counts": _COUNTS,
        "past_errors": _NUMBERS,
        "past_coverages": _NUMBERS,
        "past_unwidened": _NUMBERS,
        "past_widenings": _NUMBERS,
        "parameters": "MAP(VARCHAR, DOUBLE[])",
    },
    "kept_judgements": {
        "currency": _TEXT,
        "model_id": _TEXT,
        "source": _TEXT,
        "service_name": _TEXT,
        "digest": _TEXT,
        "first_day": "DATE",
        "day_values": _NUMBERS,
        "expected": _NUMBERS,
        "high": _NUMBERS,
        "direction": _COUNTS,
        "taught": _COUNTS,
        "settled_first": _COUNTS,
        "settled_last": _COUNTS,
        "together_first": _COUNTS,
        "together_last": _COUNTS,
    },
    "kept_explanations": {
        "digest": _TEXT,
        **DRIVER_COLUMNS,
    },
    "kept_elasticities": {
        "digest": _TEXT,
        **ELASTICITY_COLUMNS,
    },
}
