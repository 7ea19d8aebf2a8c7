"""dbt inputs on return: assumptions, and values signed for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from triptych.core.control.periods import entries_table
from triptych.core.warehouse.build import ControlTable

if TYPE_CHECKING:
    from triptych.core.settings import Assumption, Settings
    from triptych.core.warehouse.locks import PeriodHistory

#: Characters of a version: enough to distinguish any two, and short enough to print.
_VERSION_LENGTH = 12

_VALIDATED = ("feature_id", "basis", "validated_by", "published_run_id")
_VALIDATION = {
    **dict.fromkeys(_VALIDATED, "VARCHAR"),
    "net_value": "DOUBLE",
    "currency": "VARCHAR",
}


def return_tables(settings: Settings, history: PeriodHistory) -> list[ControlTable]:
    """Return the control tables that estimates of return start from."""
    return [
        entries_table("value_validations", history.validations, _VALIDATION),
        ControlTable(
            "assumptions",
            {
                "assumption_id": "VARCHAR",
                "assumption_version": "VARCHAR",
                "kind": "VARCHAR",
                "feature_id": "VARCHAR",
                "metric": "VARCHAR",
                "assumed": "DOUBLE",
                "assumed_low": "DOUBLE",
                "assumed_high": "DOUBLE",
                "unit": "VARCHAR",
                "better": "VARCHAR",
                "takes_margin": "BOOLEAN",
                "is_cash": "BOOLEAN",
                "amortised_months": "INTEGER",
                "owner": "VARCHAR",
                "evidence": "VARCHAR",
                "approved_by": "VARCHAR",
                "valid_from": "DATE",
                "valid_to": "DATE",
            },
            [_row(assumption) for assumption in settings.assumptions.assumptions],
        ),
    ]


def _row(assumption: Assumption) -> tuple[object, ...]:
    return (
        assumption.id,
        version_of(assumption),
        assumption.kind,
        assumption.applies_to.feature,
        assumption.applies_to.metric,
        assumption.value,
        assumption.low,
        assumption.high,
        assumption.unit,
        assumption.better,
        assumption.takes_margin,
        assumption.cash,
        assumption.months,
        assumption.owner,
        assumption.source,
        assumption.approved_by,
        assumption.valid_from,
        assumption.valid_to,
    )


def version_of(assumption: Assumption) -> str:
    """Return a text that differs whenever anything about an assumption does."""
    return hashlib.sha256(assumption.model_dump_json().encode()).hexdigest()[
        :_VERSION_LENGTH
    ]
