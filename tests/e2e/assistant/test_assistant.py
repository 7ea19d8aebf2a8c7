"""An assistant asks over a real connection, and every figure is what SQL answers."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import anyio
import duckdb
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from mcp import Client, StdioServerParameters, stdio_client

from tests.dashboard.fixtures.warehouse_fixture import publish
from tests.e2e.assistant.paging import all_pages, call_of
from tests.e2e.cases.questions_case import Asked, month_to_ask
from triptych.core.warehouse.figures import parse_figure
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.warehouse.scenario_results import ScenarioStore
from triptych.core.workspace import Workspace
from triptych.service.assistant.answers import Answer
from triptych.service.assistant.desk import Desk
from triptych.service.assistant.listings import MONTHLY, STANDING, cost_by
from triptych.service.assistant.server import build_server

ROOT = Path(__file__).resolve().parents[3]
_PARTS = "('direct', 'shared', 'idle', 'unused_commitment', 'overhead')"
_WINDOW = "r WHERE r.\"window\" = 'until_{month}'"
#: Number of the question, the tool with its arguments, and what SQL answers.
QUESTIONS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    (
        "1, 2",
        "spending",
        {},
        "SELECT sum(effective_cost) FROM cost.mart_cost_waterfall WHERE"
        " billing_month = '{month}' AND currency = '{currency}' AND {spend}",
    ),
    (
        "2",
        "budget",
        {},
        "SELECT budget_amount FROM cost.mart_budget_variance WHERE"
        " billing_month = '{month}' AND scope_type = 'all'",
    ),
    (
        "3",
        "cost_drivers",
        {},
        "SELECT sum(volume_amount) FROM cost.mart_cost_bridge WHERE"
        " billing_month = '{month}' AND basis = 'effective' AND cost_line NOT IN"
        " ('tax', 'credit') AND currency = '{currency}' AND prior_billing_month ="
        " strftime(CAST('{month}-01' AS DATE) - INTERVAL 1 MONTH, '%Y-%m')",
    ),
    (
        "4",
        "unit_costs",
        {},
        "SELECT cost_per_thousand_requests FROM cost.mart_model_unit_costs WHERE"
        " billing_month = '{month}' AND requests > 0",
    ),
    (
        "5",
        "cost_by",
        {"dimension": "model_id"},
        "SELECT sum(effective_cost) FROM cost.fct_daily_model_costs WHERE"
        " billing_month = '{month}' AND model_id IS NOT NULL AND component IN"
        f" {_PARTS} GROUP BY model_id",
    ),
    (
        "6",
        "waterfall",
        {},
        "SELECT sum(effective_cost) FROM cost.mart_cost_waterfall WHERE"
        " billing_month = '{month}' AND step = 'unallocated'",
    ),
    (
        "7",
        "invoices",
        {},
        "SELECT invoiced_amount FROM cost.mart_invoice_reconciliation WHERE"
        " billing_month = '{month}'",
    ),
    (
        "8",
        "accruals",
        {},
        "SELECT accrual_amount FROM cost.mart_accruals WHERE billing_month = '{month}'",
    ),
    (
        "9",
        "adjustments",
        {},
        "SELECT sum(billed_cost) FROM cost.mart_period_adjustments WHERE"
        " '{month}' IN (locked_month, booked_month) GROUP BY locked_month,"
        " booked_month, kind, source, currency, is_in_ledger_of_booked_month",
    ),
    (
        "10",
        "cost_by",
        {"dimension": "cost_center", "with_tax": True},
        "SELECT sum(effective_cost) FROM cost.fct_daily_model_costs WHERE"
        " billing_month = '{month}' AND cost_center IS NOT NULL GROUP BY cost_center",
    ),
    (
        "11",
        "idle_gpus",
        {},
        # Where one day is unknown, the month is.
        "SELECT CASE WHEN count(requested_idle_effective_cost) = count(*) THEN"
        " sum(requested_idle_effective_cost) END FROM"
        " delivery.mart_accelerator_efficiency WHERE billing_month = '{month}'"
        " GROUP BY pool_id",
    ),
    (
        "12",
        "cost_by",
        {"dimension": "lifecycle_stage"},
        "SELECT sum(billed_cost) FROM cost.fct_daily_model_costs WHERE"
        " billing_month = '{month}' AND component NOT IN ('tax', 'credit')"
        " GROUP BY lifecycle_stage",
    ),
    (
        "13",
        "forecast",
        {},
        "SELECT outturn_cost FROM cost.mart_cost_outturns WHERE series = 'total'",
    ),
    (
        "14",
        "commitments",
        {},
        "SELECT remaining_amount FROM cost.mart_commitment_burn_down WHERE is_newest",
    ),
    (
        "15, 16",
        "velocity",
        {"scope_kind": "team"},
        "SELECT metric_value FROM delivery.mart_velocity WHERE month = '{month}'"
        " AND scope_kind = 'team' AND metric = 'change_lead_time'",
    ),
    (
        "17",
        "delivery_costs",
        {},
        "SELECT cost_per_deployment FROM delivery.mart_delivery_costs WHERE"
        " month = '{month}'",
    ),
    (
        "18",
        "studies",
        {},
        "SELECT relative_effect FROM attribution.estimates WHERE estimand = 'average'",
    ),
    ("19", "net_value", {}, f"SELECT net_value FROM roi.mart_portfolio_roi {_WINDOW}"),
    ("20", "evidence", {}, "SELECT feature_count FROM roi.mart_evidence_mix"),
    (
        "21, 24",
        "returns",
        {},
        f"SELECT net_value FROM roi.mart_feature_roi {_WINDOW}",
    ),
    (
        "26",
        "migration_costs",
        {},
        "SELECT cost_of_moving_amount FROM roi.mart_platform_migration_costs",
    ),
    (
        "28",
        "platform_unit_costs",
        {},
        "SELECT metric_value FROM roi.mart_platform_scorecard WHERE"
        " subject_kind = 'platform' AND metric = 'charged_per_thousand_inferences'",
    ),
    (
        "29",
        "slowest_teams",
        {},
        "SELECT metric_value FROM delivery.mart_velocity_quarters WHERE"
        " '{month}' BETWEEN first_month AND last_month AND scope_kind = 'team'"
        " AND metric = 'change_lead_time' AND slowness_rank = 1",
    ),
    (
        "30",
        "team_budgets",
        {},
        "SELECT max(variance_ratio) FROM cost.mart_budget_variance WHERE"
        " billing_month = '{month}' AND scope_type = 'team'",
    ),
    (
        "31",
        "fiscal_year",
        {},
        "SELECT outturn_cost FROM cost.mart_cost_outturns WHERE series = 'total'"
        " AND horizon = 'year'",
    ),
    (
        "32",
        "forecast",
        {},
        "SELECT backtest_coverage_ratio FROM cost.mart_cost_outturns WHERE"
        " series = 'total'",
    ),
    (
        "27",
        "migration_effects",
        {},
        "SELECT change_ratio FROM roi.mart_platform_migrations"
        " WHERE metric = 'spend_per_month'",
    ),
)


def test_a_client_over_stdio_gets_the_figures_that_sql_answers(
    sample_company: Path,
) -> None:
    asked = month_to_ask(sample_company)
    snapshot = PublishedReader(sample_company).snapshot()

    async def over_streams() -> dict[str, Answer]:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "triptych", "mcp", "-w", str(sample_company)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        async with Client(stdio_client(server)) as client:
            return await ask_everything(client)

    answers = anyio.run(over_streams)
    here = "http://127.0.0.1:8501"
    for number, _, _, sql in QUESTIONS:
        answer = answers[number]
        assert answer.refusal is None, (number, answer.refusal)
        assert answer.run_id == snapshot.run_id
        assert str(answer.link).startswith(f"{here}/"), number
        assert expected(asked, snapshot, sql) <= numbers(answer), number
        for figure in answer.figures:
            assert figure.value == addressed(snapshot, figure.explain), figure
    assert answers["25"].proof is not None
    assert answers["25"].proof.is_equal is True
    assert answers["6"].link == f"{here}/cost_by_model?period={asked.month}"
    address = quote_plus(answers["6"].figures[0].explain or "")
    assert answers["25"].link == f"{here}/lineage?figure={address}"


async def ask_everything(client: Client) -> dict[str, Answer]:
    """Return the answer to each question, by its number."""
    answers = {}
    for number, tool, arguments, _ in QUESTIONS:
        answers[number] = await all_pages(client, *call_of(tool, arguments))
    where = answers["6"].figures[0].explain
    proof = await client.call_tool("explain", {"figure": where})
    answers["25"] = Answer.model_validate(proof.structured_content)
    return answers


def expected(asked: Asked, snapshot: Any, sql: str) -> set[Decimal | float | None]:
    spend = "step NOT IN ('ledger', 'out_of_scope', 'tax', 'credit')"
    query = sql.format(month=asked.month, currency=asked.currency, spend=spend)
    table = snapshot.query(query)
    return {exact(value) for value in table.column(0).to_pylist()}


def numbers(answer: Answer) -> set[Decimal | None]:
    return {exact(figure.value) for figure in answer.figures}


def exact(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value)).normalize()


def addressed(snapshot: Any, address: str | None) -> str | None:
    """Return what the rows of an address add up to, asked in its own words."""
    assert address is not None
    figure = parse_figure(address)
    where, given = figure.where()
    column = f'"{figure.column}"'
    [row] = snapshot.query(
        f"SELECT CASE WHEN count(*) = 1 THEN any_value({column}) END AS only,"
        f" CASE WHEN count(*) > 1 AND count({column}) = count(*) THEN sum({column})"
        f" END AS total FROM {figure.mart} WHERE {where}",
        given,
    ).to_pylist()
    value = row["only"] if row["only"] is not None else row["total"]
    if isinstance(value, Decimal):
        return f"{value:f}"
    return None if value is None else str(value)


def test_saved_scenarios_are_given_as_they_were_written(tmp_path: Path) -> None:
    """Which assumption moves it most, its NPV and payback: questions 22 and 23."""
    result = {
        "scenario_id": "0123456789abcdef",
        "name": "more-volume",
        "summary": {"npv": 12.5, "npv_low_90": -1.0, "npv_high_90": 30.0},
        "tornado": [{"driver": "volume", "difference_at_low": -3.0}],
    }
    store = ScenarioStore(Workspace(tmp_path).scenario_results)
    store.save(result, by="Ana", at=datetime(2026, 10, 1, tzinfo=UTC))

    [scenario] = Desk(tmp_path).scenarios().scenarios

    assert result.items() <= scenario.items()
    assert Desk(tmp_path, "viewer").scenarios().refusal is not None


async def _call(server: Any, tool: str, arguments: dict[str, Any]) -> Any:
    async with Client(server) as client:
        return await client.call_tool(tool, arguments)


def test_a_cost_centre_sees_its_own_rows_alone(sample_company: Path) -> None:
    everything = Desk(sample_company).answer(cost_by("cost_center"))
    centers = [figure.labels["cost_center"] for figure in everything.figures]
    mine = next(center for center in centers if center)

    answer = Desk(sample_company, "engineering", (mine,)).answer(cost_by("cost_center"))

    assert {figure.labels["cost_center"] for figure in answer.figures} == {mine}
    theirs = [f for f in everything.figures if f.labels["cost_center"] == mine]
    assert [f.value for f in answer.figures] == [f.value for f in theirs]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("roi.mart_feature_roi/net_value", "rows of it do not add up"),
        ("cost.mart_cost_waterfall/billed_cost", "Rows of another step"),
        ("cost.mart_cost_waterfall/nothing", "nothing"),
    ],
)
def test_what_the_product_refuses_is_refused_with_its_reason(
    sample_company: Path, address: str, why: str
) -> None:
    answer = Desk(sample_company).explain(address)
    assert answer.refusal is not None
    assert why in answer.refusal.what
    assert not answer.figures


def test_a_headline_counts_proven_results_only(sample_company: Path) -> None:
    desk = Desk(sample_company)
    returns = desk.answer(_named("returns")).figures
    counted = [f for f in returns if f.name == "cost" and f.is_counted]
    left_out = [f for f in returns if f.is_counted is False]

    assert {f.grade for f in counted} <= {"A", "B"}
    assert left_out
    assert all(f.reason for f in left_out)
    headline = next(
        f for f in desk.answer(_named("net_value")).figures if f.name == "cost"
    )
    total = sum(Decimal(f.value) for f in counted if f.value is not None)
    assert Decimal(str(headline.value)) == total


def workspace_with_models(company: Path, tmp_path: Path, names: list[str]) -> Path:
    current = PublishedReader(company).current_path()
    published = tmp_path / "warehouse" / "published" / current.name
    published.parent.mkdir(parents=True)
    shutil.copyfile(current, published)
    (tmp_path / "warehouse" / "CURRENT").write_text(f"published/{current.name}\n")
    month = month_to_ask(company).month
    with duckdb.connect(str(published)) as connection:
        rows = connection.execute(
            "SELECT rowid FROM cost.fct_daily_model_costs WHERE billing_month = ?"
            " AND component = 'direct' ORDER BY rowid LIMIT ?",
            [month, len(names)],
        ).fetchall()
        connection.executemany(
            "UPDATE cost.fct_daily_model_costs SET model_id = ? WHERE rowid = ?",
            [[name, row] for name, (row,) in zip(names, rows, strict=True)],
        )
    return tmp_path


def _named(name: str) -> Any:
    return next(one for one in (*MONTHLY, *STANDING) if one.name == name)


def test_accruals_have_the_interval_of_four_in_five() -> None:
    # docs/concepts/accruals.md, and interval_ratio of the mart: 0.8.
    assert [each.interval for each in _named("accruals").measures] == ["80 %"]


def test_a_run_is_opened_once_for_all_questions_and_a_newer_one_is_seen(
    tmp_path: Path,
) -> None:
    publish(tmp_path)
    opened = Desk(tmp_path, "viewer").snapshot()
    assert Desk(tmp_path, "viewer").snapshot() is opened
    assert Desk(tmp_path, "analyst").snapshot() is not opened
    publish(tmp_path, run_id="run-0002")
    assert Desk(tmp_path, "viewer").snapshot().run_id == "run-0002"


def test_schemas_are_those_that_clients_were_built_for(tmp_path: Path) -> None:
    async def listed() -> Any:
        async with Client(build_server(Desk(tmp_path))) as client:
            return (await client.list_tools()).tools

    tools = anyio.run(listed)
    writing = [tool.name for tool in tools if not tool.annotations.read_only_hint]
    assert writing == ["propose_scenario"]
    schemas = {
        "input": {tool.name: tool.input_schema for tool in tools},
        "answer": next(t for t in tools if t.name == "query").output_schema,
    }
    kept = Path(__file__).parent / "schemas.json"
    assert schemas == json.loads(kept.read_text("utf-8"))
