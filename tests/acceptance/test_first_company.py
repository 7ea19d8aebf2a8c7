"""A company with two clouds, a gateway, meters and a database: from nothing to a study.

The servers are real ones. What a newcomer types is counted: commands, and lines of
configuration. No proposal is edited.
"""

from __future__ import annotations

import random
import sys
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from tests.ingest.servers import real_postgres, real_prometheus
from tests.triptych.discovery.held_out_bills import held_out_bills
from triptych.cli import app
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.full,
    pytest.mark.emulator,
    pytest.mark.skipif(
        not real_prometheus.is_installed(), reason=real_prometheus.MISSING_REASON
    ),
    pytest.mark.skipif(
        not real_postgres.is_installed(), reason=real_postgres.MISSING_REASON
    ),
]

MOST_COMMANDS = 12
MOST_LINES = 40
#: Tickets of a unit and day: the launch adds ten times their noise.
NOISE, EFFECT = 2.0, 20.0
UNITS = tuple(f"team-{number}" for number in range(1, 13))
TREATED = UNITS[:6]
RELEASES = 12
FIRST, LAUNCH, END = date(2026, 4, 1), date(2026, 6, 1), date(2026, 7, 1)
#: The lines that a newcomer adds to triptych.yml.
CONFIGURATION = """\
  - name: gateway
    type: litellm
    path: gateway
  - name: metrics
    type: prometheus
    base_url: {prometheus}
    usage: {{requests: http_requests_total}}
    mapping:
      - {{match: {{model: "*"}}, model: "${{model}}"}}
  - name: tickets
    type: tables
    stream: outcomes
    database: {{engine: postgres, connection_variable: COMPANY_DATABASE}}
    query: select day as outcome_date, 'resolved_tickets' as metric, team as unit,
      tickets as value, 'tickets' as unit_of_measure from tickets
  - name: releases
    type: tables
    stream: deployments
    database: {{engine: postgres, connection_variable: COMPANY_DATABASE}}
    query: select 'ci' as source_system, id as deployment_id, 'success' as status,
      finished as event_time, service, 'production' as environment from releases
  - {{name: rates, type: tables, stream: fx_rates, path: rates.csv}}
"""
RATES = "rate_date,from_currency,to_currency,rate\n2026-06-30,EUR,USD,1.15\n"
SPEND_LOG = (
    "request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,"
    "startTime,endTime,model,model_group,custom_llm_provider,team_id,request_tags,"
    "metadata,cache_hit,status\n"
)


