"""Every source that a page shows is valid, and those with made-up files are read."""

from __future__ import annotations

import json
import re
import textwrap
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from ingest.engine.registry import BUILT_IN, bind_sources
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).resolve().parents[2] / "docs"
_BLOCK = re.compile(r"^```yaml[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEAD = "organisation: Example GmbH\ncurrency: EUR\n"


def shown_sources() -> Iterator[tuple[str, str]]:
    """Yield page and text of each YAML block that has sources."""
    for page in sorted(DOCS.rglob("*.md")):
        for block in _BLOCK.findall(page.read_text("utf-8")):
            if re.search(r"^ +- .*\bname:", block, re.MULTILINE) and "type:" in block:
                yield page.stem, block


SOURCES = list(shown_sources())


def workspace_of(root: Path, block: str) -> Workspace:
    """Write a workspace with the sources of a block."""
    sources = block if "sources:" in block else f"sources:\n{block}"
    head = "" if sources.startswith("organisation:") else HEAD
    (root / "triptych.yml").write_text(head + textwrap.dedent(sources), "utf-8")
    return Workspace(root)


def ingest(workspace: Workspace) -> None:
    """Ingest, and fail where a source does."""
    settings = load_settings(workspace.root)
    pipeline.ingest(
        workspace, settings, progress=SilentProgress()
    ).raise_first_failure()


def only_row(workspace: Workspace, query: str) -> tuple[object, ...]:
    """Return the one row that the catalogue answers."""
    with duckdb.connect(str(workspace.raw_database), read_only=True) as connection:
        connection.execute(f"SET file_search_path = '{workspace.root}'")
        [row] = connection.sql(query).fetchall()
    return row


def block_of(page: str, *, containing: str) -> str:
    """Return the one block of a page that has some text."""
    [block] = [text for name, text in SOURCES if name == page and containing in text]
    return block


def test_pages_show_every_kind_of_source() -> None:
    types = {kind for _, block in SOURCES for kind in re.findall(r"type: (\w+)", block)}
    assert types == set(BUILT_IN)


@pytest.mark.parametrize(
    "block", [block for _, block in SOURCES], ids=[page for page, _ in SOURCES]
)
def test_a_source_that_a_page_shows_is_valid(tmp_path: Path, block: str) -> None:
    workspace = workspace_of(tmp_path, block)
    settings = load_settings(workspace.root)
    assert bind_sources(settings.sources, workspace.root)


def test_the_mapped_focus_file_is_read_as_the_page_says(tmp_path: Path) -> None:
    workspace = workspace_of(
        tmp_path, block_of("read_focus_files", containing="Net amount")
    )
    folder = tmp_path / "bills" / "vendor-b"
    folder.mkdir(parents=True)
    (folder / "march.csv").write_text(
        "Net amount;EffectiveCost;BillingPeriodStart;ChargePeriodStart;ChargeCategory\n"
        '"10,000.00";9999.50;4/1/25;2025-04-01;Usage\n',
        "utf-8",
    )
    ingest(workspace)
    row = only_row(
        workspace,
        "SELECT BilledCost, EffectiveCost, BillingCurrency,"
        " strftime(BillingPeriodStart, '%Y-%m-%d'),"
        " strftime(ChargePeriodEnd, '%Y-%m-%d') FROM evidence.focus",
    )
    assert row == (
        *(Decimal(10_000), Decimal("9999.50"), "EUR"),
        *("2025-04-01", "2025-04-02"),
    )


def file_of_page(page: str, *, with_column: str) -> str:
    """Return the rows of a page's table that has a column, as CSV."""
    text = (DOCS / "how_to" / f"{page}.md").read_text("utf-8")
    tables: list[str] = re.findall(
        rf"^(\| `day` .*`{with_column}`.*\|\n(?:\| \d{{4}}-.*\|\n)+)",
        text,
        re.MULTILINE,
    )
    [table] = tables
    lines = [line.strip("| ").replace("`", "") for line in table.splitlines()]
    return "\n".join(line.replace(" | ", ",") for line in lines) + "\n"


def test_the_meter_of_the_page_is_read_as_it_says(tmp_path: Path) -> None:
    workspace = workspace_of(
        tmp_path, block_of("read_tables", containing="gpu_minutes")
    )
    (tmp_path / "usage").mkdir()
    rows = file_of_page("read_tables", with_column="gpu_minutes")
    (tmp_path / "usage" / "march.csv").write_text(rows, "utf-8")
    ingest(workspace)
    row = only_row(
        workspace,
        "SELECT model_id, requests, input_tokens, gpu_hours FROM evidence.model_usage",
    )
    assert row == ("eta", Decimal(120_000), Decimal(84_000_000), Decimal(96))


def test_the_outcomes_of_the_page_are_read_as_it_says(tmp_path: Path) -> None:
    workspace = workspace_of(
        tmp_path, block_of("read_tables", containing="revenue_per_depot_day")
    )
    (tmp_path / "outcomes").mkdir()
    rows = file_of_page("read_tables", with_column="revenue")
    (tmp_path / "outcomes" / "march.csv").write_text(rows, "utf-8")
    ingest(workspace)
    row = only_row(
        workspace,
        "SELECT outcome_date::DATE::VARCHAR, metric, unit, value, unit_of_measure,"
        " currency FROM evidence.outcomes",
    )
    assert row == (
        *("2026-03-01", "revenue_per_depot_day", "berlin", 24_817.5),
        *("EUR", "EUR"),
    )


def test_cloud_costs_of_opencost_are_read_to_the_last_digit(
    tmp_path: Path, shared_data: Path
) -> None:
    """Nineteen sums of a provider and day, added up from the file's own text."""
    sample = shared_data / "opencost" / "cloudCost-example-output.json"
    text = sample.read_text("utf-8")
    sets = json.loads(text, parse_float=Decimal, parse_int=Decimal)["data"]["sets"]
    costs = [cost for each in sets for cost in each["cloudCosts"].values()]
    figures = ("netCost", "amortizedNetCost")
    totals = [sum(cost[name]["cost"] for cost in costs) for name in figures]
    assert (len(costs), totals[0]) == (19, Decimal("13732.32468729100242"))
    workspace = workspace_of(
        tmp_path, block_of("connect_opencost", containing="cloud-costs")
    )
    (tmp_path / "cloud-costs").mkdir()
    (tmp_path / "cloud-costs" / "october.json").write_text(text, "utf-8")
    ingest(workspace)
    row = only_row(
        workspace,
        "SELECT count(*), sum(BilledCost), sum(EffectiveCost),"
        " count(DISTINCT ProviderName), min(ChargePeriodStart)::DATE::VARCHAR,"
        " max(ChargePeriodEnd)::DATE::VARCHAR FROM evidence.focus",
    )
    assert row == (19, *totals, 3, "2023-10-27", "2023-11-03")


def test_the_query_of_the_page_is_read_as_it_says(tmp_path: Path) -> None:
    workspace = workspace_of(tmp_path, block_of("read_tables", containing="query:"))
    (tmp_path / "gateway").mkdir()
    duckdb.connect().execute(
        "COPY (SELECT TIMESTAMP '2026-03-01 10:00' + to_hours(i) AS started_at,"
        " 'eta' AS model, 5 AS tokens_in FROM range(3) AS hours(i))"
        f" TO '{tmp_path}/gateway/march.parquet'"
    )
    ingest(workspace)
    query = "SELECT model_id, requests, input_tokens FROM evidence.model_usage"
    assert only_row(workspace, query) == ("eta", Decimal(3), Decimal(15))
