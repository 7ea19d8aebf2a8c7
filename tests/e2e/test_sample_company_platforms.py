"""What the sample company's platforms cost and held is what was planted."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from dashboard import exports
from dashboard.shared import format as fmt
from tests.dashboard.conftest import text_of
from triptych.cli import app as cli
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from tests.dashboard.conftest import OpenApp
    from triptych.core.warehouse.reader import Snapshot


#: Six months have two before the move and two of the three after it to compare.
_MOVE = "managed-kubernetes-to-hybrid"


def planted_spend(truth: dict[str, Any], months: list[str]) -> float:
    """Return planted AI spend of a mean month: no tax, no credit, in scope."""
    parts = [
        Decimal(amounts["effective_cost"])
        for of_source in truth["components"].values()
        for month in months
        for name, amounts in of_source.get(month, {}).items()
        if name not in {"tax", "credit", "out_of_scope"}
    ]
    return float(sum(parts, Decimal(0))) / len(months)


@pytest.fixture(scope="module")
def move(published: Snapshot) -> dict[str, dict[str, Any]]:
    """Return what the move changed, by metric, like for like where that is known."""
    rows = published.query(
        "SELECT * FROM roi.mart_platform_migrations ORDER BY basis"
    ).to_pylist()
    assert {row["migration_id"] for row in rows} == {_MOVE}
    return {row["metric"]: row for row in rows}


def test_the_move_of_the_published_case_can_be_read_from_the_scorecard(
    move: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    """280 % over budget and 60 % of the hours; then 40 % less, and 15 % of them."""
    before, after = truth["phases"]["managed_kubernetes"], truth["phases"]["hybrid"]
    budget, spend = move["spend_to_budget_ratio"], move["spend_per_month"]
    assert budget["before_figure"] - 1 == pytest.approx(
        before["budget_variance_ratio"], abs=1e-4
    )
    assert budget["before_figure"] == pytest.approx(3.8, abs=1e-3)
    planted = planted_spend(truth, before["months"])
    assert spend["before_figure"] == pytest.approx(planted, rel=1e-9)
    assert spend["since_change_ratio"] == pytest.approx(
        after["change_to_managed_kubernetes"], abs=1e-4
    )
    assert spend["since_change_ratio"] == pytest.approx(-0.40, abs=1e-3)
    compared = planted_spend(truth, after["months"][: spend["window_month_count"]])
    assert spend["change_ratio"] == pytest.approx(compared / planted - 1, abs=1e-9)
    fires = move["firefighting_booked_ratio"]
    assert fires["before_figure"] == pytest.approx(0.60, abs=0.25 / 1152)
    assert fires["after_figure"] == pytest.approx(0.15, abs=0.25 / 1152)


def test_latency_of_the_move_is_the_planted_one_under_like_loads(
    move: dict[str, dict[str, Any]], truth: dict[str, Any]
) -> None:
    p95 = move["p95_to_threshold_ratio"]
    assert p95["basis"] == "like_for_like"
    phase_of = {"before": "managed_kubernetes", "after": "hybrid"}
    for period in ("before", "migration", "after"):
        phase = phase_of.get(period, period)
        planted = truth["phases"][phase]
        assert p95[f"{period}_figure"] == pytest.approx(
            planted["p95_latency_to_threshold"]
        )
        over = move["requests_over_threshold_ratio"]
        assert over[f"{period}_figure"] == pytest.approx(
            planted["requests_over_threshold"]
        )
    assert p95["before_figure"] == 3
    assert p95["after_figure"] <= 1
    windows = move["windows_over_threshold_ratio"]
    assert (windows["before_figure"], windows["after_figure"]) == (1, 0)
    assert windows["before_low"] < 1 < windows["before_high"] + 1e-9


def test_use_and_what_nobody_used_add_up_to_the_cost_per_inference(
    published: Snapshot,
) -> None:
    rows = published.query(
        "SELECT subject_id, period, basis, metric, metric_value"
        " FROM roi.mart_platform_measurements"
        " WHERE metric LIKE '%cost_per_thousand_inferences'"
    ).to_pylist()
    found: dict[tuple[str, ...], dict[str, float | None]] = {}
    for row in rows:
        key = (row["subject_id"], row["period"], row["basis"])
        found.setdefault(key, {})[row["metric"]] = row["metric_value"]
    known = [parts for parts in found.values() if None not in parts.values()]
    assert len(known) >= 4
    for parts in found.values():
        whole = parts["cost_per_thousand_inferences"]
        marginal = parts["marginal_cost_per_thousand_inferences"]
        fixed = parts["fixed_cost_per_thousand_inferences"]
        if whole is None or marginal is None or fixed is None:
            assert whole is marginal is fixed is None
            continue
        assert marginal + fixed == pytest.approx(whole, rel=1e-9)
        assert marginal > 0
        assert fixed >= 0
    assert any(
        (parts["fixed_cost_per_thousand_inferences"] or 0) > 0 for parts in known
    )


def test_two_months_on_a_side_without_controls_are_a_before_and_after(
    move: dict[str, dict[str, Any]],
) -> None:
    """D: nobody stayed behind, and two months do not tell a trend."""
    for row in move.values():
        assert row["control_count"] == 0
        assert row["window_month_count"] == 2
        assert row["grade"] == ("D" if row["reason"] is None else "X")
        assert row["check_leave_one_out"] == "NOT RUN"


def test_the_cost_of_moving_is_that_of_planted_hours_and_charges(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    [costs] = published.query(
        "SELECT * FROM roi.mart_platform_migration_costs"
    ).to_pylist()
    hours = truth["delivery"]["integration_hours"]
    assert costs["integration_hours"] == sum(hours.values()) > 0
    labour = Decimal(str(sum(hours.values()))) * 95
    assert costs["integration_labour_amount"] == labour
    [charged] = published.query(
        "SELECT sum(effective_cost) AS cost FROM cost.fct_daily_service_costs"
        " WHERE service_name = 'Migration Services'"
    ).to_pylist()
    assert costs["integration_charges_amount"] == charged["cost"] > 0
    assert costs["cost_of_moving_amount"] == (
        labour
        + charged["cost"]
        + costs["dual_running_amount"]
        + costs["unused_commitment_amount"]
    )
    # Four months since the migration began: no share of an investment is told yet.
    assert costs["integration_share_ratio"] is None
    assert "six months" in costs["reason"]


def test_what_a_feature_lacks_is_what_was_left_out_of_the_plan(
    published: Snapshot,
) -> None:
    rows = published.query(
        "SELECT feature_id, measurement, next_step FROM roi.mart_measurement_readiness"
        " WHERE NOT is_measured"
    ).to_pylist()
    lacking = {(row["feature_id"], row["measurement"]) for row in rows}
    # Histograms are there of two models; each team has a budget, and so its features.
    features = {
        *("eta-prediction", "support-assistant", "route-optimiser", "invoice-reading"),
        *("predictive-maintenance", "driver-safety"),
    }
    with_latency = {"predictive-maintenance", "driver-safety"}
    assert {pair for pair in lacking if pair[1] == "latency"} == {
        (feature, "latency") for feature in features - with_latency
    }
    assert not any(measurement == "budget" for _, measurement in lacking)
    assert all(row["next_step"] for row in rows)


def test_the_command_line_says_of_readiness_what_the_mart_says(
    sample_company: Path, published: Snapshot
) -> None:
    result = CliRunner().invoke(
        cli, ["check", "--measurement", "--format", "json", "-w", str(sample_company)]
    )
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    rows = published.query(
        "SELECT feature_id, measurement, is_measured FROM"
        " roi.mart_measurement_readiness"
    ).to_pylist()
    names = ("feature_id", "measurement", "is_measured")
    assert {tuple(one[name] for name in names) for one in told["measurements"]} == {
        tuple(row[name] for name in names) for row in rows
    }
    assert len(told["controls"]) == len(
        published.query("SELECT 1 FROM roi.mart_platform_controls").to_pylist()
    )
    printed = CliRunner().invoke(
        cli, ["check", "--measurement", "-w", str(sample_company)]
    )
    assert printed.exit_code == 0
    assert "railway: 2 of 7 controls have current evidence" in printed.stdout
    assert "start with triptych.yml: usage: latency" in printed.stdout


def test_a_certificate_that_ended_is_expired_and_what_nobody_declared_unknown(
    sample_company: Path, published: Snapshot, open_app: OpenApp
) -> None:
    rows = published.query("SELECT * FROM roi.mart_platform_controls").to_pylist()
    states = {(row["platform_id"], row["control"]): row for row in rows}
    ended = states["railway", "certification"]
    assert (ended["state"], ended["detail"]) == ("expired", "SOC 2 Type II")
    assert ended["expires_on"] == ended["judged_on"] - timedelta(40)
    assert states["aws-eks", "certification"]["state"] == "evidenced"
    assert states["railway", "encryption_at_rest"]["state"] == "declared"
    assert states["railway", "audit_log"]["state"] == "absent"
    assert states["railway", "sso"]["state"] == "unknown"
    assert states["openai", "dpa"]["state"] == "unknown"
    is_open = ("expired", "declared", "unknown")
    assert all(
        (row["next_step"] is not None) == (row["state"] in is_open) for row in rows
    )
    app = open_app(sample_company, page="scorecard")
    assert "**Expired:** SOC 2 Type II of Railway" in text_of(app)
    assert text_of(app).count("lack current evidence") == 1


def test_the_entry_to_write_of_an_unknown_control_makes_it_evidenced(
    published: Snapshot, tmp_path: Path
) -> None:
    steps = published.query(
        "SELECT DISTINCT control, next_step FROM roi.mart_platform_controls"
        " WHERE state = 'unknown' AND platform_id = 'openai'"
    ).to_pylist()
    assert len(steps) == 7
    entries = "".join(
        f"  {step['next_step'].partition('controls: ')[2].partition('},')[0]}}}\n"
        for step in steps
    ).replace("YYYY-MM-DD", "2026-10-30")
    (tmp_path / "triptych.yml").write_text("organisation: N\ncurrency: EUR\n", "utf-8")
    (tmp_path / "catalog.yml").write_text(f"controls:\n{entries}", "utf-8")
    written = load_settings(tmp_path).catalog.controls
    assert {entry.control for entry in written} == {step["control"] for step in steps}
    assert all(entry.evidenced_on == date(2026, 10, 30) for entry in written)


def test_the_page_of_platforms_shows_the_case_and_never_says_why(
    sample_company: Path, published: Snapshot, truth: dict[str, Any], open_app: OpenApp
) -> None:
    app = open_app(sample_company, page="scorecard")
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "280.0 % over budget (3.8 ×)" in text
    change = truth["phases"]["hybrid"]["change_to_managed_kubernetes"]
    assert f"over all months since, **−{abs(change) * 100:.1f} %**" in text
    assert "p95 latency was **3.00 ×** the threshold" in text
    assert "**60.0 %** went into incidents, and **15.0 %** after" in text
    assert "grade D" in text
    assert "No model with a like load stayed where it was" in text
    assert "because" not in text.lower()
    assert "no latency threshold is declared for it" in text
    # Each feature has the budget of its team.
    unbudgeted = published.query(
        "SELECT 1 FROM roi.mart_measurement_readiness"
        " WHERE measurement = 'budget' AND NOT is_measured"
    )
    assert unbudgeted.num_rows == 0


def test_the_board_reads_of_the_case_what_the_page_and_the_marts_say(
    sample_company: Path, published: Snapshot, truth: dict[str, Any]
) -> None:
    months = published.query(
        "SELECT max(billing_month) AS month FROM cost.mart_cost_bridge"
    )
    pdf, _ = exports.board_pack_files(
        Workspace(sample_company),
        published,
        months.to_pylist()[0]["month"],
        "Amortised",
    )
    pages = [page.extract_text() for page in PdfReader(BytesIO(pdf.content)).pages]
    said = "".join(pages[4].replace("\u00a0", "").split())
    change = truth["phases"]["hybrid"]["change_to_managed_kubernetes"]
    for words in (
        "280.0%overbudget(3.8×)",
        f"overallmonthssince,−{abs(change) * 100:.1f}%",
        "p95latencywas3.00×thethreshold",
        "60.0%wentintoincidents,and15.0%after",
    ):
        assert words in said
    assert "because" not in pages[4].lower()


def test_the_band_of_integration_can_be_switched_off(
    sample_company: Path, open_app: OpenApp
) -> None:
    app = open_app(sample_company, page="scorecard")
    [band] = [one for one in app.toggle if one.key == "band"]
    assert band.value is True
    assert not band.set_value(False).run().exception


def test_platforms_are_compared_on_the_model_that_both_served(
    sample_company: Path, published: Snapshot, truth: dict[str, Any], open_app: OpenApp
) -> None:
    """Railway took route-planner over from EKS, Tidewater three other models.

    Before, EKS charged route-planner for its part of the Kubernetes pool alone.
    """
    served = truth["served"]["route-planner"]
    pool = truth["pools"]["kubernetes"]["months"]
    months = truth["phases"]["managed_kubernetes"]["months"]
    charged = sum(
        Decimal(pool[month]["models"]["route-planner"]["effective_cost"])
        for month in months
    )
    expected = float(charged) / sum(served[month] for month in months) * 1000
    rows = published.query(
        "SELECT * FROM roi.mart_platform_comparisons"
        " WHERE metric = 'charged_per_thousand_inferences'"
    ).to_pylist()
    found = {
        (row["platform_id"], row["reference_platform_id"], row["unit_id"]): row
        for row in rows
    }
    railway = found["railway", "aws-eks", "route-planner"]
    assert railway["reference_figure"] == pytest.approx(expected, abs=1e-6)
    assert railway["platform_figure"] < expected
    mean = found["railway", "aws-eks", None]
    assert (mean["unit_count"], mean["units"]) == (1, "route-planner")
    back = found["aws-eks", "railway", None]["metric_value"]
    assert back == pytest.approx(1 / mean["metric_value"], rel=1e-9)
    apart = found["railway", "tidewater", None]
    assert apart["metric_value"] is None
    assert apart["reason"].startswith("no model is known on both")
    app = open_app(sample_company, page="scorecard")
    assert not app.exception
    change = fmt.signed_percent(mean["metric_value"] - 1).replace("\u00a0", " ")
    assert f"**Railway: {change}" in text_of(app)


def test_a_move_to_two_platforms_cost_once(published: Snapshot) -> None:
    rows = published.query(
        "SELECT platform_id, integration_cost_amount AS cost, integration_reason"
        " FROM roi.mart_platform_terms WHERE move_names IS NOT NULL"
    ).to_pylist()
    assert {row["platform_id"] for row in rows} == {"railway", "tidewater"}
    for row in rows:
        assert row["cost"] is None
        assert "went to 2 platforms and cost once" in row["integration_reason"]


def test_a_past_month_knows_nothing_that_came_later(
    sample_company: Path, published: Snapshot, truth: dict[str, Any], open_app: OpenApp
) -> None:
    """Each month since has its own change, of the planted spend to that month."""
    months = truth["phases"]["hybrid"]["months"]
    before = truth["phases"]["managed_kubernetes"]["months"]
    rows = published.query(
        "SELECT * FROM roi.mart_platform_migration_months"
        " WHERE metric = 'spend_per_month' ORDER BY billing_month"
    ).to_pylist()
    assert [row["billing_month"] for row in rows] == months[: len(rows)]
    assert len(rows) >= 2
    for count, row in enumerate(rows, start=1):
        usual = planted_spend(truth, before[-min(count, len(before)) :])
        since = planted_spend(truth, months[:count])
        assert row["since_change_ratio"] == pytest.approx(since / usual - 1, abs=1e-9)
        assert row["since_last_month"] == row["billing_month"]
    app = open_app(sample_company, page="scorecard", period=months[0])
    assert not app.exception
    text = text_of(app)
    assert "Figures of platforms are to date." in text
    assert "over all months since" not in text
