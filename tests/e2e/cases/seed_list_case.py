"""What the list that triptych began with asks for, row by row, and where each is.

Three layers of three metrics; attribution; three criteria of platforms; the case of a
logistics company; and what a company should do. Each row is read by SQL: a figure, an
interval, or a reason with a way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triptych.core.warehouse.reader import Snapshot


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A row of the list: what it asks, on which page it is, and the query of it.

    The query returns ``subject``, ``figure``, ``low``, ``high``, ``reason`` and
    ``way_out``, one row per subject.
    """

    name: str
    page: str
    mart: str
    query: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run says of a row of the list."""

    row: SeedRow
    subjects: tuple[dict[str, Any], ...]

    @property
    def known(self) -> tuple[dict[str, Any], ...]:
        """The subjects that have a figure, those with an interval first."""
        known = [each for each in self.subjects if each["figure"] is not None]
        return tuple(sorted(known, key=lambda each: each["low"] is None))

    @property
    def silent(self) -> tuple[dict[str, Any], ...]:
        """The subjects without a figure that lack a reason, or a way out."""
        return tuple(
            each
            for each in self.subjects
            if each["figure"] is None and not (each["reason"] and each["way_out"])
        )

    @property
    def is_answered(self) -> bool:
        """Whether each subject has a figure, or a reason with a way out."""
        return bool(self.subjects) and not self.silent

    def __str__(self) -> str:
        """Return a line of the table."""
        count = f"{len(self.known)} of {len(self.subjects)}"
        return f"{self.row.name:<44} {count:>9}  {self.said}  ({self.place})"

    @property
    def place(self) -> str:
        """Where it is: page and mart."""
        return f"{self.row.page}: {self.row.mart}"

    @property
    def said(self) -> str:
        """The first subject's figure with its interval, or its reason and way out."""
        if self.known:
            first = self.known[0]
            ends = ""
            if first["low"] is not None:
                ends = f" [{first['low']:,.4g}, {first['high']:,.4g}]"
            return f"{first['subject']}: {first['figure']:,.4g}{ends}"
        if not self.subjects:
            return "nothing"
        first = self.subjects[0]
        return f"{first['subject']}: {first['reason']} → {first['way_out']}"


def _scorecard(metric: str, where: str = "subject_kind = 'platform'") -> str:
    return f"""
        SELECT subject_id AS subject, metric_value AS figure, interval_low AS low,
            interval_high AS high, reason, way_out
        FROM roi.mart_platform_scorecard
        WHERE metric = '{metric}' AND basis = 'all' AND {where}
    """


def _migration(figure: str, metric: str, low: str = "NULL", high: str = "NULL") -> str:
    return f"""
        SELECT migration_id AS subject, {figure} AS figure,
            {low} AS low, {high} AS high,
            reason, NULL AS way_out
        FROM roi.mart_platform_migrations WHERE metric = '{metric}' AND basis = 'all'
    """


def _velocity(metric: str, scopes: str = "'team', 'organisation'") -> str:
    return f"""
        SELECT scope_id AS subject, metric_value AS figure, interval_low AS low,
            interval_high AS high, reason, way_out
        FROM delivery.mart_velocity_windows
        WHERE metric = '{metric}' AND scope_kind IN ({scopes}) AND window_months = 12
            AND month = (SELECT max(month) FROM delivery.mart_velocity_windows)
        ORDER BY scope_kind, scope_id
    """


def _infra_hours(figure: str, scopes: str) -> str:
    return f"""
        SELECT scope_id AS subject, {figure} AS figure, NULL AS low, NULL AS high,
            reason, way_out
        FROM delivery.mart_infra_hours
        WHERE scope_kind IN ({scopes}) AND window_months = 12
            AND month = (SELECT max(month) FROM delivery.mart_infra_hours)
        ORDER BY scope_kind, scope_id
    """


def _studies(condition: str) -> str:
    return f"""
        SELECT studies.study_id AS subject, found.effect AS figure,
            found.effect_low_90 AS low, found.effect_high_90 AS high,
            studies.refusal_message AS reason, studies.what_would_fix_it AS way_out
        FROM attribution.studies AS studies
        LEFT JOIN attribution.estimates AS found
            ON found.study_id = studies.study_id AND found.estimand = 'average'
        WHERE {condition}
    """


def _of_kind(kind: str) -> str:
    return (
        "studies.outcome IN (SELECT metric FROM outcomes.mart_outcome_trends"
        f" WHERE outcome_kind = '{kind}')"
    )


def _costs_of_moves(figure: str, low: str = "NULL", high: str = "NULL") -> str:
    return f"""
        SELECT migration_id AS subject, {figure} AS figure,
            {low} AS low, {high} AS high,
            reason, way_out
        FROM roi.mart_platform_migration_costs
    """