class Company:
    """The folder of a newcomer, what was typed, and what was answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "company"
        self.commands: list[str] = []
        self.configured = 0

    def type_command(self, *arguments: str) -> str:
        """Give a command; it must end well."""
        self.commands.append(" ".join(arguments))
        answer = CliRunner().invoke(app, list(arguments))
        assert answer.exit_code == 0, answer.stdout + answer.stderr
        return answer.stdout

    def configure(self, lines: str) -> None:
        """Add sources below those that a new workspace has."""
        path = self.root / "triptych.yml"
        before, mark, after = path.read_text("utf-8").partition("\n\n  # AWS Data")
        path.write_text(f"{before}\n{lines}{mark}{after}", "utf-8")
        self.configured += len(lines.splitlines())

    def write(self, name: str, text: str) -> None:
        """Write a file of settings."""
        (self.root / name).write_text(text, "utf-8")
        self.configured += len(text.splitlines())


def _spend_log() -> str:
    """Write five requests of each day of June 2026."""
    rows = []
    for day in range(1, 31):
        for number in range(5):
            moment = f"2026-06-{day:02} 0{number}:00:00"
            rows.append(
                f"r{day}-{number},acompletion,k1,0.01,1500,1000,500,{moment},{moment},"
                "gpt-5,gpt-5,openai,support,[],{},False,success\n"
            )
    return SPEND_LOG + "".join(rows)


def _history() -> str:
    """Return a counter of requests, scraped each half hour of June 2026: 30 each."""
    start = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
    lines = ["# TYPE http_requests counter"]
    lines += [
        f'http_requests_total{{model="arrival"}} {30 * count} {start + 1800 * count}'
        for count in range(30 * 48 + 1)
    ]
    return "\n".join([*lines, "# EOF", ""])


def _tables() -> tuple[str, ...]:
    """Return statements that fill the database: tickets a day, releases a week."""
    draw = random.Random(20261202)
    rows = []
    for team in UNITS:
        level = draw.uniform(80, 120)
        for offset in range((END - FIRST).days):
            day = FIRST + timedelta(days=offset)
            is_treated = team in TREATED and day >= LAUNCH
            value = level + draw.gauss(0, NOISE) + (EFFECT if is_treated else 0)
            rows.append(f"('{day}', '{team}', {value:.3f})")
    releases = [
        f"('r{week}', '{datetime.combine(FIRST + timedelta(weeks=week), time(10))}',"
        " 'arrival')"
        for week in range(RELEASES)
    ]
    return (
        "CREATE TABLE tickets (day date, team text, tickets double precision)",
        f"INSERT INTO tickets VALUES {', '.join(rows)}",
        "CREATE TABLE releases (id text, finished timestamp, service text)",
        f"INSERT INTO releases VALUES {', '.join(releases)}",
    )


@pytest.fixture(scope="module")
def company(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Company, str]]:
    pytest.importorskip("adbc_driver_postgresql")
    folder = tmp_path_factory.mktemp("first")
    (folder / "received").mkdir()
    (folder / "server").mkdir()
    for bill in held_out_bills():
        if bill.name in {"aws_cur2", "azure_ea"}:
            bill.write(folder / "received")
    with (
        real_prometheus.Exporter() as exporter,
        real_prometheus.real_prometheus(
            folder / "server", history=_history(), target=exporter.address
        ) as prometheus,
        real_postgres.running_postgres() as address,
        pytest.MonkeyPatch.context() as environment,
    ):
        exporter.text = 'http_requests_total{model="arrival"} 43230\n'
        real_postgres.execute(address, *_tables())
        environment.setenv("COMPANY_DATABASE", address)
        yield Company(folder), prometheus


def test_a_company_reaches_a_first_answer_in_a_few_commands(
    company: tuple[Company, str],
) -> None:
    first, prometheus = company
    root = str(first.root)
    first.type_command("init", root, "--from", str(first.folder / "received"), "--yes")
    (first.root / "gateway").mkdir()
    (first.root / "gateway" / "spend.csv").write_text(_spend_log(), "utf-8")
    proposed = {
        name: (first.root / name).read_bytes()
        for name in ("allocation.yml", "catalog.yml")
    }
    first.configure(CONFIGURATION.format(prometheus=prometheus))
    first.write("rates.csv", RATES)
    first.type_command("check", "-w", root)
    first.type_command("run", "-w", root)
    units = [part for team in TREATED for part in ("--unit", team)]
    first.type_command(
        *("study", "suggest", "resolved_tickets", "--feature", "copilot"),
        *("--launch", str(LAUNCH), *units, "--write", "-w", root),
    )
    [plan] = (first.root / "studies").glob("*.yml")
    first.type_command("run", "-w", root)
    report = first.type_command("study", "report", plan.stem, "-w", root)
    counts = (
        f"{len(first.commands)} commands, {first.configured} lines of configuration"
    )
    sys.stdout.write(f"{counts}\n")
    assert len(first.commands) <= MOST_COMMANDS
    assert first.configured <= MOST_LINES
    assert proposed == {name: (first.root / name).read_bytes() for name in proposed}
    assert "tickets" in report
    published = PublishedReader(first.root).snapshot()
    [study] = published.query(
        "SELECT * FROM attribution.studies WHERE refusal_code IS NULL"
    ).to_pylist()
    assert study["verdict"] == "positive"
    [interval] = published.query(
        "SELECT effect_low_95 AS low, effect_high_95 AS high"
        " FROM attribution.estimates WHERE estimand = 'average'"
    ).to_pylist()
    assert interval["low"] < EFFECT < interval["high"]
    [row] = published.query(
        "SELECT (SELECT sum(billed_cost) FROM cost.fct_daily_model_costs) AS cost,"
        " (SELECT count(*) FROM delivery.fct_deployments) AS deployments"
    ).to_pylist()
    assert row["deployments"] == RELEASES
