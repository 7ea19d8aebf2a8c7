"""The page about budgets, why a month changed, and where it will end."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest

from dashboard.pages.budget import anomaly_queries, anomaly_sentences, sentences
from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.budget.charts import bullets
from dashboard.pages.budget.tiles import within
from dashboard.shared import format as fmt
from dashboard.shared import selection_queries
from dashboard.shared.charts import palette
from tests.dashboard.conftest import LookAt, OpenApp, text_of, tiles
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "budget"


def test_the_tiles_show_budget_year_and_landings(look_at: LookAt) -> None:
    app = look_at(page=PAGE)
    assert not app.exception
    assert not app.error
    assert tiles(app) == {
        "Against budget: everything": "299.9 % of budget",
        "Sep 2026 will end at": "≈ EUR 4.05k",
        "2026-Q3 will end at": "≈ EUR 6.85k",
        "FY2026 will end at": "≈ EUR 16k",
    }
    text = text_of(app)
    assert "EUR 2,699.00 of EUR 900.00, **199.9 % over budget (3.0 ×)**." in text
    assert "Stale: model old-v1. Not known: team ghost." in text
    assert "90 % interval EUR 3.9k to 4.2k" in text
    assert len(app.get("vega_lite_chart")) == 5


def test_a_budget_that_is_not_known_is_not_drawn_as_one_that_is_exceeded() -> None:
    """Vega begins anew with the first colour, that of over, where one is missing."""
    row: dict[str, Any] = {"scope": "all", "state": "unknown", "times_budget": None}
    row |= {"actual": Decimal(80), "budget": None, "longer": Decimal(80)}
    drawn = bullets(pa.Table.from_pylist([row]), "EUR", palette()).to_dict()
    scale = drawn["layer"][0]["encoding"]["color"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    assert colours["? unknown"] == colours["◌ stale"] != colours["▲ over"]


HELD = {"sum_count": 25, "week_count": 4, "held_ratio": 0.92, "unwidened_ratio": 0.92}


@pytest.mark.parametrize(
    ("budget", "against"), [(Decimal(900), "; budget EUR\u00a0900.00"), (None, "")]
)
def test_a_landing_without_a_budget_says_so_once_as_its_mark(
    budget: Decimal | None, against: str
) -> None:
    row = {"low": 3900.0, "high": 4200.0, "budget": budget, "widening": 1.0, **HELD}
    said = within(row, "EUR")
    held = "held 23 of 25 past sums of 4 weeks"
    assert said == f"90 % interval EUR\u00a03.9k to 4.2k, {held}{against}"


def test_the_tile_of_the_quarter_says_what_its_intervals_held(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE))
    # 14 of 19, 73.7 %, held as first drawn; 18 after they were widened.
    assert "widened 1.8 ×: held 18 of 19 past sums of 13 weeks, 14 before" in text
    assert "At most EUR 45.00 is missing; the interval includes it." in text


def test_a_past_month_knows_nothing_later(look_at: LookAt) -> None:
    app = look_at(page=PAGE, period="2026-08")
    assert tiles(app) == {
        "Against budget: everything": "100.0 % of budget",
        "Fiscal year 2026 to date": "EUR 2,000.00",
    }
    text = text_of(app)
    assert "will end at" not in text
    assert "ends at" not in text
    assert "Aug 2026 was over before forecasts began" in text


def test_the_team_that_is_furthest_over_its_budget_is_an_answer() -> None:
    def row(scope: str, kind: str, ratio: float | None) -> dict[str, Any]:
        return {"scope": scope, "scope_type": kind, "variance_ratio": ratio}

    rows = [row("all", "all", 2.0), row("a", "team", None), row("b", "team", -0.1)]
    assert sentences.furthest_team(rows[:2]) is None
    assert sentences.furthest_team(rows) is rows[2]
    worst = row("c", "team", 0.3)
    assert sentences.furthest_team([*rows, worst, row("d", "team", 0.2)]) is worst


def test_a_model_has_its_own_landing_and_a_team_has_none(
    look_at: LookAt,
) -> None:
    app = look_at(page=PAGE, scope="model eta-v2")
    assert tiles(app)["Sep 2026 will end at"] == "≈ EUR 2.36k"
    assert "4.05k" not in text_of(app)
    team = look_at(page=PAGE, scope="team ml")
    assert not any("will end at" in label for label in tiles(team))
    assert "of — budgeted" not in text_of(team)


def test_the_bridge_says_what_did_most_and_leads_to_lines(look_at: LookAt) -> None:
    app = look_at(page=PAGE, step="Other")
    text = text_of(app)
    assert "Sep 2026 cost **EUR 3,440.00 more** so far than all of Aug 2026" in text
    assert "What did most: quantity +EUR 7,142.85, efficiency of use" in text
    assert "efficiency of use −EUR 4,300.00" in text
    assert "EUR 7,200.00 of Sep 2026 has no unit price on a bill" in text
    assert "no quantity belongs to this cost" in text
    assert "Vision v1" not in text
    july = text_of(look_at(page=PAGE, against="2026-07"))
    assert "Sep 2026 cost **EUR 500.00 more** so far than all of Jul 2026" in july


def test_a_missing_invoice_is_a_bar_of_the_billed_basis_alone(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        # Of 6,000 used and billed before, 6,001 are used now and 5,001 billed.
        connection.execute(
            "UPDATE cost.mart_cost_bridge SET cost = 5001, change_amount = -999,"
            " not_invoiced_amount = -1000 WHERE basis = 'billed'"
        )
    snapshot = PublishedReader(tmp_path).snapshot()
    billed = selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Billed", "EUR"
    )
    steps = budget_queries.bridge_steps(snapshot, billed, "2026-08").to_pylist()
    bars = {row["step"]: row["amount"] for row in steps}
    assert (bars["other"], bars["not_invoiced"], bars["change"]) == (1, -1000, -999)
    assert (bars["earlier"], bars["later"]) == (6000, 5001)
    amortised = selection_queries.Selection(
        selection_queries.periods(snapshot)[0], "Amortised", "EUR"
    )
    steps = budget_queries.bridge_steps(snapshot, amortised, "2026-08").to_pylist()
    assert "not_invoiced" not in {row["step"] for row in steps}


def test_the_bridge_is_of_ai_cost_and_names_tax_and_credits_beside_it(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        for line, before, after in (("tax", 80, 100), ("credit", 0, -30)):
            connection.execute(
                "INSERT INTO cost.mart_cost_bridge BY NAME SELECT bridge.* REPLACE"
                " (NULL AS model_id, $line AS cost_line, $before AS prior_cost, $after"
                " AS cost, $after - $before AS other_amount, $after - $before AS"
                " change_amount) FROM cost.mart_cost_bridge AS bridge"
                " WHERE prior_billing_month = '2026-08' AND cost_line = 'idle'",
                {"line": line, "before": before, "after": after},
            )
    text = text_of(open_app(tmp_path, page=PAGE))
    # 10,250 became 13,690 as without them, and 70 more on the statements.
    assert "Sep 2026 cost **EUR 3,440.00 more** so far than all of Aug 2026" in text
    assert (
        "AI cost is before tax and credits: +EUR 100.00 of tax and −EUR 30.00 of credit"
        " come on top, so that statements of the month add up to EUR 13,760.00." in text
    )


def test_the_bridge_says_whose_efficiency_may_tell_of_the_meter(
    tmp_path: Path, open_app: OpenApp, look_at: LookAt
) -> None:
    """A meter that stopped half-way is a sign, and a twentieth of a month is none."""
    publish(tmp_path)
    with duckdb.connect(str(PublishedReader(tmp_path).current_path())) as connection:
        connection.execute(
            "UPDATE cost.mart_model_unit_costs SET meter_coverage_ratio = 0.5"
            " WHERE model_id = 'eta-v2' AND billing_month = '2026-09';"
            "INSERT INTO cost.mart_model_unit_costs SELECT * REPLACE"
            " ('2026-08' AS billing_month, 0.55 AS meter_coverage_ratio)"
            " FROM cost.mart_model_unit_costs WHERE model_id = 'vision-v1'"
        )

    assert (
        "ETA v2 was metered on 100.0 % of its days with cost in Aug 2026 and on 50.0 %"
        " in Sep 2026: its quantity and efficiency may tell of the meter."
        in text_of(open_app(tmp_path, page=PAGE))
    )
    assert "tell of the meter" not in text_of(look_at(page=PAGE))


def test_an_anomaly_says_why_with_the_figures_that_decided_it(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE, anomaly="EC2 (aws), 2026-09-08"))
    assert "**4 anomalies** in Sep 2026: 1 of services, 3 of models." in text
    assert "**Still going on:** Cost of no model since 2026-09-12." in text
    # 7 a node hour instead of 5 is 40 % more: 3 x 70 against 3 x 50.
    assert "cost EUR 210.00 in 3 days from 2026-09-08, ≈ EUR 60 more" in text
    assert "Price: a unit of Node hours +40.0 %" in text
    july = text_of(look_at(page=PAGE, period="2026-07"))
    assert "**No anomaly in Jul 2026.** The last one began in Sep 2026." in july


def test_the_days_of_an_anomaly_are_those_of_the_one_that_is_chosen(
    tmp_path: Path,
) -> None:
    """210 in three days, of 150 expected."""
    publish(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    period = selection_queries.Period("2026-09", ("2026-09",))
    selection = selection_queries.Selection(period, "Amortised", "EUR")
    label = "EC2 (aws), 2026-09-08"
    days = anomaly_queries.anomaly_days(snapshot, selection, label).to_pylist()
    assert [(str(row["charge_date"]), row["actual"]) for row in days] == [
        ("2026-09-08", 70),
        ("2026-09-09", 70),
        ("2026-09-10", 70),
    ]
    assert {(row["expected"], row["low"]) for row in days} == {(50.0, 50.0)}


def test_a_run_of_an_earlier_version_has_no_days_of_an_anomaly(
    tmp_path: Path, open_app: OpenApp
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute("drop table cost.mart_cost_anomaly_days")
    app = open_app(tmp_path, page=PAGE, anomaly="EC2 (aws), 2026-09-08")
    assert "This run has no costs of single days." in text_of(app)


def test_a_run_of_an_earlier_version_has_budgets_of_months_only(
    tmp_path: Path, open_app: OpenApp
) -> None:
    with duckdb.connect(str(publish(tmp_path))) as connection:
        connection.execute("drop view cost.mart_budget_periods")
    for page in (PAGE, "summary"):
        text = text_of(open_app(tmp_path, page=page))
        assert "earlier version: a new run brings budgets." in text
        assert "No budget for" not in text


def test_each_driver_is_said_with_its_figures(tmp_path: Path) -> None:
    publish(tmp_path)
    snapshot = PublishedReader(tmp_path).snapshot()
    both = selection_queries.Period("Aug to Sep", ("2026-08", "2026-09"))
    selection = selection_queries.Selection(both, "Amortised", "EUR")
    rows = anomaly_queries.anomalies(snapshot, selection).to_pylist()
    said = {
        row["name"]: anomaly_sentences.reason(row).replace("\u00a0", " ")
        for row in rows
    }
    assert said == {
        # 7 instead of 5, 280 instead of 140, a share of 0.5 instead of 0.1.
        "EC2 (aws)": "Price: a unit of Node hours +40.0 %",
        "eta-v2": "Volume: 2.0 times the quantity of Search, through the pool vectors",
        "small-4": "Volume: 5.0 times its share of gpu",
        "Cost of no model": "New resource: node-7 and 1 other",
        "no service named (openai)": "Not known: the bill tells no quantities, or no"
        " single cause carries it",
    }


def test_comments_stand_under_the_bridge_that_they_are_about(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE))
    assert "The tokens are the new assistant." in text
    assert "2026-09-28 09:30 UTC" in text
    command = 'triptych comment --period 2026-09 --against 2026-08 "TEXT"'
    assert command in text
    july = text_of(look_at(page=PAGE, against="2026-07"))
    assert "No comments yet." in july


def test_the_forecast_prints_its_error_beside_the_naive_one(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE))
    assert "forecast by local level" in text
    assert "a month and a quarter. From the later half of" in text
    assert "day by day, its error was **12.0 %** of a typical day" in text
    assert "repeating last week 20.0 %" in text
    assert "held **91.0 %** of the days held out." in text
    assert "In **2 of 3 series** with a method of their own, the error" in text
    short = text_of(look_at(page=PAGE, series="small-4"))
    assert "Its history is too short to know how wrong that is" in short


def test_a_history_too_short_for_intervals_of_days_has_no_share_that_they_held() -> (
    None
):
    quality = {
        "method": "log trend",
        "origin_count": 2,
        "error_ratio": 0.125,
        "naive_error_ratio": 0.2,
        "coverage_ratio": None,
    }
    text = sentences.forecast("vision", quality).replace("\u00a0", " ")
    assert text.endswith(
        "From the later half of 2 past days, day by day, its error was **12.5 %** of a"
        " typical day, that of repeating last week 20.0 %. Its history is too short for"
        " intervals of days."
    )


def test_a_link_to_a_month_that_is_not_there_warns(look_at: LookAt) -> None:
    text = text_of(look_at(page=PAGE, against="2020-01"))
    assert "“2020-01”, which is not in this data. Shown instead: 2026-08" in text


def test_what_is_not_there_is_said_with_what_would_bring_it(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path)
    july = open_app(tmp_path, page=PAGE, period="2026-07")
    assert "**No budget for Jul 2026 in this scope.**" in text_of(july)
    assert "begin in Aug 2026 and end in Sep 2026" in text_of(july)
    assert "No month before Jul 2026 has cost to compare it with." in text_of(july)
    emptied = publish(tmp_path, run_id="run-0002")
    with duckdb.connect(str(emptied)) as connection:
        for mart in (
            "budget_variance",
            "cost_forecasts",
            "cost_outturns",
            "cost_anomalies",
        ):
            connection.execute(f"delete from cost.mart_{mart}")
    text = text_of(open_app(tmp_path, page=PAGE, basis="Billed"))
    assert "**No budget yet.** Deliver a table of the stream `budgets`" in text
    assert "Nothing is forecast: that takes a bill" in text


@pytest.mark.peer_defect("a green budget on stale data")
def test_stale_and_partial_data_are_said_on_every_figure(
    tmp_path: Path, open_app: OpenApp
) -> None:
    publish(tmp_path, "stale")
    app = open_app(tmp_path, page=PAGE)
    assert all(label.endswith("· stale") for label in tiles(app))
    publish(tmp_path, "partial", run_id="run-0002")
    app = open_app(tmp_path, page=PAGE)
    assert "FY2026 will end at, at least" in tiles(app)


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (2.8, "280.0 % over budget (3.8 ×)"),
        (0.004, "0.4 % over budget (1.004 ×)"),
        (0.02, "2.0 % over budget (1.02 ×)"),
        (-0.36, "36.0 % under budget"),
        (0.0, "as budgeted"),
    ],
)
def test_both_forms_of_a_variance_say_the_same(ratio: float, written: str) -> None:
    both = fmt.against_budget(ratio, 1 + ratio)
    assert both.replace("\u00a0", " ") == written


def test_what_will_expire_unused_is_said_and_unknown_is_no_zero(
    look_at: LookAt,
) -> None:
    text = text_of(look_at(page=PAGE))
    assert (
        "Will expire unused at this pace: Prepaid API **USD 603.23** on 2026-12-01"
        in text
    )
    assert "Expired unused: GPU plan EUR 200.00." in text
    assert "The bill azure has no charges in EUR." in text


def test_without_a_register_the_page_says_how_to_bring_one(
    tmp_path: Path, open_app: OpenApp
) -> None:
    path = publish(tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("delete from cost.mart_commitment_burn_down")
    text = text_of(open_app(tmp_path, page=PAGE))
    assert "**No commitment is registered.**" in text


def test_a_quantity_after_none_at_all_is_told_without_a_multiple() -> None:
    row = {
        "driver": "volume",
        "subject": "support-plan",
        "pool_id": "support-plan",
        "times_quantity": None,
        "excess": 250.0,
    }
    assert anomaly_sentences.reason(row) == (
        "Volume: support-plan, of which it had no share in the weeks before"
    )
    through = row | {"pool_id": "gpu"}
    assert anomaly_sentences.reason(through) == (
        "Volume: support-plan, of which it used nothing in the weeks before, through"
        " the pool gpu"
    )