_COST_OF_MODELS: Final = """
    SELECT model_id AS subject, sum(effective_cost)::DOUBLE AS figure, NULL AS low,
        NULL AS high, NULL AS reason, NULL AS way_out
    FROM cost.fct_daily_model_costs
    WHERE model_id IS NOT NULL AND component NOT IN ('tax', 'credit')
        AND billing_month = (SELECT max(billing_month) FROM cost.fct_daily_model_costs)
    GROUP BY model_id
"""
_SATISFACTION: Final = """
    SELECT group_id AS subject, enps AS figure, enps_low AS low, enps_high AS high,
        NULL AS reason, NULL AS way_out
    FROM delivery.mart_satisfaction
    WHERE NOT is_suppressed AND enps IS NOT NULL
        AND wave_id = (SELECT max(wave_id) FROM delivery.mart_satisfaction)
"""
_EXPERIENCE: Final = """
    SELECT metric AS subject, change AS figure, change_low AS low, change_high AS high,
        split_part(reason, ': ', 1) AS reason,
        nullif(split_part(reason, ': ', 2), '') AS way_out
    FROM outcomes.mart_outcome_trends WHERE outcome_kind = 'customer_experience'
"""
_FACTORS: Final = """
    SELECT studies.study_id || ': ' || coalesce(parts.factor, 'all') AS subject,
        parts.contribution AS figure, parts.contribution_low_90 AS low,
        parts.contribution_high_90 AS high, studies.refusal_message AS reason,
        studies.what_would_fix_it AS way_out
    FROM attribution.studies AS studies
    LEFT JOIN attribution.contributions AS parts USING (study_id)
    WHERE studies.outcome = 'parcels_per_day'
"""
_TRAINING: Final = """
    SELECT architecture AS subject, training_hours_p50 AS figure, interval_low AS low,
        interval_high AS high, reason, way_out
    FROM delivery.mart_training_times
    WHERE breakdown = 'architecture' AND window_months = 12
        AND month = (SELECT max(month) FROM delivery.mart_training_times)
"""
_CONTROLS: Final = """
    SELECT platform_id || ' ' || control AS subject,
        CASE WHEN state IN ('evidenced', 'absent') THEN 1.0 END AS figure, NULL AS low,
        NULL AS high, reason, next_step AS way_out
    FROM roi.mart_platform_controls
"""
_READINESS: Final = """
    SELECT feature_id || ' ' || measurement AS subject,
        CASE WHEN is_measured THEN 1.0 END AS figure, NULL AS low, NULL AS high,
        'missing: ' || measurement_name AS reason, next_step AS way_out
    FROM roi.mart_measurement_readiness
"""
_WORKLOADS: Final = """
    SELECT model_id AS subject, p95_to_p50_ratio AS figure, NULL AS low, NULL AS high,
        split_part(load_reason, ': ', 1) AS reason,
        nullif(split_part(load_reason, ': ', 2), '') AS way_out
    FROM roi.mart_workload_profiles
"""
_FROM_DAY_ONE: Final = """
    SELECT studies.study_id AS subject,
        date_diff('day', outcomes.measured_since, studies.launch_date)::DOUBLE
            AS figure,
        NULL AS low, NULL AS high, 'its outcome is not measured' AS reason,
        outcomes.next_step AS way_out
    FROM attribution.studies AS studies
    JOIN roi.mart_measurement_readiness AS outcomes
        ON outcomes.feature_id = studies.feature_id
        AND outcomes.measurement = 'outcomes'
"""
_HYBRID: Final = """
    SELECT models.platform_id || ' ' || models.model_id AS subject,
        models.effective_cost::DOUBLE AS figure, NULL AS low, NULL AS high,
        NULL AS reason, NULL AS way_out
    FROM roi.mart_platform_models AS models
    JOIN roi.mart_platform_terms AS terms USING (platform_id)
    WHERE terms.move_names IS NOT NULL
"""

