"""Findings of a study, as rows of the estimate tables.

Every figure is read off the draws of the estimate. A refused study has rows without
figures, and a failed study too.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from attribution.causal.refusal import Refusal
from attribution.causal.verdict import detectable, verdict
from attribution.estimates.study_tables import STUDY_TABLES
from attribution.studies.monthly_draws import monthly_draws

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from attribution.causal.effect import Effect
    from attribution.causal.estimating import Attempt
    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.result import Estimate
    from attribution.causal.sensitivity import Run
    from attribution.studies.asked import Asked

_Row = dict[str, Any]
_NO_GRADE_YET = (
    "No grade before the registered end: a study that is open is not counted."
)
_LEVEL = 0.9
_ARROW = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
}


def rows_of_attempt(
    asked: Asked, attempt: Attempt, sensitivity: Sequence[Run] = ()
) -> dict[str, pa.Table]:
    """Return the rows of an estimate or a refusal, by table."""
    design = attempt.design or _named_design(asked.plan)
    study = _study(asked, design) | _shape(attempt, asked.plan)
    result = attempt.result
    if isinstance(result, Refusal):
        return rows_of_refusal(asked, result, study)
    study |= _found(asked, result)
    draws = monthly_draws(asked.plan, result)
    return _tables(
        {
            "attribution_studies": [study],
            "attribution_estimates": _estimates(study, result, asked.plan),
            "attribution_checks": _checks(result),
            "attribution_counterfactuals": _counterfactuals(result),
            "attribution_contributions": _contributions(result),
            "attribution_sensitivity": _sensitivity(sensitivity),
            "attribution_study_units": _units(attempt, asked.plan),
        },
        study_id=asked.plan.id,
    ) | {"attribution_monthly_draws": draws}


def rows_of_refusal(
    asked: Asked, refusal: Refusal, study: Mapping[str, Any] | None = None
) -> dict[str, pa.Table]:
    """Return the rows of a refused study: a code, no figure."""
    row = dict(study or _study(asked, _named_design(asked.plan))) | {
        "status": "refused",
        "verdict": "refused",
        "refusal_code": refusal.code,
        "refusal_message": refusal.message,
        "what_would_fix_it": refusal.what_would_fix_it,
        "design_log": _lines(refusal.design_log),
        "data_hash": refusal.data_hash,
    }
    return _without_figures(asked, row)


def rows_of_failure(asked: Asked, error: str) -> dict[str, pa.Table]:
    """Return the rows of a study with an internal estimation error."""
    row = _study(asked, _named_design(asked.plan)) | {
        "status": "failed",
        "verdict": "failed",
        "refusal_message": error,
        "what_would_fix_it": "Report the message; other studies are not affected.",
    }
    return _without_figures(asked, row)


def _without_figures(asked: Asked, study: _Row) -> dict[str, pa.Table]:
    estimates = [
        _identity(study) | {"estimand": estimand, "unit": unit}
        for estimand, unit in _estimands(asked.plan)
    ]
    rows = {"attribution_studies": [study], "attribution_estimates": estimates}
    return _tables(rows, study_id=asked.plan.id)


def _study(asked: Asked, design: str) -> _Row:
    plan, registered = asked.plan, asked.registered
    return {
        "feature_id": plan.feature,
        "outcome": plan.outcome,
        "outcome_unit": plan.outcome_unit,
        "period": plan.period,
        "launch_date": plan.launch,
        "window_start": plan.window.start,
        "window_end": plan.window.end,
        "as_of_date": asked.as_of,
        "declared_design": plan.design,
        "design": design or None,
        "grade": "X",
        **dict.fromkeys(("grade_reasons", "estimand_text", "design_log"), ""),
        "notes": _lines(registered.notes),
        "calibration": "{}",
        "state": registered.state,
        "standing": registered.standing(is_over=asked.is_over),
        "decision_level": plan.decision_rule.level,
        "decision_text": plan.decision_rule.text,
        "minimum_effect": plan.minimum_effect,
        "minimum_detectable_effect": registered.minimum_detectable_effect,
        "break_even_effect": plan.break_even,
        "other_launches": _lines(_launches(plan)),
        "plan": plan.canonical(),
        "plan_hash": plan.hash,
        "data_hash": "",
        "seed": asked.seed,
        "method_version": asked.method_version,
        "registered_at": registered.at and _naive_utc(registered.at),
        "registered_by": registered.by,
        "is_exploratory": registered.is_exploratory,
    }


def _shape(attempt: Attempt, plan: Plan) -> _Row:
    panel = attempt.panel
    if panel is None:
        return {}
    treated = _treated(panel, plan)
    return {
        "treated_unit_count": int(treated.sum()),
        "comparison_unit_count": int((~treated).sum()),
        "period_count_before": panel.before,
        "period_count_after": panel.after,
    }


def _units(attempt: Attempt, plan: Plan) -> list[_Row]:
    """Return the treated units by name: those that a study claims changed."""
    panel = attempt.panel
    if panel is None:
        return []
    return [{"unit": panel.units[i]} for i in np.flatnonzero(_treated(panel, plan))]


def _treated(panel: Panel, plan: Plan) -> NDArray[np.bool_]:
    """Return who gets the feature: by roll-out, or by lot where the plan drew lots."""
    if plan.assignment is None or plan.assignment.column not in panel.columns:
        return panel.treated
    treated: NDArray[np.bool_] = np.any(
        panel.column(plan.assignment.column) == 1.0, axis=1
    )
    return treated


def _found(asked: Asked, estimate: Estimate) -> _Row:
    unbounded = ~np.isfinite(estimate.effect.draws)
    reasons = estimate.grading.reasons if estimate.grading else ()
    if is_interim(asked, estimate):
        reasons = (_NO_GRADE_YET, *reasons)
    return {
        "status": "estimated",
        "grade": None if is_interim(asked, estimate) else estimate.grade,
        "grade_reasons": _lines(reasons),
        "verdict": "interim"
        if is_interim(asked, estimate)
        else verdict(estimate, asked.plan),
        "minimum_detectable_effect": detectable(estimate.average),
        "estimand_text": estimate.estimand,
        "design_log": _lines(estimate.design_log),
        "notes": _lines((*asked.registered.notes, *estimate.notes)),
        "calibration": _json(estimate.calibration),
        "data_hash": estimate.data_hash,
        "unbounded_draw_ratio": float(estimate.effect.weights[unbounded].sum()),
    }


def is_interim(asked: Asked, estimate: Estimate) -> bool:
    """Return whether figures of the study are still to come: then it has no verdict."""
    return not asked.is_over and estimate.progress < 1.0


def _estimands(plan: Plan) -> tuple[tuple[str, str], ...]:
    return ("total", plan.outcome_unit), ("average", _average_unit(plan))


def _average_unit(plan: Plan) -> str:
    return f"{plan.outcome_unit} per {plan.cell}"


def _identity(study: Mapping[str, Any]) -> _Row:
    shared = STUDY_TABLES["attribution_estimates"].keys() & study.keys()
    return {name: study[name] for name in shared}


def _estimates(study: _Row, estimate: Estimate, plan: Plan) -> list[_Row]:
    relative = replace(estimate, level=_LEVEL).relative or (None, None, None)
    shared = _identity(study) | {
        "relative_effect": relative[0],
        "relative_effect_low_90": relative[1],
        "relative_effect_high_90": relative[2],
        "probability_positive": estimate.effect.probability_positive,
        "p_value": estimate.effect.p_value,
    }
    return [
        shared | {"estimand": "total", "unit": plan.outcome_unit}
        | _with_intervals(estimate.effect),
        shared | {"estimand": "average", "unit": _average_unit(plan)}
        | _with_intervals(estimate.average),
    ]  # fmt: skip


def _with_intervals(effect: Effect) -> _Row:
    row: _Row = {"effect": effect.point}
    for level in (50, 90, 95):
        low, high = effect.interval(level / 100)
        row |= {f"effect_low_{level}": low, f"effect_high_{level}": high}
    return row


def _checks(estimate: Estimate) -> list[_Row]:
    return [
        {
            "check_order": order,
            "check_name": check.name,
            "status": check.status,
            "statistic": check.statistic,
            "threshold": check.threshold,
            "why": check.why,
            "picture": _json(check.picture),
        }
        for order, check in enumerate(estimate.checks, start=1)
    ]


def _counterfactuals(estimate: Estimate) -> list[_Row]:
    path = replace(estimate, level=_LEVEL).path
    after = [
        {"effect_date": day.date(), "is_post": True, **row}
        for day, row in zip(path.index, _records(path), strict=True)
    ]
    return _history(estimate) + after


def _history(estimate: Estimate) -> list[_Row]:
    if estimate.history is None:
        return []
    return [
        {
            "effect_date": row["date"].date(),
            "is_post": False,
            "observed": row["observed"],
            "counterfactual": row["expected"],
        }
        for row in _records(estimate.history)
    ]


def _contributions(estimate: Estimate) -> list[_Row]:
    table = estimate.contributions
    if table is None:
        return []
    return [
        {"factor_order": order, **row}
        for order, row in enumerate(_records(table), start=1)
    ]


def _records(table: pd.DataFrame) -> list[_Row]:
    """Return rows by column; the ends of intervals are named by their level."""
    return [
        {
            f"{name}_90" if str(name).endswith(("_low", "_high")) else str(name): cell
            for name, cell in row.items()
        }
        for row in table.to_dict("records")
    ]


def _sensitivity(runs: Sequence[Run]) -> list[_Row]:
    return [
        {
            "kind": run.kind,
            "variant_order": order,
            "variant": run.variant,
            "is_declared": run.is_declared,
            "effect": run.effect,
            "effect_low_90": run.low,
            "effect_high_90": run.high,
            "refusal_code": run.refusal_code,
        }
        for order, run in enumerate(runs, start=1)
    ]


def _tables(
    rows: Mapping[str, Sequence[_Row]], *, study_id: str
) -> dict[str, pa.Table]:
    return {
        table: _table(table, [{"study_id": study_id, **row} for row in records])
        for table, records in rows.items()
    }


def _table(name: str, records: Sequence[_Row]) -> pa.Table:
    columns = STUDY_TABLES[name]
    return pa.table(
        {
            column: pa.array(
                [_plain(record.get(column)) for record in records], _ARROW[type_]
            )
            for column, type_ in columns.items()
        }
    )


def _plain(value: Any) -> Any:  # noqa: ANN401  (whatever a cell holds)
    """Return a cell: NaN is unknown, and unknown is NULL."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _json(content: object) -> str:
    return json.dumps(_finite(content), sort_keys=True)


def _finite(content: object) -> object:
    """Return content as JSON can have it, which knows no infinity."""
    match content:
        case dict():
            return {str(key): _finite(value) for key, value in content.items()}
        case list() | tuple():
            return [_finite(value) for value in content]
        case np.generic() | np.ndarray():
            return _finite(content.tolist())
        case float():
            return content if math.isfinite(content) else None
    return content


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _launches(plan: Plan) -> list[str]:
    return [
        f"{launch.on} {launch.name}"
        + (f" ({', '.join(launch.units)})" if launch.units else "")
        for launch in plan.other_launches
    ]


def _named_design(plan: Plan) -> str:
    return "" if plan.design == "auto" else plan.design


def _naive_utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None)
