"""Effects of AI: the published studies with all results and refusals.

Nothing is fitted here. A study has separate windows, so the months and the currency
above a page do not apply to it; the scope does, through the feature of the study.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, rows, table, table_of
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import query

if TYPE_CHECKING:
    from datetime import date, datetime

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Placeholder for the grade of a study before its registered end.
NO_GRADE = "–"
#: A bound that a method cannot give is infinite in the marts, and absent here.
_BOUNDED = "CASE WHEN isfinite({0}) THEN {0} END AS {0}"
_SCOPES = {
    "everything": "true",
    "model": "feature_id IN"
    " (SELECT feature_id FROM core.dim_models WHERE model_id = $scope)",
    "team": "feature_id IN"
    " (SELECT feature_id FROM core.dim_features WHERE team_id = $scope"
    " UNION SELECT feature_id FROM core.dim_models WHERE team_id = $scope)",
    "cost centre": "feature_id IN"
    " (SELECT feature_id FROM core.dim_models WHERE cost_center = $scope)",
}
_STUDIES = f"""
SELECT studies.*, coalesce(named.feature, studies.feature_id) AS feature_name,
    (SELECT any_value(unit) FROM attribution.estimates WHERE estimand = 'average'
        AND estimates.study_id = studies.study_id) AS average_unit
FROM attribution.studies LEFT JOIN {named_sql("feature")} AS named USING (feature_id)
WHERE {{condition}}
ORDER BY CASE studies.status WHEN 'estimated' THEN 0 ELSE 1 END,
    studies.grade, feature_name, studies.study_id
"""
_FIGURES = """
SELECT study_id, estimand, effect,
    effect_low_50 AS low_50, effect_high_50 AS high_50,
    effect_low_90 AS low_90, effect_high_90 AS high_90,
    relative_effect AS relative, relative_effect_low_90 AS relative_low,
    relative_effect_high_90 AS relative_high, probability_positive, unit
FROM attribution.estimates
WHERE list_contains($studies, study_id) AND effect IS NOT NULL
"""


@per_run
def outcome_trends(snapshot: Snapshot) -> pa.Table:
    """Return how each business metric moved, with the studies that are about it."""
    return table_of(
        snapshot,
        "outcomes.mart_outcome_trends",
        """
        SELECT trends.*, (
                SELECT string_agg(study_id ||
                    coalesce(' (grade ' || grade || ')', ' (open)'),
                    ', ' ORDER BY study_id)
                FROM attribution.studies WHERE outcome = trends.metric
            ) AS studies
        FROM outcomes.mart_outcome_trends AS trends
        ORDER BY outcome_kind NULLS LAST, metric_name
        """,
    )


@dataclass(frozen=True, slots=True)
class EffectFigures:
    """An effect with its intervals, in ``unit``.

    Bounds that are not finite are ``None``; so is a relative effect with a base too
    near zero.
    """

    effect: float
    low_50: float | None
    high_50: float | None
    low_90: float | None
    high_90: float | None
    relative: float | None
    relative_low: float | None
    relative_high: float | None
    probability_positive: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Study:
    """A published study: its declaration and its result.

    ``average`` is the effect in ``average_unit``, such as per treated unit and day,
    ``total`` that over all of them; both are ``None`` where nothing was estimated.
    """

    study_id: str
    feature_id: str
    feature_name: str
    outcome: str
    outcome_unit: str
    average_unit: str
    period: str
    launch_date: date
    window_start: date
    window_end: date
    as_of_date: date | None
    design: str
    status: str
    grade: str
    grade_reasons: tuple[str, ...]
    state: str
    standing: str
    verdict: str
    decision_level: float | None
    decision_text: str
    minimum_effect: float | None
    minimum_detectable_effect: float | None
    refusal_code: str | None
    refusal_message: str | None
    what_would_fix_it: str | None
    break_even_effect: float | None
    treated_unit_count: int | None
    comparison_unit_count: int | None
    period_count_before: int | None
    period_count_after: int | None
    estimand_text: str
    design_log: tuple[str, ...]
    notes: tuple[str, ...]
    other_launches: tuple[str, ...]
    calibration: dict[str, Any]
    plan: dict[str, Any]
    plan_hash: str
    data_hash: str | None
    seed: int | None
    method_version: str | None
    unbounded_draw_ratio: float | None
    registered_at: datetime | None
    registered_by: str | None
    is_exploratory: bool
    average: EffectFigures | None
    total: EffectFigures | None

    @property
    def is_estimated(self) -> bool:
        """Return True if there is an effect."""
        return self.average is not None

    @property
    def is_randomised(self) -> bool:
        """Return True if the plan assigns units at random."""
        return self.plan.get("assignment") is not None

    @property
    def unit_count(self) -> int:
        """All units, with the feature or without."""
        return (self.treated_unit_count or 0) + (self.comparison_unit_count or 0)

    @property
    def is_controlled(self) -> bool:
        """Return True if the grade is A or B, which the headline counts."""
        return self.grade in {"A", "B"}


@per_run
def studies(snapshot: Snapshot, selection: Selection) -> tuple[Study, ...] | None:
    """Return studies of a scope, estimated first; None if the run has none.

    A run that was published before there were studies has no table of them either.
    """
    scope = {} if selection.covers_everything else {"scope": selection.scope_id}
    return _studies(snapshot, _SCOPES[selection.scope_kind], scope)


@per_run
def study(snapshot: Snapshot, study_id: str) -> Study | None:
    """Return a single study, regardless of its scope."""
    found = _studies(snapshot, "study_id = $study", {"study": study_id})
    return found[0] if found else None


@per_run
def study_ids(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the name of every published study."""
    return tuple(one.study_id for one in _studies(snapshot, "true", {}) or ())


