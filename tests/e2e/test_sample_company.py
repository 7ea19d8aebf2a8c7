"""The sample company goes through the whole pipeline, and the truth comes out.

The pipeline never reads ``sample/truth.yml``; what it publishes is compared with it.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import statistics
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml
from openpyxl import load_workbook
from pypdf import PdfReader
from typer.testing import CliRunner

from attribution.studies.study_files import read_plans
from benchmarks.calibration_of_company import frame_of
from dashboard import exports
from dashboard import format as fmt
from ingest.simulate.outcomes import observe
from ingest.simulate.timeline import plan_timeline
from tests.dashboard.browsing import SIZES, Visit, served, visit
from tests.dashboard.conftest import text_of, tiles
from tests.e2e.planted_figures import Doors, planted_figures
from tests.e2e.questions_case import (
    PAGES,
    QUESTIONS,
    Asked,
    month_to_ask,
    unanswered,
)
from tests.layers import IS_FULL
from triptych.cli import app as cli
from triptych.explanation import explain
from triptych.settings import load_settings
from triptych.warehouse.bills import BILL_STREAMS
from triptych.warehouse.figures import Figure
from triptych.warehouse.reader import PublishedReader
from triptych.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tests.dashboard.conftest import OpenApp
    from triptych.warehouse.reader import Snapshot

Amounts = tuple[Decimal, Decimal]
NOTHING: Amounts = (Decimal(0), Decimal(0))
#: A plan of 20 dollars and eight seats of 20, each month.
RAILWAY_FEES = Decimal(20 + 8 * 20)
#: Steps of the waterfall that a pool's money ends in.
_POOLED = ("shared", "idle", "overhead")


@pytest.fixture(scope="module")
def workspace(sample_company: Path) -> Path:
    """Return the workspace of a small company after a full run."""
    return sample_company


@pytest.fixture(scope="module")
def truth(workspace: Path) -> dict[str, Any]:
    """Return what was planted."""
    text = (workspace / "sample" / "truth.yml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def published(workspace: Path) -> Snapshot:
    """Return what was published."""
    return PublishedReader(workspace).snapshot()


@pytest.fixture(scope="module")
def waterfall(published: Snapshot) -> dict[tuple[str, str, str], Amounts]:
    """Return source, month, step → billed and effective cost in EUR."""
    rows = published.query("SELECT * FROM cost.mart_cost_waterfall").to_pylist()
    assert {row["currency"] for row in rows} == {"EUR"}
    found: dict[tuple[str, str, str], Amounts] = defaultdict(lambda: NOTHING)
    for row in rows:
        key = (row["source"], row["billing_month"], row["step"])
        found[key] = (row["billed_cost"], row["effective_cost"])
    return found


def amounts(planted: dict[str, Any] | None) -> Amounts:
    if planted is None:
        return NOTHING
    return Decimal(planted["billed_cost"]), Decimal(planted["effective_cost"])


def total(parts: list[Amounts]) -> Amounts:
    return sum((p[0] for p in parts), Decimal(0)), sum(
        (p[1] for p in parts), Decimal(0)
    )


def test_every_ledger_total_is_the_planted_one_to_the_tenth_decimal(
    waterfall: dict[tuple[str, str, str], Amounts], truth: dict[str, Any]
) -> None:
    for source, months in truth["components"].items():
        for month, components in months.items():
            planted = total([amounts(part) for part in components.values()])
            assert waterfall[source, month, "ledger"] == planted, (source, month)


def test_every_component_is_the_planted_one_to_the_tenth_decimal(
    waterfall: dict[tuple[str, str, str], Amounts], truth: dict[str, Any]
) -> None:
    alone = (
        "direct", "unused_commitment", "tax", "credit", "unallocated", "out_of_scope",
    )  # fmt: skip
    for source, months in truth["components"].items():
        for month, components in months.items():
            for name in alone:
                found = waterfall[source, month, name]
                assert found == amounts(components.get(name)), (source, month, name)
            pooled = total([waterfall[source, month, step] for step in _POOLED])
            assert pooled == amounts(components.get("shared")), (source, month)
            assert waterfall[source, month, "remainder"] == NOTHING


def test_services_add_up_to_the_planted_ledger_without_what_is_out_of_scope(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT source, billing_month, sum(billed_cost) AS billed,"
        " sum(effective_cost) AS effective FROM cost.fct_daily_service_costs"
        " GROUP BY ALL"
    ).to_pylist()
    found = {
        (row["source"], row["billing_month"]): (row["billed"], row["effective"])
        for row in rows
    }
    planted = {
        (source, month): total(
            [amounts(part) for name, part in parts.items() if name != "out_of_scope"]
        )
        for source, months in truth["components"].items()
        for month, parts in months.items()
    }
    assert found == planted


def test_an_anomaly_costs_what_the_line_items_of_its_days_cost(
    published: Snapshot,
) -> None:
    """The GPU cloud is new in the pivot, and grows with the hybrid."""
    found = published.query(
        "SELECT * FROM cost.mart_cost_anomalies WHERE source = 'tidewater'"
    ).to_pylist()
    assert {("GPU Nodes", "2026-07-01", "new_resource")} <= {
        (row["service_name"], row["first_day"].isoformat(), row["driver"])
        for row in found
    }
    for row in found:
        (items,) = published.query_line_items(
            "SELECT sum(effective_cost) AS cost FROM line_items"
            " WHERE source = 'tidewater' AND service_name = $service"
            " AND charge_category <> 'Tax'"
            " AND charge_date BETWEEN $first AND $last",
            {
                "service": row["service_name"],
                "first": row["first_day"],
                "last": row["last_day"],
            },
        ).to_pylist()
        assert row["actual_cost"] == items["cost"], row


def test_all_dollars_of_a_month_are_the_planted_ones_before_they_are_converted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """Whatever a dollar was worth, the bills themselves add up to the last digit."""
    rows = published.query("SELECT * FROM cost.mart_exchange_rates").to_pylist()
    found = {
        row["billing_month"]: (
            row["unconverted_billed_cost"],
            row["unconverted_effective_cost"],
        )
        for row in rows
        if row["from_currency"] == "USD"
    }
    planted: dict[str, list[Amounts]] = defaultdict(list)
    for months in truth["ledger"].values():
        for month, by_currency in months.items():
            if "USD" in by_currency:
                planted[month].append(amounts(by_currency["USD"]))
    assert found == {month: total(parts) for month, parts in planted.items()}
    assert len(found) == 6


def test_finance_typed_rates_in_before_the_ecbs_average_counted(
    published: Snapshot,
) -> None:
    rows = published.query(
        "SELECT * FROM cost.mart_exchange_rates WHERE from_currency = 'USD'"
        " ORDER BY billing_month"
    ).to_pylist()
    assert [(row["rate_source"], row["rate_rule"]) for row in rows] == [
        ("rates", "typed_in"),
        *[("ecb", "month_average")] * 5,
    ]


def test_railway_is_an_estimate_until_its_invoice_settles_it(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """The last month has no invoice: nothing is billed, and all of it is estimated."""
    rows = published.query(
        "SELECT billing_month, is_estimated, sum(billed_cost) AS billed,"
        " sum(effective_cost) AS effective FROM cost.fct_daily_model_costs"
        " WHERE source = 'railway' GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    planted = truth["components"]["railway"]
    assert [(row["billing_month"], row["is_estimated"]) for row in rows] == [
        (month, month == "2026-10") for month in sorted(planted)
    ]
    for row in rows:
        parts = total(
            [amounts(part) for part in planted[row["billing_month"]].values()]
        )
        assert (row["billed"], row["effective"]) == parts
    assert rows[-1]["billed"] == 0
    assert rows[-1]["effective"] > 1_000


def test_a_sliced_gpu_is_paid_by_the_slices_that_were_held(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """One of seven slices all day, one by day, two on workdays, three until four."""
    rows = published.query(
        "SELECT model_id, sum(effective_cost) AS cost FROM cost.fct_daily_model_costs"
        " WHERE pool_id = 'gpu-slices' GROUP BY ALL"
    ).to_pylist()
    cost = {row["model_id"]: float(row["cost"]) for row in rows}
    whole = sum(cost.values())
    assert cost["care-assistant"] / whole == pytest.approx(1 / 7, abs=1e-7)
    # Few lines at this scale: not every hour of a day has its share of the money.
    assert cost["eta-v2"] / whole == pytest.approx(14 / 24 / 7, rel=0.2)
    assert cost["route-planner"] / whole == pytest.approx(3 * 4 / 24 / 7, rel=0.2)
    assert cost[None] / whole > 0.4
    assert truth["pools"]["gpu-slices"]["driver"] == "gpu_hours"


def test_what_apis_tell_beside_their_bills_is_in_the_evidence(workspace: Path) -> None:
    """Deployments, latency and invoices of Railway, and usage of the model APIs."""
    with duckdb.connect(str(workspace / "raw.duckdb"), read_only=True) as raw:
        raw.execute(f"SET file_search_path = '{workspace}'")

        def one(sql: str) -> Any:
            row = raw.execute(sql).fetchone()
            assert row is not None
            return row[0] if len(row) == 1 else row

        assert (
            one(
                "SELECT count(DISTINCT status) FROM evidence.deployments"
                " WHERE source_system = 'railway'"
            )
            >= 3
        )
        assert (
            one(
                "SELECT count(*) FROM evidence.serving_latency"
                " WHERE latency_p95_seconds <= latency_p50_seconds"
            )
            == 0
        )
        assert one("SELECT count(*) FROM evidence.serving_latency") > 500
        assert (
            one("SELECT count(*) FROM evidence.invoices WHERE _source = 'railway'") == 3
        )
        # The gateway's key: OpenAI counts the very tokens that the gateway counts.
        by_vendor, by_gateway = (
            one(
                "SELECT sum(input_tokens + output_tokens) FROM evidence.llm_usage"
                f" WHERE provider = 'openai' AND {condition}"
            )
            for condition in (
                "reported_by = 'provider' AND api_key_id = 'key_9b1gateway'",
                "reported_by = 'gateway'",
            )
        )
        assert by_vendor == by_gateway > 0


def test_direct_cost_of_each_model_is_the_planted_one(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT model_id, billing_month, sum(billed_cost) AS billed,"
        " sum(effective_cost) AS effective FROM cost.fct_daily_model_costs"
        " WHERE component = 'direct' AND model_id IS NOT NULL GROUP BY ALL"
    ).to_pylist()
    found = {(r["model_id"], r["billing_month"]): r for r in rows}
    planted = {
        (model, month): amounts(part)
        for model, months in truth["direct"]["models"].items()
        for month, part in months.items()
    }
    assert {
        key: (row["billed"], row["effective"]) for key, row in found.items()
    } == planted


def test_every_pool_is_divided_as_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT pool_id, billing_month, model_id, component,"
        " sum(billed_cost) AS billed, sum(effective_cost) AS effective"
        " FROM cost.fct_daily_model_costs WHERE pool_id IS NOT NULL GROUP BY ALL"
    ).to_pylist()
    found = {
        (r["pool_id"], r["billing_month"], r["model_id"]): (r["billed"], r["effective"])
        for r in rows
        if r["billed"] or r["effective"]
    }
    planted = {}
    for pool, content in truth["pools"].items():
        for month, part in content["months"].items():
            for model, share in part["models"].items():
                planted[pool, month, model] = amounts(share)
            if amounts(part["idle"]) != NOTHING:
                planted[pool, month, None] = amounts(part["idle"])
    assert set(found) == set(planted)
    for key, expected in planted.items():
        gaps = [abs(a - b) for a, b in zip(found[key], expected, strict=True)]
        assert max(gaps) <= Decimal("0.00001"), key


def test_gpu_money_is_used_or_idle_as_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT pool_id, billing_month, sum(total_effective_cost) AS total,"
        " sum(infrastructure_idle_effective_cost) AS idle,"
        " sum(used_effective_cost + requested_idle_effective_cost"
        " + unmeasured_effective_cost) AS held,"
        " sum(unmapped_effective_cost + unobserved_effective_cost) AS unknown"
        " FROM delivery.mart_accelerator_efficiency GROUP BY ALL"
    ).to_pylist()
    found = {(row["pool_id"], row["billing_month"]): row for row in rows}
    planted = {
        (pool, month): part
        for pool, content in truth["pools"].items()
        if content["driver"] == "gpu_hours"
        for month, part in content["months"].items()
    }
    assert set(found) == set(planted)
    for key, part in planted.items():
        row = found[key]
        held = total([amounts(model) for model in part["models"].values()])[1]
        assert row["total"] == Decimal(part["effective_cost"]), key
        assert abs(row["idle"] - amounts(part["idle"])[1]) <= Decimal("0.00001"), key
        assert abs(row["held"] - held) <= Decimal("0.00001"), key
        assert row["unknown"] == 0, key


def test_gpu_hours_are_used_as_planted_in_each_phase(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT billing_month, sum(active_gpu_hours) AS active,"
        " sum(capacity_gpu_hours) AS capacity"
        " FROM delivery.mart_accelerator_efficiency"
        # Of slices, requests are metered and use is not; the mixed pool has its own.
        " WHERE pool_id NOT IN ('gpu-slices', 'gpu-mixed') GROUP BY ALL"
    ).to_pylist()
    by_month = {row["billing_month"]: row for row in rows}
    for phase in truth["phases"].values():
        months = [by_month[month] for month in phase["months"]]
        active = sum(row["active"] for row in months)
        capacity = sum(row["capacity"] for row in months)
        planted = float(phase["gpu_used_ratio"])
        assert float(active / capacity) == pytest.approx(planted, abs=1e-5)


def test_the_savings_plan_is_used_and_left_unused_as_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT * FROM cost.mart_commitments WHERE source = 'aws'"
    ).to_pylist()
    unused = {row["billing_month"]: row["unused_effective_cost"] for row in rows}
    planted = {
        month: Decimal(components["unused_commitment"]["effective_cost"])
        for month, components in truth["components"]["aws"].items()
        if "unused_commitment" in components
    }
    assert unused == planted
    for row in rows:
        paid = row["purchased_billed_cost_to_date"]
        assert row["committed_effective_cost_to_date"] == paid


def test_commitments_burn_down_to_what_was_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT * FROM cost.mart_commitment_burn_down WHERE is_newest"
    ).to_pylist()
    found = {
        row["commitment_id"]: {
            "granted": row["granted_amount"],
            "used": row["used_to_date_amount"],
            "lapsed": row["lapsed_to_date_amount"],
            "remaining": row["remaining_amount"],
            "days_to_expiry": row["days_to_expiry"],
        }
        for row in rows
    }
    planted = {
        commitment: {
            name: value if name == "days_to_expiry" else Decimal(value)
            for name, value in facts.items()
        }
        for commitment, facts in truth["commitments"].items()
    }
    assert found == planted
    never_claimed = next(r for r in rows if r["commitment_id"] == "start-up-credit")
    assert never_claimed["at_risk_amount"] == never_claimed["granted_amount"]


def test_what_has_no_invoice_is_accrued_as_planted_and_nothing_else(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT billing_month, source, accrual_amount, method"
        " FROM cost.mart_accruals WHERE state = 'to_accrue' ORDER BY source"
    ).to_pylist()
    missing = truth["missing_invoice"]["billing_month"]
    last = truth["organisation"]["months"][-1]
    google = truth["ledger"]["gcp"][missing]["EUR"]["billed_cost"]
    usage = truth["ledger"]["railway"][last]["USD"]["effective_cost"]
    assert [tuple(row.values()) for row in rows] == [
        (missing, "gcp", Decimal(google), "bill"),
        # Seats and plan of the month before come on top; only its invoice has them.
        (last, "railway", Decimal(usage) + RAILWAY_FEES, "price_and_usage"),
    ]


def test_rows_that_cannot_be_read_are_in_quarantine_with_the_planted_reason(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query("SELECT * FROM core.mart_quarantine_reasons").to_pylist()
    found = {
        row["source"]: (row["stream"], row["reason"], row["row_count"]) for row in rows
    }
    planted = {
        source: (entry["stream"], entry["reason"], entry["rows"])
        for source, entry in truth["quarantined"].items()
    }
    assert found == planted


def test_a_month_lacks_the_planted_charges_alone_and_no_money_rule_is_broken(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    incomplete = published.query(
        "SELECT source, missing FROM core.mart_month_completeness"
        " WHERE NOT is_complete ORDER BY source"
    ).to_pylist()
    planted = {
        source: f"({entry['rows']} row refused: {entry['reason']})"
        for source, entry in truth["quarantined"].items()
        if entry["stream"] in {bill.name for bill in BILL_STREAMS}
    }
    assert len(planted) >= 3
    assert [row["source"] for row in incomplete] == sorted(planted)
    for row in incomplete:
        assert row["missing"].endswith(planted[row["source"]])
        assert "exchange rate" not in row["missing"]
    issues = published.query("SELECT * FROM core.mart_data_quality_issues")
    assert issues.to_pylist() == []


def drawn_values(frame: pd.DataFrame, name: str) -> dict[tuple[str, str], float]:
    """Return a column of a study's frame by unit and date."""
    dates = [f"{day:%Y-%m-%d}" for day in frame["date"]]
    keys = zip(frame["unit"].tolist(), dates, strict=True)
    return dict(zip(keys, frame[name].tolist(), strict=True))


