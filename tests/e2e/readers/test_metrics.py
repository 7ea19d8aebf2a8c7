"""MetricFlow answers with the figures of ``triptych sql``, each defined once.

``mf`` is the real one, in an environment of its own (``.venv-metricflow``).
"""

from __future__ import annotations

import csv
import os
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from triptych.cli import app
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Rows = dict[tuple[str, ...], Decimal]

BIN = Path(__file__).resolve().parents[3] / ".venv-metricflow" / "bin"

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not (BIN / "mf").is_file(), reason="no .venv-metricflow: make bi-clients"
    ),
]
_COST = """
SELECT {by}, sum(billed_cost), sum(effective_cost),
  sum(effective_cost) FILTER (component NOT IN ('tax', 'credit')),
  sum(effective_cost) FILTER (component = 'idle'),
  sum(effective_cost) FILTER (component = 'unallocated'),
  sum(effective_cost) FILTER (component = 'idle') / CAST(
    sum(effective_cost) FILTER (component NOT IN ('tax', 'credit')) AS DOUBLE)
FROM cost.fct_daily_model_costs GROUP BY ALL
"""
_OF_COST = (
    "billed_cost,effective_cost,ai_cost,idle_cost,unallocated_cost,idle_cost_ratio"
)
_VELOCITY = """
SELECT month, scope_id,
  any_value(metric_value) FILTER (metric = 'change_lead_time'),
  any_value(metric_value) FILTER (metric = 'change_fail_ratio'),
  (SELECT count(DISTINCT d.deployment_key) FROM delivery.fct_deployments AS d
    WHERE d.counts_as_deployment AND d.month = v.month AND d.team_id = v.scope_id)
FROM delivery.mart_velocity AS v WHERE scope_kind = 'team' GROUP BY ALL
"""
#: Metrics, what they are grouped by, and what SQL answers: labels, then figures.
METRICS = (
    (
        _OF_COST,
        "daily_cost__billing_month,daily_cost__currency",
        _COST.format(by="billing_month, currency"),
    ),
    (_OF_COST, "daily_cost__team_id", _COST.format(by="team_id")),
    (
        "fully_loaded_cost,requests_by_currency,cost_per_request",
        "metric_time__month,model_month__model_id",
        "SELECT billing_month, model_id, fully_loaded_cost, requests,"
        " cost_per_thousand_requests / 1000 FROM cost.mart_model_unit_costs",
    ),
    (
        "change_lead_time_seconds,change_fail_ratio,deployments",
        "metric_time__month,delivery_event__team_id",
        _VELOCITY,
    ),
    (
        "net_value",
        "portfolio_return__return_window,portfolio_return__currency",
        'SELECT "window", currency, net_value FROM roi.mart_portfolio_roi',
    ),
)


@pytest.fixture(scope="module")
def ask(
    sample_company: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], Rows]:
    """Return what asks for a metric in a project of the sample company."""
    project = tmp_path_factory.mktemp("metrics") / "project"
    arguments = ["own-models", "project", str(project), "--with-metrics"]
    written = CliRunner().invoke(app, [*arguments, "-w", str(sample_company)])
    assert written.exit_code == 0, written.output

    def run(*command: str) -> None:
        finished = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=project,
            env={**os.environ, "DBT_PROFILES_DIR": "."},
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr

    def rows_of(metrics: str, group_by: str) -> Rows:
        out = project / "answer.csv"
        asked = ("--metrics", metrics, "--group-by", group_by, "--decimals", "15")
        run("mf", "query", *asked, "--csv", str(out))
        with out.open(newline="", encoding="utf-8") as file:
            _, *lines = csv.reader(file)
        return rows_by_label(lines, metrics)

    run("dbt", "build")
    run("mf", "validate-configs", "--skip-dw")
    return rows_of


@pytest.mark.parametrize(("metrics", "group_by", "sql"), METRICS)
def test_metrics_are_what_sql_answers(
    sample_company: Path,
    ask: Callable[[str, str], Rows],
    metrics: str,
    group_by: str,
    sql: str,
) -> None:
    table = PublishedReader(sample_company).snapshot().query(sql)
    lines = zip(*(column.to_pylist() for column in table.columns), strict=True)
    expected = rows_by_label(lines, metrics)
    answered = ask(metrics, group_by)
    assert expected
    # The mart has no figure of velocity where there are too few events for one.
    surplus = {} if "lead_time" in metrics else answered.keys() - expected.keys()
    assert not surplus
    for key, value in expected.items():
        is_exact = "ratio" not in key[0] and "_per_" not in key[0]
        tolerance = Decimal(0) if is_exact else abs(value) * Decimal("1e-12")
        assert abs(answered[key] - value) <= tolerance, key


def rows_by_label(lines: Iterable[Sequence[object]], metrics: str) -> Rows:
    """Return metric and labels → figure, of those that are known."""
    names = metrics.split(",")
    found: Rows = {}
    for line in lines:
        labels = tuple(_label(label) for label in line[: -len(names)])
        for name, value in zip(names, line[-len(names) :], strict=True):
            # What did not happen is no row, NULL or zero.
            figure = Decimal(str(value)) if value not in {None, ""} else Decimal(0)
            if figure:
                found[name, *labels] = figure
    return found


def _label(label: object) -> str:
    """Return a label as both have it: a month is its first day to MetricFlow."""
    return str(label or "").removesuffix("-01 00:00:00")
