"""The sample company goes through the whole pipeline, and the truth comes out.

The pipeline never reads ``sample/truth.yml``; what it publishes is compared with it.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader
from typer.testing import CliRunner

from attribution.studies.study_files import read_plans
from benchmarks.calibration_of_company import frame_of
from dashboard import exports
from dashboard.shared import format as fmt
from ingest.sample_company.outcomes import observe
from ingest.sample_company.timeline import plan_timeline
from tests.dashboard.browsing import SIZES, Visit, served, visit
from tests.dashboard.conftest import text_of
from tests.dashboard.test_first_screens import screens_of
from tests.e2e.cases.planted_figures import (
    NOTHING,
    Amounts,
    Doors,
    amounts,
    planted_figures,
    total,
)
from tests.e2e.cases.questions_case import (
    PAGES,
    QUESTIONS,
    Asked,
    month_to_ask,
    unanswered,
)
from tests.layers import IS_FULL
from triptych.cli import app as cli
from triptych.core.explanation import explain
from triptych.core.warehouse.bills import BILL_STREAMS
from triptych.core.warehouse.figures import Figure
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tests.dashboard.conftest import OpenApp
    from triptych.core.warehouse.reader import Snapshot


#: A plan of 20 dollars and eight seats of 20, each month.
RAILWAY_FEES = Decimal(20 + 8 * 20)


#: Steps of the waterfall that a pool's money ends in.
_POOLED = ("shared", "idle", "overhead")


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


def test_every_ledger_total_is_the_planted_one_to_the_tenth_decimal(
    waterfall: dict[tuple[str, str, str], Amounts], truth: dict[str, Any]
) -> None:
    for source, months in truth["components"].items():
        for month, components in months.items():
            planted = total([amounts(part) for part in components.values()])
            assert waterfall[source, month, "ledger"] == planted, (source, month)


def test_what_divides_a_pool_is_no_inference(
    published: Snapshot, truth: dict[str, Any]
) -> None:
    """Of care-assistant and invoice-reader a vector database counts each query, too.

    Gateways make up to 26 % more calls than requests succeed, and a meter of others
    misses 14 % of a month; calls and queries together are twice as many.
    """
    rows = published.query(
        "SELECT model_id, billing_month, requests FROM cost.mart_model_unit_costs"
        " WHERE currency = 'EUR' AND requests > 0"
    ).to_pylist()
    ratios = {
        (row["model_id"], row["billing_month"]): float(row["requests"])
        / truth["served"][row["model_id"]][row["billing_month"]]
        for row in rows
    }
    assert len({model for model, _ in ratios}) == 8
    assert {key: ratio for key, ratio in ratios.items() if not 0.8 < ratio < 1.4} == {}


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
    """The GPU cloud is new in the migration, and grows with the hybrid."""
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
        assert row["actual_cost"] == (items["cost"] or 0), row


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


def test_what_apis_tell_beside_their_bills_is_in_the_evidence(
    sample_company: Path,
) -> None:
    """Deployments, latency and invoices of Railway, and usage of the model APIs."""
    with duckdb.connect(str(sample_company / "raw.duckdb"), read_only=True) as raw:
        raw.execute(f"SET file_search_path = '{sample_company}'")

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
    sample_company: Path, published: Snapshot
) -> None:
    """By unit and period, as they are laid out without files, loads and marts."""
    timeline = plan_timeline(6)
    outcomes = observe(timeline, 7)
    plans = read_plans(sample_company / "studies")
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
    sample_company: Path, published: Snapshot
) -> None:
    """Each figure is asked of the marts in another way than the pages ask."""
    months = published.query(
        "SELECT DISTINCT billing_month FROM cost.mart_cost_bridge ORDER BY 1 DESC"
    ).to_pydict()["billing_month"]
    month = months[1]
    files = exports.board_pack_files(
        Workspace(sample_company), published, month, "Amortised"
    )
    pdf, xlsx = (file.content for file in files)
    pages = [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]
    first, _, cost = ("".join(page.split()).replace("\u00a0", "") for page in pages[:3])
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
    assert len(pages) == 7


@pytest.fixture(scope="module")
def address(
    sample_company: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return where the company's dashboard is served, with a scenario of its own."""
    file = sample_company / "scenarios" / "quantise_vision.yml"
    ran = CliRunner().invoke(
        cli, ["scenario", "run", str(file), "-w", str(sample_company)]
    )
    assert ran.exit_code == 0, ran.output
    with served(
        sample_company,
        tmp_path_factory.mktemp("log") / "server.log",
        # Pages offer what can be done, as they do for whoever keeps the company.
        acts="triptych.acts.door",
    ) as address:
        yield address