def published_values(
    published: Snapshot, sql: str, *names: str
) -> dict[tuple[str, str], float]:
    """Return the known values of a query by unit and date."""
    rows = published.query(sql, list(names)).to_pylist()
    return {
        (row["unit"], str(row["panel_date"])): row["value"]
        for row in rows
        if row["value"] is not None
    }


def test_the_panels_of_studies_are_the_outcomes_that_were_drawn(
    workspace: Path, published: Snapshot
) -> None:
    """By unit and period, as they are laid out without files, loads and marts."""
    timeline = plan_timeline(6)
    outcomes = observe(timeline, 7)
    plans = read_plans(workspace / "studies")
    assert len(plans) == 6
    for plan in plans:
        drawn = frame_of(outcomes, timeline, plan)
        panel = published_values(
            published,
            "SELECT unit, panel_date, outcome AS value"
            " FROM outcomes.mart_attribution_panel WHERE study_id = ?",
            plan.id,
        )
        assert panel == pytest.approx(drawn_values(drawn, "outcome"), rel=1e-12)
        for name in plan.columns:
            column = published_values(
                published,
                "SELECT unit, panel_date, value"
                " FROM outcomes.mart_attribution_covariates"
                " WHERE study_id = ? AND column_name = ?",
                plan.id,
                name,
            )
            assert column == pytest.approx(drawn_values(drawn, name), rel=1e-12)


