"""The questions whose answer is of the run, whatever the month."""

from __future__ import annotations

from typing import Final

from triptych.service.assistant.listings import Listing, Measure

#: Of the run, whatever the month.
STANDING: Final = (
    Listing(
        "forecast",
        "Where will the month and the quarter end?",
        "budget",
        "cost.mart_cost_outturns",
        ("horizon", "period", "series", "model_id", "currency"),
        (
            Measure(
                "outturn_cost",
                "[currency]",
                "estimated",
                "outturn_cost_low",
                "outturn_cost_high",
                "90 %",
            ),
            Measure("budget_amount", "[currency]", "budgeted"),
        ),
        labels=("budget_outlook",),
    ),
    Listing(
        "commitments",
        "Are commitments used before they lapse?",
        "budget",
        "cost.mart_commitment_burn_down",
        ("commitment_id", "billing_month", "currency"),
        (
            Measure("remaining_amount", "[currency]"),
            Measure("at_risk_amount", "[currency]", "estimated"),
            Measure("days_to_expiry", "days", "as agreed"),
        ),
        "is_newest",
        labels=("commitment_name", "state", "ends_on"),
        reason="reason",
    ),
    Listing(
        "studies",
        "Did it cause the change, and how sure is that?",
        "impact",
        "attribution.estimates",
        ("study_id", "estimand"),
        (
            Measure(
                "effect",
                "[unit]",
                "estimated",
                "effect_low_90",
                "effect_high_90",
                "90 %",
            ),
            Measure(
                "relative_effect",
                "ratio",
                "estimated",
                "relative_effect_low_90",
                "relative_effect_high_90",
                "90 %",
            ),
        ),
        labels=("status", "design"),
        grade="grade",
        reason="refusal_code",
    ),
    Listing(
        "evidence",
        "How strong is the evidence behind the returns?",
        "impact",
        "roi.mart_evidence_mix",
        ("grade", "counted", "currency"),
        (
            Measure("feature_count", "features", "as registered"),
            Measure("cost", "[currency]"),
        ),
        grade="grade",
        counted="counted",
    ),
    Listing(
        "migration_costs",
        "What did moving to another platform cost?",
        "scorecard",
        "roi.mart_platform_migration_costs",
        ("migration_id", "currency"),
        (
            Measure("integration_labour_amount", "[currency]"),
            Measure("integration_charges_amount", "[currency]"),
            Measure("cost_of_moving_amount", "[currency]"),
            Measure(
                "break_even_months",
                "months",
                "estimated",
                "break_even_months_low",
                "break_even_months_high",
                "90 %",
            ),
        ),
        labels=("break_even_state", "break_even_range_reason"),
        reason="reason",
    ),
    Listing(
        "migration_effects",
        "What did moving to another platform change?",
        "scorecard",
        "roi.mart_platform_migrations",
        ("migration_id", "metric", "basis", "currency"),
        (
            Measure(
                "change_ratio",
                "ratio",
                "estimated",
                "change_ratio_low",
                "change_ratio_high",
                "90 %",
            ),
            Measure("since_change_ratio", "ratio", "as metered"),
        ),
        grade="grade",
        reason="reason",
    ),
)
