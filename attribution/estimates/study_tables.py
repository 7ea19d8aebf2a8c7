"""Tables of ``estimates`` for study findings, by table and column.

dbt publishes them as the schema ``attribution``, except treated units and draws by
month, which only computations from effects read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEXT, _NUMBER, _COUNT = "VARCHAR", "DOUBLE", "INTEGER"
_STUDY = {"study_id": _TEXT}


def _interval(name: str, *levels: int) -> dict[str, str]:
    """Return the columns of a figure with the ends of its intervals."""
    ends = [f"{name}_{end}_{level}" for level in levels for end in ("low", "high")]
    return dict.fromkeys([name, *ends], _NUMBER)


#: Table → column → type. Every table begins with the study that its rows belong to.
STUDY_TABLES: Mapping[str, Mapping[str, str]] = {
    "attribution_studies": {
        **_STUDY,
        "feature_id": _TEXT,
        "outcome": _TEXT,
        "outcome_unit": _TEXT,
        "period": _TEXT,
        "launch_date": "DATE",
        "window_start": "DATE",
        "window_end": "DATE",
        "as_of_date": "DATE",
        "declared_design": _TEXT,
        "design": _TEXT,
        "status": _TEXT,
        "grade": _TEXT,
        "grade_reasons": _TEXT,
        "state": _TEXT,
        "standing": _TEXT,
        "verdict": _TEXT,
        "decision_level": _NUMBER,
        "decision_text": _TEXT,
        "minimum_effect": _NUMBER,
        "minimum_detectable_effect": _NUMBER,
        "refusal_code": _TEXT,
        "refusal_message": _TEXT,
        "what_would_fix_it": _TEXT,
        "break_even_effect": _NUMBER,
        "treated_unit_count": _COUNT,
        "comparison_unit_count": _COUNT,
        "period_count_before": _COUNT,
        "period_count_after": _COUNT,
        "estimand_text": _TEXT,
        "design_log": _TEXT,
        "notes": _TEXT,
        "other_launches": _TEXT,
        "calibration": _TEXT,
        "plan": _TEXT,
        "plan_hash": _TEXT,
        "data_hash": _TEXT,
        "seed": "BIGINT",
        "method_version": _TEXT,
        "unbounded_draw_ratio": _NUMBER,
        "registered_at": "TIMESTAMP",
        "registered_by": _TEXT,
        "is_exploratory": "BOOLEAN",
    },
    "attribution_estimates": {
        **_STUDY,
        "estimand": _TEXT,
        "design": _TEXT,
        "grade": _TEXT,
        "status": _TEXT,
        "refusal_code": _TEXT,
        **_interval("effect", 50, 90, 95),
        **_interval("relative_effect", 90),
        "probability_positive": _NUMBER,
        "p_value": _NUMBER,
        "unit": _TEXT,
        "plan_hash": _TEXT,
        "data_hash": _TEXT,
        "seed": "BIGINT",
        "is_exploratory": "BOOLEAN",
    },
    "attribution_checks": {
        **_STUDY,
        "check_order": _COUNT,
        "check_name": _TEXT,
        "status": _TEXT,
        "statistic": _NUMBER,
        "threshold": _TEXT,
        "why": _TEXT,
        "picture": _TEXT,
    },
    "attribution_counterfactuals": {
        **_STUDY,
        "effect_date": "DATE",
        "is_post": "BOOLEAN",
        "observed": _NUMBER,
        **_interval("counterfactual", 90),
        **_interval("effect", 90),
        **_interval("cumulative_effect", 90),
    },
    "attribution_contributions": {
        **_STUDY,
        "factor_order": _COUNT,
        "factor": _TEXT,
        "kind": _TEXT,
        **_interval("contribution", 90),
        "robustness_value": _NUMBER,
        "unit": _TEXT,
    },
    "attribution_sensitivity": {
        **_STUDY,
        "kind": _TEXT,
        "variant_order": _COUNT,
        "variant": _TEXT,
        "is_declared": "BOOLEAN",
        **_interval("effect", 90),
        "refusal_code": _TEXT,
    },
    "attribution_study_units": {**_STUDY, "unit": _TEXT},
    "attribution_monthly_draws": {
        **_STUDY,
        "effect_month": _TEXT,
        "draw": _COUNT,
        "effect": _NUMBER,
    },
}