def test_everything_is_marked_synthetic(published: Snapshot) -> None:
    [row] = published.query("SELECT * FROM core.mart_run").to_pylist()
    assert row["is_synthetic"] is True
    assert row["organisation"] == "Nordhafen Logistik"


def test_the_board_pack_states_what_the_marts_say(
    workspace: Path, published: Snapshot
) -> None:
    """Each figure is asked of the marts in another way than the pages ask."""
    months = published.query(
        "SELECT DISTINCT billing_month FROM cost.mart_cost_bridge ORDER BY 1 DESC"
    ).to_pydict()["billing_month"]
    month = months[1]
    files = exports.board_pack_files(
        Workspace(workspace), published, month, "Amortised"
    )
    pdf, xlsx = (file.content for file in files)
    pages = [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]
    first, cost = ("".join(page.split()).replace("\u00a0", "") for page in pages[:2])
    [spent] = published.query(
        "SELECT round(sum(effective_cost), 2) AS amount FROM cost.mart_cost_waterfall"
        " WHERE billing_month = $month AND currency = 'EUR'"
        " AND step NOT IN ('ledger', 'out_of_scope', 'tax', 'credit')",
        {"month": month},
    ).to_pydict()["amount"]
    assert f"EUR{spent:,.2f}" in first
    models = published.query(
        "SELECT model_name, round(sum(fully_loaded_cost), 2) AS amount"
        " FROM cost.mart_model_unit_costs JOIN core.dim_models USING (model_id)"
        " WHERE billing_month = $month AND currency = 'EUR' GROUP BY ALL",
        {"month": month},
    ).to_pylist()
    assert len(models) >= 6
    for row in models:
        assert f"{row['model_name'].replace(' ', '')}" in cost
        assert f"{row['amount']:,.2f}" in cost
    assert published.run_id in pages[-1]
    sheet = load_workbook(BytesIO(xlsx))["Cost"]
    cells = {row[1].value: row[3].value for row in sheet.iter_rows(max_col=4)}
    for row in models:
        assert round(Decimal(repr(cells[row["model_name"]])), 2) == row["amount"]
    assert 4 <= len(pages) <= 6


@pytest.fixture(scope="module")
def address(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return where the company's dashboard is served, with a scenario of its own."""
    file = workspace / "scenarios" / "quantise_vision.yml"
    ran = CliRunner().invoke(cli, ["scenario", "run", str(file), "-w", str(workspace)])
    assert ran.exit_code == 0, ran.output
    with served(workspace, tmp_path_factory.mktemp("log") / "server.log") as address:
        yield address


#: In a browser; ``make test`` opens these, and the tests of pages read the others.
OPENED = set(PAGES[:4])


@pytest.mark.browser
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(
            page,
            id=page or "first screen",
            marks=[] if page in OPENED else [pytest.mark.full],
        )
        for page in PAGES
    ],
)
def test_a_page_answers_its_questions_as_the_marts_do(
    browser: Any, workspace: Path, address: str, page: str
) -> None:
    """The first screen without scrolling, every other page by one click from it."""
    asked = month_to_ask(workspace)
    with visit(browser, f"{address}/?period={asked.month}") as tab:
        tab.wait_for("What we cannot say")
        tab.settle()
        shown = tab.page.locator(".st-key-first_screen")
        if page:
            menu = tab.page.locator(".st-key-menu")
            menu.get_by_role("link", name=page).click()
            tab.page.get_by_role("heading", name=page, exact=True).wait_for()
            shown = tab.page.locator("body")
        else:
            box = shown.bounding_box()
            assert box["y"] + box["height"] <= SIZES["desktop"][1]
        assert open_questions(asked, page, tab, shown) == []
        # Each question asks for something: a page that says nothing answers none.
        of_page = [question for question in QUESTIONS if question.page == page]
        assert len(unanswered(asked, page, "")) == len(of_page)
        tab.assert_quiet()


