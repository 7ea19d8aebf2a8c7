"""The page *Platform scorecard*: its empty state, and what it says of a move.

The page with figures is tested on the sample company, in ``tests/e2e``.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from dashboard.pages.scorecard import charts as scorecard_charts
from dashboard.pages.scorecard import comparison as comparison_section
from dashboard.pages.scorecard import compliance as compliance_section
from dashboard.pages.scorecard import matrix as platform_matrix
from dashboard.pages.scorecard import payback
from dashboard.pages.scorecard import sentences as words
from dashboard.pages.scorecard import workloads as workload_section
from dashboard.pages.scorecard.queries import Move
from dashboard.shared import charts
from tests.dashboard.conftest import text_of
from tests.dashboard.fixtures.warehouse_fixture import publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp

MOVE: dict[str, Any] = {
    "migration_id": "away",
    "migration_name": "Away",
    "migration_from": date(2026, 7, 1),
    "migration_to": date(2026, 8, 1),
    "currency": "EUR",
    "window_month_count": 6,
    "before_first_month": "2026-01",
    "before_last_month": "2026-06",
    "after_first_month": "2026-08",
    "after_last_month": "2027-01",
    "cost_of_moving_amount": Decimal(1200),
    "monthly_saving_low": 30.0,
    "monthly_saving_high": 50.0,
    "break_even_state": "within the horizon",
    "break_even_months_low": 24.0,
    "break_even_months_high": 40.0,
    "reason": None,
}
CHANGE: dict[str, Any] = {
    "metric": "cost_per_thousand_inferences",
    "unit": "money",
    "currency": "EUR",
    "reason": None,
    "control_count": 2,
    "control_models": "care, route",
    "control_change_ratio": 0.02,
    "excess_change_ratio": -0.5,
    "excess_change_low": -0.55,
    "excess_change_high": -0.44,
    "change_ratio": -0.49,
    "change_ratio_low": -0.52,
    "change_ratio_high": -0.46,
    "grade": "B",
    **{
        f"{period}_{end}": value
        for period, value in (("before", 2.0), ("migration", 3.0), ("after", 1.0))
        for end in ("figure", "low", "high")
    },
}


def test_a_run_without_a_scorecard_says_what_would_fill_the_page(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    app = open_app(tmp_path, page="scorecard")
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "No platform is known yet" in text
    assert "`placements` which model runs where" in text


def test_a_run_of_an_earlier_version_is_one_without_a_scorecard(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """It has migrations under the name that they had then."""
    with duckdb.connect(publish(tmp_path)) as connection:
        connection.execute(
            "create schema roi;"
            "create table roi.mart_platform_scorecard as select 'eks' as platform_id;"
            "create table roi.mart_platform_pivot_costs as select 'away' as pivot_id"
        )
    app = open_app(tmp_path, page="scorecard")
    assert not app.exception
    assert not app.error
    assert "No platform is known yet" in text_of(app)


#: EKS charged 4.80 for a thousand of route-planner, Railway 0.60 in the same band.
COMPARED: dict[str, Any] = {
    "metric": "charged_per_thousand_inferences",
    "measure": "ratio",
    "platform_id": "railway",
    "platform_name": "Railway",
    "reference_platform_id": "eks",
    "reference_platform_name": "Amazon EKS",
    "currency": "EUR",
    "unit_id": None,
    "platform_figure": None,
    "reference_figure": None,
    "metric_value": 0.125,
    "interval_low": 0.12,
    "interval_high": 0.13,
    "unit_count": 1,
    "reason": None,
}


def test_what_a_platform_charges_is_compared_and_the_total_cost_is_apart() -> None:
    of_model = {"unit_id": "route-planner", "platform_figure": 0.6}
    total = {"metric": "cost_per_thousand_inferences", "metric_value": 0.5}
    rows = [
        COMPARED,
        COMPARED | of_model | {"reference_figure": 4.8},
        COMPARED | total | {"interval_low": None},
    ]

    assert comparison_section.headline(rows).replace("\u00a0", " ") == (
        "**Railway: −87.5 % [−88.0 %, −87.0 %]** charged per 1,000 inferences against"
        " Amazon EKS, on 1 model (route-planner EUR 4.80 → EUR 0.60). Their total"
        " cost, on every platform and without training, is −50.0 % on Railway."
    )


def test_platforms_of_disjoint_models_are_not_compared() -> None:
    apart = COMPARED | {
        "metric_value": None,
        "reason": "no model is known on both in the same band of load and threshold",
    }
    assert comparison_section.headline([apart]).startswith("No two platforms served")
    assert "no model is known on both" in comparison_section.change(apart)


def test_shares_over_the_threshold_are_compared_in_points() -> None:
    share = COMPARED | {
        "metric": "windows_over_threshold_ratio",
        "measure": "difference",
        "metric_value": -0.5,
        "interval_low": None,
        "platform_figure": 0.0,
        "reference_figure": 0.5,
    }
    assert comparison_section.change(share) == "−50.0 points"
    assert comparison_section.figures(share).replace("\u00a0", " ") == "50.0 % → 0.0 %"


CONTROL: dict[str, Any] = {
    "platform_id": "railway",
    "platform_name": "Railway",
    "control": "certification",
    "control_name": "Certification",
    "detail": "SOC 2",
    "state": "expired",
    "expires_on": date(2026, 9, 22),
    "judged_on": date(2026, 11, 1),
}
CONTROLS: list[dict[str, Any]] = [
    CONTROL,
    CONTROL | {"detail": "ISO 27001", "state": "evidenced", "expires_on": None},
    CONTROL
    | {"control": "sso", "detail": None, "state": "unknown", "expires_on": None},
]


def test_an_expired_certificate_is_named_with_its_last_day() -> None:
    assert compliance_section.headline(CONTROLS).replace("\\", "") == (
        "3 controls as of 2026-11-01: 1 evidenced, 1 expired, 0 declared, 0 absent,"
        " 1 unknown. **Expired:** SOC 2 of Railway (2026-09-22)."
    )


def test_a_platform_is_a_row_with_the_state_of_each_control() -> None:
    [row] = compliance_section.matrix(CONTROLS).to_pylist()
    assert row["platform_name"] == "Railway"
    assert row["certification"].replace("\u00a0", " ") == (
        "SOC 2: expired 22 Sep 2026; ISO 27001: evidenced"
    )
    assert row["sso"] == "unknown"


def test_the_unknown_controls_of_a_platform_are_one_row_after_what_expired() -> None:
    sso = CONTROLS[2] | {"control_name": "Single sign-on", "next_step": "write: sso"}
    log = sso | {"control_name": "Audit log", "next_step": "write: audit_log"}
    expired, unknown = compliance_section.folded([sso, CONTROL, log])
    assert expired == CONTROL
    assert unknown["control_name"] == "Single sign-on, Audit log"
    assert unknown["next_step"] == "write: sso; one entry for each control"


def test_without_a_declared_control_the_section_says_what_to_write() -> None:
    unknown = [row | {"state": "unknown"} for row in CONTROLS]
    assert "`controls` in `catalog.yml`" in compliance_section.headline(unknown)


PROFILE: dict[str, Any] = {
    "model_id": "eta",
    "first_day": date(2026, 8, 1),
    "end_day": date(2026, 11, 1),
    "load_unit": "requests",
    "load_grain": "hour",
    "period_count": 2208,
    "p95_to_p50_ratio": 1.8,
    "load_reason": None,
    "context_reason": "no meter counts its requests with their input tokens: …",
    "batch_reason": None,
}


def test_profiles_name_the_burstiest_model_among_those_metered_by_the_hour() -> None:
    daily = PROFILE | {"model_id": "care", "load_grain": "day", "p95_to_p50_ratio": 9.0}
    unmetered = PROFILE | {"model_id": "new", "load_grain": None, "period_count": 0}
    headline = workload_section.headline([PROFILE, daily, unmetered])
    assert headline == (
        "From 2026-08-01 to before 2026-11-01, 3 profiles: 1 by the hour, 1 by the day,"
        " 1 without a meter. Burstiest: **eta**, whose busy hours (p95) have 1.80 times"
        " the load of its median hour."
    )


def test_what_a_profile_lacks_stands_with_what_would_show_it() -> None:
    assert workload_section.unknowns([PROFILE]).to_pylist() == [
        {
            "model_id": "eta",
            "figure": "Input tokens per request",
            "reason": PROFILE["context_reason"],
        }
    ]


TRAJECTORY: dict[str, Any] = {
    "metric_value": 0.02,
    "interval_low": -0.35,
    "interval_high": 0.39,
    "unit": "elasticity",
    "n_observed": 47,
    "grade": "C",
    "note": "economies",
    "reason": None,
}


def test_the_trajectory_of_cost_has_an_interval_and_the_pairs_behind_it() -> None:
    assert words.trajectory(TRAJECTORY) == (
        "**Cost as usage grows:** 1 % more requests than in the month before went with"
        " 0.02 % more cost (90 %: −0.35 to 0.39; grade C): cost grows more slowly than"
        " usage. Of all platforms, over 47 pairs of months with the same models and"
        " outside of migrations."
    )


def test_without_enough_months_the_trajectory_says_what_is_missing() -> None:
    lacking = TRAJECTORY | {
        "metric_value": None,
        "reason": "not estimable: 3 pairs",
        "way_out": "placements",
    }
    assert "3 pairs\\: placements." in words.trajectory(lacking)
    assert words.trajectory(None) == ""


def test_a_move_is_even_in_a_range_of_months() -> None:
    told = payback.sentence(Move(MOVE))
    assert "pays back in **24.0 to 40.0 months**, saving" in told
    assert "EUR\u00a01,200.00" in told


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"break_even_state": "no break-even within the horizon"},
            "**No break-even within the horizon**.",
        ),
        (
            {"break_even_state": "not comparable", "reason": "too short"},
            "**Not comparable**: too short.",
        ),
        (
            {
                "break_even_state": "unknown",
                "reason": "two months",
                "monthly_saving_low": None,
                "monthly_saving_high": None,
            },
            "When it has paid for itself is not known: two months.",
        ),
        (
            {"cost_of_moving_amount": None, "reason": "no rate is known"},
            "Cost of the move is unknown: no rate is known.",
        ),
    ],
)
def test_what_has_no_break_even_says_so(changed: dict[str, Any], expected: str) -> None:
    told = payback.sentence(Move(MOVE | changed))
    assert told.endswith(expected)
    assert "months**" not in told


def test_a_payback_without_a_range_is_a_point_with_the_reason() -> None:
    """EUR 13,977 by a saving of 15,200 a month."""
    told = payback.sentence(
        Move(
            MOVE
            | {
                "cost_of_moving_amount": Decimal(13977),
                "monthly_saving": 15200.0,
                "monthly_saving_low": None,
                "break_even_state": "unknown",
                "break_even_months": 13977 / 15200,
                "break_even_range_reason": "fewer than three months on a side",
            }
        )
    ).replace("\u00a0", " ")
    assert "The move cost **EUR 13,977.00**" in told
    assert (
        "It saves ≈ EUR 15.2k a month and **pays back in 0.9 months**, a point"
        " without a range: fewer than three months on a side." in told
    )


def test_delivered_percentiles_stand_in_for_histograms_and_say_so() -> None:
    delivered = CHANGE | {
        "metric": "delivered_p95_to_threshold_ratio",
        "unit": "times",
        "basis": "all",
        "before_figure": 3.0,
        "delivered_grain": "month",
    }
    told = words.summary(Move(MOVE), [delivered])
    assert "The delivered p95 latency (median, windows: month) was **3.00 ×**" in told
    assert "latency ÷ threshold 3.00 × → **1.00 ×**" in words.headline(
        Move(MOVE), [delivered]
    )


def test_controls_are_named_with_what_is_left_beyond_them_and_no_cause() -> None:
    told = words.grounds([CHANGE]).replace("\u00a0", " ")
    assert "care, route stayed where they were" in told
    assert "changed by +2.0 %" in told
    assert "by −50.0 % beyond it [−55.0 %, −44.0 %], grade B" in told
    alone = words.grounds([CHANGE | {"control_count": 0}])
    assert "graded D, or C" in alone
    assert "because" not in f"{told} {alone}"


def test_a_move_without_like_loads_is_told_of_everything_and_says_so() -> None:
    latency = CHANGE | {"metric": "p95_to_threshold_ratio", "unit": "times"}
    alike = latency | {"basis": "like_for_like", "before_figure": 3.0}
    everything = latency | {"basis": "all", "before_figure": 5.0, "grade": "D"}
    told = words.summary(Move(MOVE), [alike, everything])
    assert "was **3.00 ×** the threshold" in told
    assert "whatever load" not in told
    unlike = alike | {"before_figure": None, "after_figure": None}
    told = words.summary(Move(MOVE), [unlike, everything])
    assert "was **5.00 ×** the threshold" in told
    assert "after, under whatever load there was, grade D" in told


def test_a_change_that_is_not_comparable_has_its_reason_and_no_number() -> None:
    told = words.change(CHANGE | {"reason": "fewer than eight weeks on a side"})
    assert "fewer than eight weeks" in told
    assert "%" not in told


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.4, "ratio", "40.0 %"),
        (3.0, "times", "3.00 ×"),
        (12.34, "hours", "12.3 h"),
        (0.8, "elasticity", "0.80"),
        (2.2646, "money", "EUR 2.26"),
        (76_752.2, "money", "≈ EUR 76.8k"),
        (None, "ratio", "—"),
    ],
)
def test_a_figure_is_written_in_its_unit(
    value: float | None, unit: str, expected: str
) -> None:
    assert words.figure(value, unit, "EUR").replace("\u00a0", " ") == expected


def test_a_slope_has_its_three_periods_and_the_band_is_drawn_only_where_asked() -> None:
    slope = scorecard_charts.slope(CHANGE, charts.LIGHT).to_dict()
    rows = next(iter(slope["datasets"].values()))
    assert [row["period"] for row in rows] == ["before", "migration", "after"]
    assert [row["figure"] for row in rows] == [2.0, 3.0, 1.0]
    row = {
        "subject_name": "Edge",
        "metric_value": 0.4,
        "interval_low": None,
        "interval_high": None,
        "unit": "ratio",
        "currency": "EUR",
        "grade": "D",
    }
    marks = {
        with_band: [
            layer["mark"]["type"]
            for layer in scorecard_charts.dots(
                [row], ["Edge"], charts.LIGHT, with_band=with_band
            ).to_dict()["layer"]
        ]
        for with_band in (True, False)
    }
    assert "rect" in marks[True]
    assert "rect" not in marks[False]


def test_no_dot_stands_without_the_name_of_its_platform() -> None:
    row = CHANGE | {
        "subject_name": "Edge",
        "metric_value": 0.4,
        "unit": "ratio",
        "interval_low": None,
        "interval_high": None,
        "grade": "D",
    }
    platforms = [f"Platform {number}" for number in range(12)] + ["Edge"]
    for names in (["Edge", "Cloud"], platforms):
        chart = scorecard_charts.dots([row], names, charts.LIGHT).to_dict()
        # Streamlit fits the axis into the height, about 40 px of it.
        assert (chart["height"] - 40) / len(names) >= 26
        for layer in chart["layer"]:
            assert layer["encoding"]["y"]["axis"]["labelOverlap"] is False


def test_the_matrix_of_a_model_has_both_figures_of_each_pair_and_no_other_model() -> (
    None
):
    pair = {
        "metric": "cost_per_thousand_inferences",
        "measure": "ratio",
        "currency": "EUR",
        "unit_id": "route",
        "platform_name": "Railway",
        "platform_figure": 3.4,
        "reference_platform_name": "EKS",
        "reference_figure": 7.15,
    }
    third = pair | {"reference_platform_name": "Edge", "platform_figure": 3.5}
    other = pair | {"unit_id": "care", "platform_figure": 99.0}
    lines = platform_matrix.of_model([pair, third, other], "route")
    assert [
        {name: text and text.replace("\u00a0", " ") for name, text in line.items()}
        for line in lines
    ] == [
        {
            "metric_name": "Total cost of models per 1,000 inferences",
            "EKS": "EUR 7.15",
            "Edge": "EUR 7.15",
            "Railway": "EUR 3.40 or EUR 3.50",
        }
    ]


def test_a_move_is_one_line_of_cost_latency_and_incidents_with_their_grades() -> None:
    spend = CHANGE | {
        "metric": "spend_per_month",
        "basis": "all",
        "before_figure": 77_200.0,
        "after_figure": 48_000.0,
        "change_ratio": -0.378,
        "grade": "D",
    }
    told = words.headline(Move(MOVE), [spend]).replace("\u00a0", " ")
    assert told == (
        "**Away:** a month ≈ EUR 77.2k → **≈ EUR 48k** (−37.8 % [−52.0 %, −46.0 %]),"
        " grade D."
    )
    refused = spend | {"reason": "fewer than two months", "grade": "X"}
    assert words.headline(Move(MOVE), [refused]) == (
        "**Away:** a month not comparable (fewer than two months)."
    )


def test_figures_of_one_kind_stand_together_like_for_like_first() -> None:
    told = [
        ("firefighting_booked_ratio", "all"),
        ("fixed_cost_per_thousand_inferences", "like_for_like"),
        ("cost_per_thousand_inferences", "like_for_like"),
        ("cost_per_thousand_inferences", "all"),
    ]
    table = pa.table({"metric": [a for a, _ in told], "basis": [b for _, b in told]})
    found = [(row["metric"], row["basis"]) for row in words.in_order(table).to_pylist()]
    assert found == [told[2], told[3], told[1], told[0]]