#: In a browser; ``make test`` opens this, and the tests of pages read the others.
OPENED = set(PAGES[:1])


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
    browser: Any, sample_company: Path, address: str, page: str
) -> None:
    """The first screen without scrolling, other pages by a click, tabs by a second."""
    asked = month_to_ask(sample_company)
    with visit(browser, f"{address}/?period={asked.month}") as tab:
        tab.wait_for("What we cannot say")
        tab.settle()
        if page:
            menu = tab.page.locator(".st-key-menu")
            menu.get_by_role("link", name=page).click()
            tab.page.get_by_role("heading", name=page, exact=True).wait_for()
        assert open_questions(asked, page, tab) == []
        # Each question asks for something: a page that says nothing answers none.
        of_page = [question for question in QUESTIONS if question.page == page]
        assert len(unanswered(asked, page, [""])) == len(of_page)
        tab.assert_quiet()


@pytest.mark.browser
@pytest.mark.parametrize("page", ["summary", "close"])
def test_the_longest_pages_answer_on_their_first_screen_in_few_words(
    browser: Any, address: str, page: str
) -> None:
    screens = list(screens_of(browser, address, page))
    assert len(screens) == len(SIZES)
    assert [trouble for screen in screens for trouble in screen.troubles()] == []


def open_questions(asked: Asked, page: str, tab: Visit) -> list[str]:
    """Return what is unanswered when a page has had time to be drawn to its end."""
    found = ["not looked at yet"]
    for _ in range(20):
        tab.settle()
        found = unanswered(asked, page, _screens(tab))
        if not found:
            break
        tab.page.wait_for_timeout(1_000)
    return found


#: The text that is in sight, in the order in which it is read.
_TEXTS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT), said = [];
  while (texts.nextNode()) {
    const node = texts.currentNode;
    if (!node.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.height && box.bottom > 0 && box.top < innerHeight) said.push(node.data);
  }
  return said.join(' ');
}"""


def _screens(tab: Visit) -> list[str]:
    """Return what is in sight in each of a page's tabs, a click each."""
    said = [str(tab.page.evaluate(_TEXTS))]
    for number in range(tab.page.get_by_role("tab").count()):
        tab.page.get_by_role("tab").nth(number).click()
        tab.settle()
        said.append(str(tab.page.evaluate(_TEXTS)))
    return said


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


#: A ledger in the fast layer; ``test_explain_a_figure.py`` has every other method.
@pytest.mark.parametrize(
    ("mart", "columns", "keys"),
    [
        pytest.param(
            "cost.fct_daily_model_costs",
            ("billed_cost", "effective_cost"),
            ("billing_month", "source", "model_id", "component", "currency"),
            marks=pytest.mark.full,
        ),
        (
            "cost.mart_cost_waterfall",
            ("billed_cost", "effective_cost"),
            ("billing_month", "source", "step", "currency"),
        ),
        pytest.param(
            "cost.mart_model_unit_costs",
            ("direct_cost", "cost_per_thousand_requests"),
            ("billing_month", "model_id", "currency"),
            marks=pytest.mark.full,
        ),
    ],
)
def test_the_evidence_gives_any_cell_again(
    sample_company: Path,
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
        told = explain(sample_company, str(figure))
        assert told.rederivation.is_equal, told.rederivation
        assert told.problem is None


def test_no_source_is_stale_on_the_companys_own_last_day(published: Snapshot) -> None:
    rows = published.query(
        "SELECT source, stream FROM core.mart_source_freshness WHERE is_stale"
    ).to_pylist()
    assert rows == []


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
    sample_company: Path, published: Snapshot, truth: dict[str, Any], open_app: OpenApp
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
    app = open_app(sample_company, page="gpu_idle", period=rows[-1]["billing_month"])
    assert not app.exception
    share = fmt.coverage(float(drawn / paid)).replace("\u00a0", " ")
    assert share == "under 0.1 %"
    assert (
        f"paid ahead, **{share}** is drawn so far: EUR {drawn:.2f} of EUR 5,000.00"
        in text_of(app)
    )


def test_page_command_document_and_workbook_state_planted_figures_alike(
    sample_company: Path, truth: dict[str, Any]
) -> None:
    """Digit by digit; a document has cents, and a workbook what a number can hold."""
    month = truth["organisation"]["months"][-1]
    figures = planted_figures(truth)
    assert len(figures) >= 15
    doors = Doors(sample_company, month)
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