def open_questions(asked: Asked, page: str, tab: Visit, shown: Any) -> list[str]:
    """Return what is unanswered when a page has had time to be drawn to its end."""
    found = ["not looked at yet"]
    for _ in range(20):
        tab.settle()
        found = unanswered(asked, page, shown.inner_text())
        if not found:
            break
        tab.page.wait_for_timeout(1_000)
    return found


def test_the_case_can_be_read_from_the_published_costs(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT billing_month, sum(effective_cost) AS cost"
        " FROM cost.mart_cost_waterfall"
        " WHERE step NOT IN ('ledger', 'out_of_scope', 'tax', 'credit')"
        " GROUP BY ALL"
    ).to_pylist()
    cost = {row["billing_month"]: row["cost"] for row in rows}
    for phase in truth["phases"].values():
        spent = sum((cost[month] for month in phase["months"]), Decimal(0))
        assert spent == Decimal(phase["ai_spend"])


def test_the_invoice_that_was_never_entered_is_found_and_the_others_tie(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    planted = truth["missing_invoice"]
    rows = published.query(
        "SELECT * FROM cost.mart_period_reconciliation WHERE source = $source",
        {"source": planted["source"]},
    ).to_pylist()
    states = {row["billing_month"]: row["state"] for row in rows}
    assert set(states) == set(truth["ledger"][planted["source"]])
    assert states.pop(planted["billing_month"]) == "estimated"
    assert set(states.values()) == {"reconciled"}


@pytest.mark.parametrize(
    ("mart", "columns", "keys"),
    [
        (
            "cost.fct_daily_model_costs",
            ("billed_cost", "effective_cost"),
            ("billing_month", "source", "model_id", "component", "currency"),
        ),
        (
            "cost.mart_cost_waterfall",
            ("billed_cost", "effective_cost"),
            ("billing_month", "source", "step", "currency"),
        ),
        (
            "cost.mart_model_unit_costs",
            ("direct_cost", "cost_per_thousand_requests"),
            ("billing_month", "model_id", "currency"),
        ),
    ],
)
def test_the_evidence_gives_any_cell_again(
    workspace: Path,
    published: Snapshot,
    mart: str,
    columns: tuple[str, str],
    keys: tuple[str, ...],
) -> None:
    """Cells of a mart, drawn with a fixed seed."""
    rows = published.query(
        f"SELECT DISTINCT {', '.join(keys)} FROM {mart} ORDER BY ALL"
    ).to_pylist()
    drawn = random.Random(f"cells of {mart}")
    for row in drawn.sample(rows, 4 if IS_FULL else 1):
        figure = Figure.of(mart, drawn.choice(columns), row)
        told = explain(workspace, str(figure))
        assert told.rederivation.is_equal, told.rederivation
        assert told.problem is None


def of_service_and_month(
    published: Snapshot, sql: str
) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = published.query(sql).to_pylist()
    return {
        (str(row.pop("key")), str(row.pop("month"))): tuple(row.values())
        for row in rows
    }


def planted_by_month(
    planted: dict[str, Any], *names: str
) -> dict[tuple[str, str], tuple[Any, ...]]:
    return {
        (key, month): tuple(figures[name] for name in names)
        for key, months in planted.items()
        for month, figures in months.items()
        if set(names) <= figures.keys()
    }


def test_each_service_deployed_and_failed_as_often_as_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    found = of_service_and_month(
        published,
        """
        SELECT service AS key, month, count(*) FILTER (counts_as_deployment),
            count(*) FILTER (outcome IN ('success', 'failure')),
            count(*) FILTER (is_failed)
        FROM delivery.fct_deployments
        WHERE source = 'events' AND month IS NOT NULL GROUP BY ALL
        """,
    )
    planted = truth["delivery"]["services"]
    names = ("deployments", "finished", "failed")
    assert found == planted_by_month(planted, *names)
    assert sum(failed for _, _, failed in found.values()) > 10


@pytest.mark.parametrize(
    ("kind", "figure", "sql"),
    [
        (
            "services",
            "change_lead_time",
            "SELECT service AS key, month, count(lead_time_seconds) AS n,"
            " quantile_cont(lead_time_seconds, 0.5) / 3600 AS p50,"
            " quantile_cont(lead_time_seconds, 0.9) / 3600 AS p90"
            " FROM delivery.fct_changes WHERE lead_time_seconds IS NOT NULL"
            " GROUP BY ALL",
        ),
        (
            "services",
            "time_to_restore",
            "SELECT service AS key, resolved_month AS month, count(restore_seconds),"
            " quantile_cont(restore_seconds, 0.5) / 3600,"
            " quantile_cont(restore_seconds, 0.9) / 3600"
            " FROM delivery.fct_incidents GROUP BY ALL",
        ),
        (
            "promotions",
            "training_to_production",
            "SELECT model_id AS key, month, count(training_to_production_seconds),"
            " quantile_cont(training_to_production_seconds, 0.5) / 3600,"
            " quantile_cont(training_to_production_seconds, 0.9) / 3600"
            " FROM delivery.fct_promotions WHERE promotion_class = 'promotion'"
            " GROUP BY ALL",
        ),
    ],
)
def test_times_are_the_planted_order_statistics(
    published: Snapshot, truth: dict[str, Any], kind: str, figure: str, sql: str
) -> None:
    planted = {
        (key, month): of_month if kind == "promotions" else of_month.get(figure)
        for key, months in truth["delivery"][kind].items()
        for month, of_month in months.items()
    }
    expected = {key: figures for key, figures in planted.items() if figures}
    found = of_service_and_month(published, sql)
    assert found.keys() == expected.keys()
    for key, (count, median, upper) in found.items():
        assert count == expected[key]["n"]
        assert median == pytest.approx(expected[key]["p50_hours"], abs=2e-6)
        assert upper == pytest.approx(expected[key]["p90_hours"], abs=2e-6)


def test_what_no_identity_maps_is_listed_with_the_entry_that_would(
    published: Snapshot,
) -> None:
    rows = published.query(
        "SELECT kind, name, catalog_entry FROM delivery.mart_unmapped_identities"
    ).to_pylist()
    assert {row["kind"] for row in rows} == {"service"}
    entries = {row["name"]: yaml.safe_load(row["catalog_entry"]) for row in rows}
    assert entries["llm-gateway"] == [
        {"service": "llm-gateway", "source": "railway", "model": "llm-gateway"}
    ]
    assert not any(name.endswith("-service") for name in entries)


def test_the_published_velocity_is_the_planted_one(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        """
        SELECT scope_id, month, metric, metric_value, p90, n_used, statistic
        FROM delivery.mart_velocity
        WHERE (scope_kind = 'service' AND scope_id LIKE '%-service'
                AND metric IN ('change_lead_time', 'time_to_restore'))
            OR (scope_kind = 'model' AND metric = 'training_to_production')
        """
    ).to_pylist()
    planted = truth["delivery"]["services"], truth["delivery"]["promotions"]
    compared = 0
    for row in rows:
        months = planted[row["metric"] == "training_to_production"][row["scope_id"]]
        of_month = months.get(row["month"], {})
        expected = of_month
        if row["metric"] != "training_to_production":
            expected = of_month.get(row["metric"], {})
        assert row["n_used"] == expected.get("n", 0)
        if row["n_used"] >= 5:
            hours = row["metric_value"] / 3600
            assert hours == pytest.approx(expected["p50_hours"], abs=2e-6)
            compared += 1
        else:
            assert row["metric_value"] is None
        if row["n_used"] >= 10:
            upper = row["p90"] / 3600
            assert upper == pytest.approx(expected["p90_hours"], abs=2e-6)
    assert compared > 20


def test_what_is_rare_has_medians_over_months_that_were_counted_apart(
    published: Snapshot, workspace: Path
) -> None:
    """From the files that were delivered, in plain Python."""
    delivered = workspace / "delivery"
    lasted = [
        datetime.fromisoformat(row["resolved_at"])
        - datetime.fromisoformat(row["impact_started_at"])
        for row in csv_rows(delivered / "incidents.csv")
        if row["status"] == "resolved"
    ]
    expected: dict[str, list[float]] = {
        "time_to_restore": [length.total_seconds() for length in lasted],
        "iterations_per_feature": [*iterations_of_releases(delivered)],
    }
    rows = published.query(
        """
        SELECT metric, metric_value, n_used FROM delivery.mart_velocity_windows
        WHERE scope_kind = 'organisation' AND window_months = 12 AND month = (
            SELECT max(month) FROM delivery.mart_velocity_windows
        )
        """
    ).to_pylist()
    found = {row["metric"]: (row["metric_value"], row["n_used"]) for row in rows}
    for metric, values in expected.items():
        assert found[metric] == (pytest.approx(statistics.median(values)), len(values))


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def iterations_of_releases(delivered: Path) -> list[int]:
    """Count the finished runs of each model since the run of the release before."""
    lines = [
        json.loads(line)
        for path in (delivered / "events").glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    released = {
        (line["registered_model"], line["model_version"])
        for line in lines
        if line.get("event") == "alias_set"
    }
    released_runs = {
        row["run_id"]
        for row in csv_rows(delivered / "model_versions.csv")
        if (row["registered_model"], row["version"]) in released
    }
    found: list[int] = []
    waiting: Counter[str] = Counter()
    finished = [
        row
        for row in csv_rows(delivered / "training_runs.csv")
        if row["status"] == "finished"
    ]
    for row in sorted(finished, key=lambda each: each["ended_at"]):
        waiting[row["registered_model"]] += 1
        if row["run_id"] in released_runs:
            found.append(waiting.pop(row["registered_model"]))
    return found


def test_a_figure_over_months_that_is_missing_says_why_and_where_there_is_one(
    published: Snapshot,
) -> None:
    silent = published.query(
        """
        SELECT scope_id, metric FROM delivery.mart_velocity_windows
        WHERE metric_value IS NULL AND (reason IS NULL OR way_out IS NULL)
        UNION ALL
        SELECT scope_id, 'infra_hours' FROM delivery.mart_infra_hours
        WHERE infra_hours_per_deployment IS NULL
            AND (reason IS NULL OR way_out IS NULL)
        UNION ALL
        SELECT architecture, breakdown FROM delivery.mart_training_times
        WHERE training_hours_p50 IS NULL AND (reason IS NULL OR way_out IS NULL)
        """
    ).to_pylist()
    assert silent == []


def test_the_hours_of_the_platform_team_are_divided_among_its_platforms(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        """
        SELECT scope_id, month, infra_hours, is_estimated
        FROM delivery.mart_infra_hours
        WHERE scope_kind = 'platform' AND window_months = 3 AND infra_hours IS NOT NULL
            AND month = (SELECT max(month) FROM delivery.mart_infra_hours)
        """
    ).to_pylist()
    assert {row["scope_id"] for row in rows} == {"tidewater", "railway"}
    assert all(row["is_estimated"] for row in rows)
    booked = truth["delivery"]["booked_hours"]["ml-platform"]
    months = [month for month in sorted(booked) if month <= rows[0]["month"]][-3:]
    assert sum(row["infra_hours"] for row in rows) == pytest.approx(
        sum(booked[month]["infra"] for month in months)
    )


def test_the_median_with_versions_that_still_wait_is_the_planted_one(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """Versions that were never promoted count for as long as they have waited."""
    rows = published.query(
        "SELECT * FROM delivery.mart_time_to_event WHERE scope_kind = 'model'"
        " AND cohort_kind = 'all' AND metric = 'training_to_production'"
    ).to_pylist()
    planted = truth["delivery"]["versions"]
    assert {row["scope_id"] for row in rows} == planted.keys()
    for row in rows:
        expected = planted[row["scope_id"]]
        counts = (row["item_count"], row["censored_count"])
        assert counts == (expected["n"], expected["open"])
        if expected["n"] < 5 or expected["median_hours"] is None:
            assert row["median_seconds"] is None
            continue
        hours = row["median_seconds"] / 3600
        assert hours == pytest.approx(expected["median_hours"], abs=2e-6)
        if row["median_seconds_of_ended"] is not None and row["censored_count"]:
            assert row["median_seconds"] >= row["median_seconds_of_ended"]
    assert sum(row["median_seconds"] is not None for row in rows) > 3


def test_shares_of_mature_cohorts_are_those_that_are_counted_elsewhere(
    published: Snapshot,
) -> None:
    rows = published.query(
        """
        SELECT cohorts.converted_ratio, figures.metric_value, figures.n_used,
            cohorts.item_count
        FROM delivery.mart_conversions AS cohorts
        JOIN delivery.mart_velocity AS figures
            ON figures.scope_kind = cohorts.scope_kind
            AND figures.scope_id = cohorts.scope_id
            AND figures.month = cohorts.cohort
            AND figures.metric = printf('versions_promoted_within_%d_days',
                cohorts.horizon_days)
        WHERE cohorts.is_mature AND cohorts.cohort_kind = 'month'
            AND cohorts.metric = 'registration_to_production'
        """
    ).to_pylist()
    # A version that is younger is open there, even where it was promoted at once.
    same = [row for row in rows if row["n_used"] == row["item_count"]]
    assert len(same) > 20
    for row in same:
        assert row["converted_ratio"] == pytest.approx(row["metric_value"])


def test_a_quarters_median_is_that_of_all_its_changes(published: Snapshot) -> None:
    """From the changes themselves: no combination of monthly medians gives it."""
    rows = published.query(
        """
        WITH planted AS (
            SELECT lower(service) AS service,
                printf('%s-Q%d', month[:4], (month[6:]::int + 2) // 3) AS quarter,
                quantile_cont(lead_time_seconds, 0.5) AS p50, count(*) AS n
            FROM delivery.fct_changes WHERE lead_time_seconds IS NOT NULL GROUP BY ALL
        )
        SELECT figures.metric_value, planted.p50, planted.n, figures.n_used
        FROM planted JOIN delivery.mart_velocity_quarters AS figures
            ON figures.scope_kind = 'service' AND figures.scope_id = planted.service
            AND figures.quarter = planted.quarter
            AND figures.metric = 'change_lead_time'
        """
    ).to_pylist()
    assert len(rows) >= 10
    for row in rows:
        assert row["n_used"] == row["n"]
        if row["n"] >= 5:
            assert row["metric_value"] == pytest.approx(row["p50"], abs=1e-3)


def test_latency_is_far_over_its_threshold_at_first_and_at_its_target_at_last(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """Every week that lies in one phase has the planted p95 and share over."""
    rows = published.query(
        "SELECT week, model_id, p95_to_threshold_ratio AS p95,"
        " requests_over_threshold_ratio AS over,"
        " windows_over_threshold_ratio AS windows"
        " FROM delivery.mart_serving_performance"
    ).to_pylist()
    assert {row["model_id"] for row in rows} == {"maintenance-vision", "driver-camera"}
    compared: dict[str, int] = defaultdict(int)
    for name, planted in truth["phases"].items():
        first, last = planted["months"][0], planted["months"][-1]
        for row in rows:
            week = row["week"]
            days = {f"{week:%Y-%m}", f"{week + timedelta(days=6):%Y-%m}"}
            if min(days) < first or max(days) > last:
                continue
            compared[name] += 1
            assert row["p95"] == pytest.approx(planted["p95_latency_to_threshold"])
            assert row["over"] == pytest.approx(planted["requests_over_threshold"])
            assert row["windows"] == (1.0 if name != "hybrid" else 0.0)
    assert truth["phases"]["managed_kubernetes"]["p95_latency_to_threshold"] == 3
    assert truth["phases"]["hybrid"]["p95_latency_to_threshold"] <= 1
    assert min(compared[name] for name in ("managed_kubernetes", "hybrid")) >= 8


def test_percentiles_that_a_platform_computed_stay_window_by_window(
    published: Snapshot, workspace: Path
) -> None:
    rows = published.query(
        "SELECT percentile_kind, window_seconds, model_id, count(*) AS n"
        " FROM delivery.mart_latency_percentiles GROUP BY ALL"
    ).to_pylist()
    kinds = {(row["percentile_kind"], row["window_seconds"]) for row in rows}
    assert kinds == {("delivered", 6 * 3600)}
    assert {row["model_id"] for row in rows} == {"eta-v2", "route-planner"}
    with duckdb.connect(str(workspace / "raw.duckdb"), read_only=True) as raw:
        raw.execute(f"SET file_search_path = '{workspace}'")
        counted = raw.execute(
            "SELECT count(DISTINCT (period_start, service_id, environment_id))"
            " FROM evidence.serving_latency"
        ).fetchone()
    assert counted == (sum(row["n"] for row in rows),)


def test_firefighting_and_the_cost_of_incidents_are_the_planted_ones(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    effort = published.query(
        "SELECT month, firefighting_self_report_ratio AS share"
        " FROM delivery.mart_infra_effort WHERE team_id = 'ml-platform'"
    ).to_pylist()
    found = {row["month"]: row["share"] for row in effort}
    planted = truth["delivery"]["firefighting_share"]
    assert found.keys() == planted.keys()
    for month, share in planted.items():
        # Entries are quarters of an hour.
        assert found[month] == pytest.approx(share, abs=0.25 / 1152)
    costs = published.query(
        "SELECT sum(engaged_hours) AS hours, sum(incident_cost) AS cost"
        " FROM delivery.mart_delivery_costs WHERE scope_kind = 'model'"
    ).to_pylist()
    assert float(costs[0]["cost"]) == pytest.approx(costs[0]["hours"] * 95, rel=1e-9)
    assert costs[0]["hours"] > 50


def test_a_wave_shows_groups_of_five_and_more_and_nothing_that_betrays_others(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT wave_id, group_id, respondent_count, is_suppressed, score"
        " FROM delivery.mart_satisfaction WHERE item_id = 'satisfaction'"
    ).to_pylist()
    planted = truth["delivery"]["survey_answers"]
    assert {row["wave_id"] for row in rows} == planted.keys()
    for wave, answered in planted.items():
        cells = {row["group_id"]: row for row in rows if row["wave_id"] == wave}
        assert cells.pop(None)["respondent_count"] == sum(answered.values())
        hidden = [group for group, cell in cells.items() if cell["is_suppressed"]]
        assert {group for group, count in answered.items() if count < 5} <= set(hidden)
        # One hidden group would be the total less all others.
        assert len(hidden) != 1
        for group, cell in cells.items():
            if group in hidden:
                assert (cell["respondent_count"], cell["score"]) == (None, None)
            else:
                assert cell["respondent_count"] == answered[group]


def test_the_page_of_velocity_states_the_planted_lead_time(
    workspace: Path, truth: dict[str, Any], open_app: OpenApp
) -> None:
    service = "care-assistant-service"
    planted = truth["delivery"]["services"][service]
    month, figures = max(
        (month, figures["change_lead_time"])
        for month, figures in planted.items()
        if figures.get("change_lead_time", {}).get("n", 0) >= 5
    )
    link = {"period": month, "whose": f"service {service}"}
    app = open_app(workspace, page="velocity", **link)
    assert not app.exception
    assert not app.error
    hours = figures["p50_hours"]
    expected = f"{hours / 24:,.1f} d" if hours >= 48 else f"{hours:,.1f} h"
    found = tiles(app)
    assert found["Change lead time"].replace("\u00a0", " ") == expected
    assert f"n = {figures['n']}" in text_of(app)


def test_no_source_is_stale_on_the_companys_own_last_day(published: Snapshot) -> None:
    rows = published.query(
        "SELECT source, stream FROM core.mart_source_freshness WHERE is_stale"
    ).to_pylist()
    assert rows == []


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
        "SELECT * FROM roi.mart_platform_pivots ORDER BY basis"
    ).to_pylist()
    assert {row["pivot_id"] for row in rows} == {_MOVE}
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
    for period, phase in (
        ("before", "managed_kubernetes"), ("migration", "pivot"), ("after", "hybrid")
    ):  # fmt: skip
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
    [costs] = published.query("SELECT * FROM roi.mart_platform_pivot_costs").to_pylist()
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
    # Histograms are there of two models, and the one budget is of all AI spend.
    features = {
        *("eta-prediction", "support-assistant", "route-optimiser", "invoice-reading"),
        *("predictive-maintenance", "driver-safety"),
    }
    with_latency = {"predictive-maintenance", "driver-safety"}
    assert {pair for pair in lacking if pair[1] == "latency"} == {
        (feature, "latency") for feature in features - with_latency
    }
    assert {pair for pair in lacking if pair[1] == "budget"} == {
        (feature, "budget") for feature in features
    }
    assert all(row["next_step"] for row in rows)


def test_the_command_line_says_of_readiness_what_the_mart_says(
    workspace: Path, published: Snapshot
) -> None:
    result = CliRunner().invoke(
        cli, ["check", "--measurement", "--format", "json", "-w", str(workspace)]
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
    printed = CliRunner().invoke(cli, ["check", "--measurement", "-w", str(workspace)])
    assert printed.exit_code == 0
    assert "railway: 2 of 7 controls have current evidence" in printed.stdout
    assert "start with triptych.yml: sources" in printed.stdout


def test_a_certificate_that_ended_is_expired_and_what_nobody_declared_unknown(
    workspace: Path, published: Snapshot, open_app: OpenApp
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
    app = open_app(workspace, page="scorecard")
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
    workspace: Path, truth: dict[str, Any], open_app: OpenApp
) -> None:
    app = open_app(workspace, page="scorecard")
    assert not app.exception
    assert not app.error
    text = text_of(app)
    assert "280.0 % over = 3.8 × budget" in text
    change = truth["phases"]["hybrid"]["change_to_managed_kubernetes"]
    assert f"over all months since, **−{abs(change) * 100:.1f} %**" in text
    assert "p95 latency was **3.00 ×** the threshold" in text
    assert "**60.0 %** went into incidents, and **15.0 %** after" in text
    assert "grade D" in text
    assert "No model with a like load stayed where it was" in text
    assert "because" not in text.lower()
    assert "no latency threshold is declared for it" in text
    assert "A budget that it is held against" in text


def test_the_board_reads_of_the_case_what_the_page_and_the_marts_say(
    workspace: Path, published: Snapshot, truth: dict[str, Any]
) -> None:
    months = published.query(
        "SELECT max(billing_month) AS month FROM cost.mart_cost_bridge"
    )
    pdf, _ = exports.board_pack_files(
        Workspace(workspace), published, months.to_pylist()[0]["month"], "Amortised"
    )
    pages = [page.extract_text() for page in PdfReader(BytesIO(pdf.content)).pages]
    said = "".join(pages[3].replace("\u00a0", "").split())
    change = truth["phases"]["hybrid"]["change_to_managed_kubernetes"]
    for words in (
        "280.0%over=3.8×budget",
        f"overallmonthssince,−{abs(change) * 100:.1f}%",
        "p95latencywas3.00×thethreshold",
        "60.0%wentintoincidents,and15.0%after",
    ):
        assert words in said
    assert "because" not in pages[3].lower()


def test_the_band_of_integration_can_be_switched_off(
    workspace: Path, open_app: OpenApp
) -> None:
    app = open_app(workspace, page="scorecard")
    [band] = [one for one in app.toggle if one.key == "band"]
    assert band.value is True
    assert not band.set_value(False).run().exception


#: Ends of Railway's rollouts, over and over; the seventh was taken down by hand.
_RAILWAY_ENDS = ("SUCCESS", "SUCCESS", "SUCCESS", "FAILED", "SUCCESS", "CRASHED")
_TAKEN_DOWN = 6


def railway_deployments(workspace: Path) -> dict[str, list[dict[str, Any]]]:
    """Return Railway's recorded deployments by service, the oldest first."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted((workspace / "bills/railway").glob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            exchange = json.loads(line)
            if exchange["operationName"] == "Deployments":
                for edge in exchange["answer"]["data"]["deployments"]["edges"]:
                    found[edge["node"]["serviceId"]].append(edge["node"])
    return {
        service: sorted(nodes, key=lambda node: node["createdAt"])
        for service, nodes in found.items()
    }


def test_deployments_that_railway_replaced_are_successes_and_one_is_unknown(
    workspace: Path, published: Snapshot
) -> None:
    """Recovery is days, to the next rollout; around the unknown one it is unknown."""
    rows = published.query(
        "SELECT deployment_id, outcome, outcome_known_by, unknown_reason,"
        " recovery_seconds FROM delivery.fct_deployments"
        " WHERE source_system = 'railway'"
    ).to_pylist()
    by_id = {row["deployment_id"]: row for row in rows}
    unknown = recovered = 0
    for nodes in railway_deployments(workspace).values():
        for number, node in enumerate(nodes):
            row = by_id[node["id"]]
            end = _RAILWAY_ENDS[number % len(_RAILWAY_ENDS)]
            if number == _TAKEN_DOWN:
                assert (row["outcome"], row["outcome_known_by"]) == ("unknown", None)
                unknown += 1
            elif end == "SUCCESS":
                known_by = "replaced" if node["status"] == "REMOVED" else "stated"
                assert (row["outcome"], row["outcome_known_by"]) == (
                    *("success", known_by),
                )
            elif number + 1 == _TAKEN_DOWN:
                assert row["unknown_reason"] == "next_outcome_unknown"
                assert row["recovery_seconds"] is None
            elif number + 1 < len(nodes):
                # Of a replaced one the start is known, of the live one the end.
                after = nodes[number + 1]
                which = "createdAt" if after["status"] == "REMOVED" else "updatedAt"
                ended, answered = (
                    datetime.fromisoformat(text)
                    for text in (node["updatedAt"], after[which])
                )
                seconds = (answered - ended).total_seconds()
                assert row["recovery_seconds"] == seconds < 17 * 86_400
                recovered += 1
    assert unknown >= 1
    assert recovered >= 3


def test_deployments_that_github_and_argo_cd_replaced_are_what_was_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """A success where it held its place, was returned to, or was listed once."""
    rows = published.query(
        "SELECT service, deployment_id, outcome, outcome_known_by AS known_by, team_id,"
        " counts_as_deployment, is_failed FROM delivery.fct_deployments"
        " WHERE source IN ('github', 'argocd')"
    ).to_pylist()
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        found[row["service"]][row["deployment_id"]] = {
            name: row[name] for name in ("outcome", "known_by")
        }
    planted = truth["delivery"]["superseded"]
    assert found == planted
    ends = [one for of_service in planted.values() for one in of_service.values()]
    unknown = [one for one in ends if one["outcome"] == "unknown"]
    assert {one["known_by"] for one in ends} == {
        *("stated", "replaced", "rolled_back_to", None),
    }
    assert len(unknown) == 3
    assert {row["team_id"] for row in rows} == {"ml-platform"}
    # One that nobody knows of is neither a deployment nor a failure.
    for row in rows:
        if row["outcome"] == "unknown":
            assert (row["counts_as_deployment"], row["is_failed"]) == (False, None)


def planted_cost(truth: dict[str, Any], model: str, month: str) -> Decimal:
    """Return what a model costs in a month: its own charges, and its part of pools."""
    parts = [truth["direct"]["models"][model].get(month)]
    parts += [
        pool["months"].get(month, {}).get("models", {}).get(model)
        for pool in truth["pools"].values()
    ]
    return total([amounts(part) for part in parts])[1]


def test_platforms_are_compared_on_the_model_that_both_served(
    workspace: Path, published: Snapshot, truth: dict[str, Any], open_app: OpenApp
) -> None:
    """Railway took route-planner over from EKS, Tidewater three other models."""
    served = truth["served"]["route-planner"]
    placed = published.query(
        "SELECT platform_id, placed_from, placed_to FROM roi.mart_platform_models"
        " WHERE model_id = 'route-planner' AND placed_stages LIKE '%serving%'"
    ).to_pylist()

    def unit_cost(platform: str) -> float:
        """Return the cost of a thousand over the months that it was there for whole."""
        [row] = [row for row in placed if row["platform_id"] == platform]
        begins, ends = str(row["placed_from"] or "")[:7], str(row["placed_to"] or "9")
        whole = [month for month in served if begins <= month < ends[:7]]
        cost = sum(planted_cost(truth, "route-planner", month) for month in whole)
        return float(cost / sum(served[month] for month in whole)) * 1000

    expected = unit_cost("railway") / unit_cost("aws-eks")
    rows = published.query(
        "SELECT * FROM roi.mart_platform_comparisons"
        " WHERE metric = 'cost_per_thousand_inferences' AND unit_id IS NULL"
    ).to_pylist()
    found = {(row["platform_id"], row["reference_platform_id"]): row for row in rows}
    railway = found["railway", "aws-eks"]
    assert railway["metric_value"] == pytest.approx(expected, rel=1e-9)
    assert (railway["unit_count"], railway["units"]) == (1, "route-planner")
    assert expected < 1
    back = found["aws-eks", "railway"]["metric_value"]
    assert back == pytest.approx(1 / expected, rel=1e-9)
    apart = found["railway", "tidewater"]
    assert apart["metric_value"] is None
    assert apart["reason"].startswith("no model is known on both")
    app = open_app(workspace, page="scorecard")
    assert not app.exception
    change = fmt.signed_percent(expected - 1).replace("\u00a0", " ")
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


def test_railways_missing_invoice_is_a_bar_of_what_was_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    planted = truth["components"]["railway"]
    [last] = sorted(planted)[-1:]
    waiting = sum(Decimal(part["effective_cost"]) for part in planted[last].values())
    bars = published.query(
        "SELECT basis, sum(not_invoiced_amount) AS not_invoiced"
        " FROM cost.mart_cost_bridge WHERE billing_month = $month AND currency = 'EUR'"
        " AND prior_billing_month = (SELECT max(prior_billing_month)"
        " FROM cost.mart_cost_bridge WHERE billing_month = $month)"
        " GROUP BY basis",
        {"month": last},
    ).to_pylist()
    of = {row["basis"]: row for row in bars}
    # Converted line by line, each to ten digits.
    assert abs(of["billed"]["not_invoiced"] + waiting) < Decimal("1e-6")
    assert of["effective"]["not_invoiced"] == 0


def test_tokens_of_each_kind_cost_each_model_what_was_planted(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """On one key, one model reads a cache for a third of its input, one for a tenth."""
    rows = published.query(
        "SELECT model_id, billing_month, input_token_cost AS input,"
        " cached_input_token_cost AS cached_input, output_token_cost AS output,"
        " other_token_cost AS other FROM cost.mart_model_unit_costs"
        " WHERE currency = 'EUR' AND output_token_cost IS NOT NULL"
    ).to_pylist()
    found = {(row.pop("model_id"), row.pop("billing_month")): row for row in rows}
    planted = {
        (model, month): kinds
        for model, months in truth["token_costs"].items()
        for month, kinds in months.items()
    }
    assert found.keys() == planted.keys()
    for key, kinds in planted.items():
        for kind, cost in kinds.items():
            gap = abs((found[key][kind] or 0) - Decimal(cost))
            assert gap <= Decimal("0.000002"), (key, kind)
    # A split by all tokens alike would give both models the same ratio.
    last = truth["organisation"]["months"][-1]
    kinds = truth["pools"]["openai-key"]["months"][last]["kinds"]
    care, invoices = (
        float(kinds["cached_input"][model]) / float(kinds["input"][model])
        for model in ("care-assistant", "invoice-reader")
    )
    assert care > 4 * invoices


def test_money_of_an_h100_goes_only_to_models_that_held_it(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT billing_month, model_id, component, assignment_method,"
        " sum(effective_cost) AS cost FROM cost.fct_daily_model_costs"
        " WHERE pool_id = 'gpu-mixed' GROUP BY ALL"
    ).to_pylist()
    found = {(row["billing_month"], row["model_id"]): row["cost"] for row in rows}
    assert {row["component"] for row in rows} == {"shared", "idle"}
    methods = {row["assignment_method"] for row in rows if row["model_id"]}
    assert methods == {"usage_driver"}
    months = truth["pools"]["gpu-mixed"]["months"]
    for month, part in months.items():
        h100, t4 = part["kinds"]["h100"], part["kinds"]["t4"]
        expected = {
            "care-assistant": Decimal(h100["care-assistant"]),
            "invoice-reader": Decimal(t4["invoice-reader"]),
            "eta-v2": Decimal(h100["eta-v2"]) + Decimal(t4["eta-v2"]),
            None: Decimal(h100["idle"]) + Decimal(t4["idle"]),
        }
        for model, cost in expected.items():
            gap = abs(found[month, model] - cost)
            assert gap <= Decimal("0.000003"), (month, model)
        # Half of the H100's hours on each day, whatever the T4s' are.
        assert 2 * expected["care-assistant"] == pytest.approx(
            sum(map(Decimal, h100.values())), abs=Decimal("0.000003")
        )
    assert len(months) >= 3


def test_what_comes_on_the_first_of_a_month_is_the_planted_fee_of_that_day(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    rows = published.query(
        "SELECT source, billing_month, service_name, charge_date,"
        " sum(effective_cost) AS cost FROM cost.fct_daily_service_costs"
        " WHERE component <> 'tax' GROUP BY ALL"
    ).to_pylist()
    planted = {
        (source, month, service): Decimal(cost)
        for source, months in truth["monthly_fees"].items()
        for month, services in months.items()
        for service, cost in services.items()
    }
    services = {service for _, _, service in planted}
    assert services == {"AWS Support (Business)", "Platform Plan", "Railway Plan"}
    found = {
        (row["source"], row["billing_month"], row["service_name"]): row
        for row in rows
        if row["service_name"] in services
    }
    assert {key: row["cost"] for key, row in found.items()} == planted
    # One day each: a fee of a second day would have replaced the first.
    assert len(found) == sum(row["service_name"] in services for row in rows)
    for (_, month, _), row in found.items():
        assert f"{row['charge_date']}" == f"{month}-01"


def test_a_prepayment_is_drawn_as_far_as_planted_and_not_used_up(
    workspace: Path, published: Snapshot, truth: dict[str, Any], open_app: OpenApp
) -> None:
    """Of 5,000 paid at once 0.10 are drawn a month: what is drawn is all used."""
    [(commitment, planted)] = truth["prepayments"].items()
    drawn, paid = Decimal(planted["drawn"]), Decimal(planted["paid"])
    rows = published.query(
        "SELECT * FROM cost.mart_commitments WHERE commitment_id = $id"
        " ORDER BY billing_month",
        {"id": commitment},
    ).to_pylist()
    assert rows[-1]["purchased_billed_cost_to_date"] == paid == 5_000
    assert rows[-1]["committed_effective_cost_to_date"] == drawn
    assert drawn == Decimal("0.10") * len(rows)
    app = open_app(workspace, page="gpu_idle", period=rows[-1]["billing_month"])
    assert not app.exception
    share = fmt.coverage(float(drawn / paid)).replace("\u00a0", " ")
    assert share == "under 0.1 %"
    assert (
        f"paid ahead, **{share}** is drawn so far: EUR {drawn:.2f} of EUR 5,000.00"
        in text_of(app)
    )


def test_page_command_document_and_workbook_state_planted_figures_alike(
    workspace: Path, truth: dict[str, Any]
) -> None:
    """Digit by digit; a document has cents, and a workbook what a number can hold."""
    month = truth["organisation"]["months"][-1]
    figures = planted_figures(truth, lambda model: planted_cost(truth, model, month))
    assert len(figures) >= 15
    doors = Doors(workspace, month)
    for figure in figures:
        told = doors.sql(figure.sql)
        assert abs(told - figure.amount) <= figure.within, figure.name
        assert figure.page(doors) == told, figure.name
        cell = figure.workbook(doors)
        text = cell if isinstance(cell, str) else repr(cell)
        assert Decimal(text).normalize() == told.normalize(), figure.name
        if figure.pdf is not None:
            document, pattern = figure.pdf
            cents = re.escape(f"{abs(round(told, 2)):,.2f}")
            words = doors.text(document)
            assert re.search(pattern.replace("AMOUNT", cents), words), figure.name
    assert sum(figure.pdf is not None for figure in figures) >= 9