#: Three layers of three metrics, and what explains an outcome.
LAYERS: Final = (
    SeedRow(
        "Compute spend per model served",
        "Cost by model",
        "cost.fct_daily_model_costs",
        _COST_OF_MODELS,
    ),
    SeedRow(
        "Infra team hours per deployment",
        "Velocity",
        "delivery.mart_infra_hours",
        _infra_hours("infra_hours_per_deployment", "'team', 'organisation'"),
    ),
    SeedRow(
        "Incident resolution time",
        "Velocity",
        "delivery.mart_velocity_windows",
        _velocity("time_to_restore"),
    ),
    SeedRow(
        "Training to production",
        "Velocity",
        "delivery.mart_velocity_windows",
        _velocity("training_to_production"),
    ),
    SeedRow(
        "Iteration cycles per feature",
        "Velocity",
        "delivery.mart_velocity_windows",
        _velocity("iterations_per_feature"),
    ),
    SeedRow(
        "Developer satisfaction",
        "Velocity",
        "delivery.mart_satisfaction",
        _SATISFACTION,
    ),
    SeedRow(
        "Revenue influenced",
        "Impact",
        "attribution.estimates",
        _studies(_of_kind("revenue")),
    ),
    SeedRow(
        "Cost reduction from automation",
        "Impact",
        "attribution.estimates",
        _studies(
            "studies.outcome IN (SELECT process_id FROM outcomes.fct_daily_processes)"
        ),
    ),
    SeedRow(
        "Customer experience", "Impact", "outcomes.mart_outcome_trends", _EXPERIENCE
    ),
    SeedRow(
        "Attribution against price, redesign, launches",
        "Impact",
        "attribution.contributions",
        _FACTORS,
    ),
)
#: Three criteria by which platforms are judged.
CRITERIA: Final = (
    SeedRow(
        "Latency under load",
        "Platform scorecard",
        "roi.mart_platform_scorecard",
        _scorecard("p95_to_threshold_ratio"),
    ),
    SeedRow(
        "Training time per architecture",
        "Platform scorecard",
        "delivery.mart_training_times",
        _TRAINING,
    ),
    SeedRow(
        "Cost per inference at scale",
        "Platform scorecard",
        "roi.mart_platform_scorecard",
        _scorecard("cost_per_thousand_inferences"),
    ),
    SeedRow(
        "Integration with pipelines and MLOps, its cost",
        "Platform scorecard",
        "roi.mart_platform_migration_costs",
        _costs_of_moves("integration_cost_amount::DOUBLE"),
    ),
    SeedRow(
        "Security and compliance fit",
        "Platform scorecard",
        "roi.mart_platform_controls",
        _CONTROLS,
    ),
    SeedRow(
        "Expertise that a platform takes",
        "Platform scorecard",
        "roi.mart_platform_scorecard",
        _scorecard("required_skill_count"),
    ),
    SeedRow(
        "Infra hours per platform",
        "Platform scorecard",
        "delivery.mart_infra_hours",
        _infra_hours("infra_hours::DOUBLE", "'platform'"),
    ),
    SeedRow(
        "Lock-in",
        "Platform scorecard",
        "roi.mart_platform_scorecard",
        _scorecard("proprietary_spend_ratio"),
    ),
    SeedRow(
        "Cost trajectory as usage grows",
        "Platform scorecard",
        "roi.mart_platform_scorecard",
        _scorecard("cost_elasticity", "subject_kind <> 'migration'"),
    ),
)
#: The case of the logistics company.
CASE: Final = (
    SeedRow(
        "Case: 280 % over budget",
        "Platform scorecard",
        "roi.mart_platform_migrations",
        _migration("before_figure - 1", "spend_to_budget_ratio"),
    ),
    SeedRow(
        "Case: latency of three times the threshold",
        "Platform scorecard",
        "roi.mart_platform_migrations",
        _migration(
            "before_figure", "p95_to_threshold_ratio", "before_low", "before_high"
        ),
    ),
    SeedRow(
        "Case: 60 % of hours on incidents",
        "Platform scorecard",
        "roi.mart_platform_migrations",
        _migration("before_figure", "firefighting_booked_ratio"),
    ),
    SeedRow(
        "Case: the move, 40 % less",
        "Platform scorecard",
        "roi.mart_platform_migrations",
        _migration("since_change_ratio", "spend_per_month"),
    ),
    SeedRow(
        "Case: within one quarter (days of migration)",
        "Platform scorecard",
        "roi.mart_platform_migration_costs",
        _costs_of_moves("date_diff('day', migration_from, migration_to)::DOUBLE"),
    ),
)
#: What a company should do.
ADVICE: Final = (
    SeedRow(
        "Audit the current state",
        "Platform scorecard",
        "roi.mart_measurement_readiness",
        _READINESS,
    ),
    SeedRow(
        "Start with workload analysis",
        "Platform scorecard",
        "roi.mart_workload_profiles",
        _WORKLOADS,
    ),
    SeedRow(
        "30 to 50 % of the budget for integration",
        "Platform scorecard",
        "roi.mart_platform_migration_costs",
        _costs_of_moves("integration_share_ratio"),
    ),
    SeedRow(
        "Measure from day one (days before launch)",
        "Platform scorecard",
        "roi.mart_measurement_readiness",
        _FROM_DAY_ONE,
    ),
    SeedRow(
        "Hybrid: what runs where, at which cost",
        "Platform scorecard",
        "roi.mart_platform_models",
        _HYBRID,
    ),
)
SEED_LIST: Final = (*LAYERS, *CRITERIA, *CASE, *ADVICE)


def answers(snapshot: Snapshot) -> Iterator[Answer]:
    """Yield what a run says of each row of the list."""
    for row in SEED_LIST:
        yield Answer(row, tuple(snapshot.query(row.query).to_pylist()))


def table_of(found: list[Answer]) -> str:
    """Return the list as a table of text: one line per row."""
    count = sum(answer.is_answered for answer in found)
    lines = [f"{number:>2} {answer}" for number, answer in enumerate(found, start=1)]
    return "\n".join([*lines, f"{count} of {len(found)} are answered"])