def _studies(
    snapshot: Snapshot, condition: str, parameters: dict[str, Any]
) -> tuple[Study, ...] | None:
    try:
        found = rows(snapshot, _STUDIES.format(condition=condition), **parameters)
        figures = rows(snapshot, _FIGURES, studies=[row["study_id"] for row in found])
    except duckdb.CatalogException:
        return None
    effects = {
        (row.pop("study_id"), row.pop("estimand")): EffectFigures(**_finite(row))
        for row in figures
    }
    return tuple(
        _study_of(
            row,
            effects.get((row["study_id"], "average")),
            effects.get((row["study_id"], "total")),
        )
        for row in found
    )


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and abs(value) == float("inf") else value
        for name, value in row.items()
    }


_LINES = ("grade_reasons", "design_log", "notes", "other_launches")


def _study_of(
    row: dict[str, Any], average: EffectFigures | None, total: EffectFigures | None
) -> Study:
    known = {name: row[name] for name in Study.__slots__ if name in row}
    known |= {name: _lines(row[name]) for name in _LINES}
    known |= {
        "grade": row["grade"] or NO_GRADE,
        "standing": row.get("standing") or "concluded",
        "calibration": json.loads(row["calibration"] or "{}"),
        "plan": json.loads(row["plan"] or "{}"),
        "decision_text": row["decision_text"] or "",
        "estimand_text": row["estimand_text"] or "",
        "design": row["design"] or row["declared_design"],
    }
    return Study(**known, average=average, total=total)


def _lines(text: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (text or "").split("\n")))


@per_run
def study_figures(snapshot: Snapshot, ids: tuple[str, ...]) -> pa.Table:
    """Return effects per treated unit and period, a row per study."""
    return table(
        snapshot,
        """
        SELECT studies.study_id, studies.feature_id, studies.outcome, studies.grade,
            studies.state, studies.verdict, studies.is_exploratory,
            estimates.effect, estimates.effect_low_90, estimates.effect_high_90,
            estimates.unit, estimates.relative_effect,
            estimates.relative_effect_low_90, estimates.relative_effect_high_90,
            estimates.probability_positive, studies.refusal_code
        FROM attribution.studies
        LEFT JOIN attribution.estimates
            ON estimates.study_id = studies.study_id AND estimates.estimand = 'average'
        WHERE list_contains($ids, studies.study_id)
        ORDER BY list_position($ids, studies.study_id)
        """,
        ids=list(ids),
    )


@per_run
def study_checks(snapshot: Snapshot, study_id: str) -> list[dict[str, Any]]:
    """Return the checks of a study in order, pictures as numbers by series."""
    found = rows(
        snapshot,
        """
        SELECT check_order, check_name, status, statistic, threshold, why, picture
        FROM attribution.checks WHERE study_id = $study ORDER BY check_order
        """,
        study=study_id,
    )
    return [row | {"picture": json.loads(row["picture"] or "{}")} for row in found]


@per_run
def counterfactual(snapshot: Snapshot, study_id: str) -> pa.Table:
    """Return observed and counterfactual values by day, oldest first."""
    bounds = ", ".join(
        _BOUNDED.format(f"{name}_{side}_90")
        for name in ("counterfactual", "effect", "cumulative_effect")
        for side in ("low", "high")
    )
    return table(
        snapshot,
        f"""
        SELECT effect_date, is_post, observed, counterfactual, effect,
            cumulative_effect, {bounds}
        FROM attribution.counterfactuals WHERE study_id = $study ORDER BY effect_date
        """,
        study=study_id,
    )


@per_run
def contributions(snapshot: Snapshot, study_id: str) -> pa.Table:
    """Return factors of a change, each from the end of the previous factor.

    The total begins at nothing. Bounds are placed beside the bars they belong to.
    """
    asked = query(
        "contribution",
        by=("factor_order",),
        where={"study_id": study_id},
        running="factor_order",
    )
    return table(
        snapshot,
        f"""
        SELECT factor, kind, parts.contribution, contribution_low_90,
            contribution_high_90, robustness_value, parts.unit,
            placed.contribution IS NULL AS is_total,
            coalesce(contribution_begin, 0) AS starts_at,
            starts_at + parts.contribution AS ends_at,
            starts_at + contribution_low_90 AS low_at,
            starts_at + contribution_high_90 AS high_at
        FROM attribution.contributions AS parts
        LEFT JOIN ({compile_query(asked)}) AS placed USING (factor_order)
        WHERE study_id = $study ORDER BY is_total, factor_order
        """,
        study=study_id,
    )


@per_run
def sensitivity(snapshot: Snapshot, study_id: str) -> pa.Table:
    """Return every other way to estimate a study, the smallest effect first.

    ``run_rank`` counts runs with an effect; refused runs come last, without a rank.
    """
    return table(
        snapshot,
        f"""
        SELECT kind, variant, effect, {_BOUNDED.format("effect_low_90")},
            {_BOUNDED.format("effect_high_90")}, refusal_code, is_declared,
            CASE WHEN effect IS NOT NULL
                THEN row_number() OVER (ORDER BY effect NULLS LAST, kind, variant_order)
            END AS run_rank
        FROM attribution.sensitivity WHERE study_id = $study
        ORDER BY run_rank NULLS LAST, kind, variant_order
        """,
        study=study_id,
    )
