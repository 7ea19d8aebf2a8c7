"""The sample company's returns are those of what was planted, at the reconciled cost.

Takes minutes: eighteen months, so that each study has the history that it needs.
"""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.sample_company import outcomes as planted
from ingest.sample_company.outcomes import observe
from ingest.sample_company.timeline import plan_timeline
from ingest.sample_company.workspace.assumptions_file import ASSUMPTIONS
from tests.e2e.cases.seed_list_case import answers, table_of
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.core.workspace import Workspace
from triptych.run.pipeline import run
from triptych.sample_company import run_scenarios, write_sample_company

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

MONTHS, SEED = 18, 7
#: Feature → part of the counterfactual that was planted.
RELATIVE = {
    "eta-prediction": planted.ETA_EFFECT,
    "predictive-maintenance": planted.MAINTENANCE_EFFECT,
    "route-optimiser": planted.ROUTE_EFFECT,
}
VALUES = {one.id: one.value for one in ASSUMPTIONS}
#: Feature → EUR that one unit of its outcome is worth, with the sign of what is good.
WORTH = {
    "eta-prediction": VALUES["contribution-margin"],
    "predictive-maintenance": -1.0,
    "route-optimiser": VALUES["margin-of-a-parcel"],
    "driver-safety": VALUES["penalty-of-a-late-depot-day"],
    "invoice-reading": -VALUES["typing-minute"],
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    root = tmp_path_factory.mktemp("returns") / "nordhafen"
    write_sample_company(root, months=MONTHS, seed=SEED, scale=0.02)
    run(Workspace(root), load_settings(root), progress=SilentProgress())
    return PublishedReader(root).snapshot()


@pytest.fixture(scope="module")
def returns(published: Snapshot) -> dict[str, dict[str, Any]]:
    rows = published.query(
        "SELECT * FROM roi.mart_feature_roi AS r WHERE r.window = 'to_date'"
    ).to_pylist()
    return {row["feature_id"]: row for row in rows}


@pytest.fixture(scope="module")
def planted_totals(published: Snapshot) -> dict[str, float]:
    """Effect of each feature over the days its study looked at, from what was drawn."""
    timeline = plan_timeline(MONTHS)
    drawn = observe(timeline, SEED)
    studies = published.query(
        "SELECT feature_id, launch_date, window_end, as_of_date"
        " FROM attribution.studies"
    ).to_pylist()
    ends = {
        row["feature_id"]: min(row["window_end"], row["as_of_date"] + timedelta(days=1))
        for row in studies
    }
    last = {name: (end - timeline.first_day).days for name, end in ends.items()}
    found = {}
    for series in drawn.series:
        feature = series.metric.feature
        if feature in RELATIVE and series.is_treated is not None:
            seen = series.is_treated & (series.day < last[feature])
            effect = RELATIVE[feature]
            found[feature] = float(series.value[seen].sum() * effect / (1 + effect))
        elif feature == "driver-safety" and series.is_treated is not None:
            seen = series.is_treated & (series.day < last[feature])
            found[feature] = float(seen.sum()) * planted.SAFETY_EFFECT
    process = drawn.process
    seen = process.day < last["invoice-reading"]
    saved = process.automated[seen].sum() * planted.MINUTES_PER_DOCUMENT
    found["invoice-reading"] = -float(saved)
    return found


def test_every_feature_has_a_row_and_the_cost_is_the_marts_to_the_cent(
    published: Snapshot, returns: dict[str, dict[str, Any]]
) -> None:
    """G1: both sides are summed here, and compared as decimals."""
    assert len(returns) == 6
    for feature, row in returns.items():
        [mart] = published.query(
            "SELECT sum(effective_cost) AS cost FROM cost.fct_daily_model_costs"
            " WHERE feature_id = ? AND billing_month BETWEEN ? AND ?",
            [feature, row["first_month"], row["last_month"]],
        ).to_pylist()
        assert row["cost"] == mart["cost"]
        assert isinstance(row["cost"], Decimal)
        assert row["cost"] > 1000
        if row["net_value"] is not None:
            spent = float(row["cost"]) + row["other_cost"] - row["replaced_cost"]
            parts = row["benefit"] - spent
            assert row["net_value"] == pytest.approx(parts, abs=0.01)


def test_what_was_planted_lies_in_the_interval_of_the_return(
    returns: dict[str, dict[str, Any]], planted_totals: dict[str, float]
) -> None:
    seen = 0
    for feature, worth in WORTH.items():
        row = returns[feature]
        if row["net_value"] is None:
            continue
        spent = float(row["cost"]) + row["other_cost"] - row["replaced_cost"]
        true = planted_totals[feature] * worth - spent
        assert row["net_value_low_90"] <= true <= row["net_value_high_90"], feature
        seen += 1
    assert seen >= 4


def test_the_optimiser_is_a_null_that_costs_and_the_camera_a_harm(
    returns: dict[str, dict[str, Any]],
) -> None:
    route, camera = returns["route-optimiser"], returns["driver-safety"]
    assert camera["benefit_high_90"] < 0
    assert camera["net_value"] < camera["replaced_cost"] - float(camera["cost"])
    if route["net_value"] is not None:
        assert route["benefit_low_90"] < 0 < route["benefit_high_90"]
        assert route["verdict"] in {"no_effect_detected", "inconclusive"}
    else:
        assert route["reason_code"] == "effect_refused"


def test_every_row_of_the_seed_list_is_answered_over_eighteen_months(
    published: Snapshot,
) -> None:
    found = list(answers(published))
    print(table_of(found))  # noqa: T201  (shown with -s)
    assert [answer.row.name for answer in found if not answer.is_answered] == []
    # Six months are too few for two rows; eighteen give each at least one figure.
    assert [answer.row.name for answer in found if not answer.known] == []


def test_the_portfolio_is_the_sum_of_what_counts(
    published: Snapshot, returns: dict[str, dict[str, Any]]
) -> None:
    [total] = published.query(
        "SELECT * FROM roi.mart_portfolio_roi AS r WHERE r.window = 'to_date'"
    ).to_pylist()
    counted = [row for row in returns.values() if row["counted"]]
    assert total["counted_feature_count"] == len(counted) >= 1
    assert {row["grade"] for row in counted} <= {"A", "B"}
    assert total["cost"] == sum(row["cost"] for row in counted)
    nets = np.array([row["net_value"] for row in counted])
    assert total["net_value"] == pytest.approx(nets.sum(), rel=1e-9)
    [spent] = published.query(
        "SELECT sum(effective_cost) AS cost FROM cost.mart_cost_waterfall"
        " WHERE step NOT IN ('ledger', 'out_of_scope', 'tax', 'credit')"
        " AND billing_month BETWEEN ? AND ?",
        [total["first_month"], total["last_month"]],
    ).to_pylist()
    assert total["ai_cost"] == pytest.approx(spent["cost"], abs=Decimal("1e-6"))
    # Of the counted features none has tax or a credit; each counts in its own months.
    left = pytest.approx(total["ai_cost"] - total["cost"], abs=Decimal("1e-6"))
    assert total["not_counted_cost"] == left
    names = published.query(
        "SELECT driver FROM roi.mart_roi_sensitivity WHERE NOT is_approved"
    )
    assert names.num_rows == 0


def test_the_scenarios_that_ship_run_in_time_and_leave_the_figures_alone(
    published: Snapshot,
) -> None:
    """A1: under 30 seconds each, on the run that the returns above are of."""
    workspace = Workspace(published.path.parents[2])
    before = published.path.read_bytes()
    started = time.monotonic()
    names = run_scenarios(workspace)
    assert time.monotonic() - started < 30 * len(names)
    assert published.path.read_bytes() == before
    saved = ScenarioStore(workspace.scenario_results).all()
    assert {one["name"] for one in saved} == set(names)
    assert len(names) == 3
    for one in saved:
        assert one["base_run_id"] == published.run_id
        assert one["summary"]["npv_difference"] is not None, one["name"]
        assert one["elasticity"]["history"]


def test_the_base_of_a_scenario_is_reconciled_with_the_net_value_of_the_mart(
    published: Snapshot,
) -> None:
    """What is measured is the mart's, and what is carried on is the scenario's."""
    workspace = Workspace(published.path.parents[2])
    run_scenarios(workspace)
    [portfolio] = published.query(
        "SELECT net_value, benefit, cost, other_cost, replaced_cost, run_rate_net"
        " FROM roi.mart_portfolio_roi AS r WHERE r.window = 'to_date'"
    ).to_pylist()
    for one in ScenarioStore(workspace.scenario_results).all():
        *lines, total = one["reconciliation"]
        assert total["actual"] == pytest.approx(portfolio["net_value"], abs=0.01)
        assert total["base"] == pytest.approx(one["summary"]["base_npv"], abs=0.01)
        by_line = {
            name: sum(row["actual"] for row in lines if row["line"] == name)
            for name in ("benefit", "cost", "other", "replaced")
        }
        assert by_line["benefit"] == pytest.approx(portfolio["benefit"], abs=0.01)
        assert by_line["cost"] == pytest.approx(-float(portfolio["cost"]), abs=0.01)
        replaced = portfolio["replaced_cost"]
        assert by_line["replaced"] == pytest.approx(replaced, abs=0.01)
        assert by_line["other"] == pytest.approx(-portfolio["other_cost"], abs=0.01)
        assert all(row["reason"] for row in lines)
        if rate := one["run_rate"]:
            *parts, whole = rate["lines"]
            assert whole["run_rate"] == portfolio["run_rate_net"]
            assert sum(row["run_rate"] for row in parts) == pytest.approx(
                portfolio["run_rate_net"], abs=0.05
            )


def test_what_was_spent_outside_the_measured_months_is_apart_to_the_cent(
    published: Snapshot, returns: dict[str, dict[str, Any]]
) -> None:
    """Before, in and after the window: together all that the mart has of a feature."""
    for feature, row in returns.items():
        if row["net_value"] is None:
            continue
        [mart] = published.query(
            "SELECT sum(effective_cost) FILTER (billing_month <= ?) AS inside,"
            " sum(effective_cost) FILTER (billing_month > ?) AS since"
            " FROM cost.fct_daily_model_costs"
            " WHERE feature_id = ? AND billing_month BETWEEN ? AND ?",
            [row["last_month"], row["last_month"], feature, row["first_month"],
             row["to_date_month"]],
        ).to_pylist()  # fmt: skip
        assert (row["cost"], row["cost_since"]) == (mart["inside"], mart["since"])
        # By the plan every feature has served since the first month: what ran before
        # a launch is running cost of what was replaced, and no investment.
        assert row["investment_cost"] == 0
        assert row["baseline_source"] == "measured"


def test_the_planted_return_of_a_change_lies_in_what_is_said_to_date(
    published: Snapshot, returns: dict[str, dict[str, Any]]
) -> None:
    """ETA by the plan: its part of what treated depots earned, at the margin.

    The effect goes on for good in the plan, and fades in what is said.
    """
    row = returns["eta-prediction"]
    [ladder] = published.query(
        "SELECT sum(amount) FILTER (line = 'net_to_date') AS net,"
        " sum(amount) FILTER (NOT is_sum) AS lines FROM roi.mart_return_ladder AS r"
        " WHERE r.window = 'to_date' AND scope_id = 'eta-prediction'"
    ).to_pylist()
    assert ladder["lines"] == pytest.approx(ladder["net"], abs=0.01)
    timeline = plan_timeline(MONTHS)
    [revenue] = [
        one
        for one in observe(timeline, SEED).series
        if one.metric.name == "revenue_per_depot_day"
    ]
    assert revenue.is_treated is not None
    month = np.array(
        [f"{timeline.first_day + timedelta(days=n):%Y-%m}" for n in
         range(timeline.day_count)]
    )[revenue.day]  # fmt: skip
    counted = revenue.is_treated & (month <= row["to_date_month"])
    part = planted.ETA_EFFECT / (1 + planted.ETA_EFFECT)
    benefit = float(revenue.value[counted].sum()) * part * WORTH["eta-prediction"]
    spent = float(row["cost"] + row["cost_since"])
    replaced = row["replaced_cost"] + row["replaced_cost_since"]
    net = benefit - spent + replaced
    assert row["net_to_date_low_90"] < net < row["net_to_date_high_90"]


def test_a_past_month_knows_nothing_of_what_was_measured_later(
    published: Snapshot, returns: dict[str, dict[str, Any]]
) -> None:
    rows = published.query(
        "SELECT * FROM roi.mart_feature_roi AS r WHERE r.window LIKE 'until%'"
    ).to_pylist()
    assert rows
    for row in rows:
        whole = returns[row["feature_id"]]
        assert row["window"] == f"until_{row['until_month']}"
        assert row["first_month"] == whole["first_month"] <= row["until_month"]
        assert row["last_month"] == min(whole["last_month"], row["until_month"])


def test_a_month_of_the_base_is_the_run_rate_of_the_mart(published: Snapshot) -> None:
    """The bill of the last complete months, summed here, is what scenarios carry on."""
    workspace = Workspace(published.path.parents[2])
    run_scenarios(workspace)
    found = ScenarioStore(workspace.scenario_results).all()[0]
    months = found["run_rate_months"]
    [mart] = published.query(
        "SELECT sum(effective_cost) AS cost FROM cost.fct_daily_model_costs"
        " WHERE list_contains(?, billing_month) AND currency = 'EUR'",
        [months],
    ).to_pylist()
    by_month = float(mart["cost"]) / len(months)
    assert found["summary"]["base_monthly_cost"] == pytest.approx(by_month)
