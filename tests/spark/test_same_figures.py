"""Both engines publish the same figures, to the last stored digit."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.spark.conftest import Company, on_spark
from tests.spark.published_figures import differences
from tests.spark.servers import (
    JAVA_MISSING,
    has_java,
    running_sail,
    running_spark_connect,
)
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

needs_java = pytest.mark.skipif(not has_java(), reason=JAVA_MISSING)


@pytest.mark.full
def test_the_comparison_notices_one_unit_of_the_last_digit(company: Company) -> None:
    before = company.published()
    workspace = Workspace(company.root)
    pointer = workspace.pointer.read_text("utf-8").strip()
    with duckdb.connect(str(workspace.warehouse_dir / pointer)) as connection:
        connection.execute(
            "UPDATE cost.fct_daily_model_costs SET billed_cost = billed_cost"
            " + 0.0000000001 WHERE rowid = 0"
        )
    assert len(differences(before, company.published())) == 1


@pytest.mark.full
def test_a_spark_connect_server_builds_what_duckdb_builds(
    built_on_duckdb: Company, built_on_sail: Company
) -> None:
    expected, found = built_on_duckdb.published(), built_on_sail.published()
    assert differences(expected, found) == []
    assert len(found["cost.fct_daily_model_costs"].exact) > 1000
    assert len(found["cost.fct_daily_pool_costs"].exact) > 100


@pytest.mark.full
def test_the_line_items_behind_a_figure_are_there_whichever_engine_built_it(
    built_on_duckdb: Company, built_on_sail: Company
) -> None:
    question = (
        "SELECT count(*) AS row_count, sum(billed_cost) AS billed_cost,"
        " count(model_id) AS owned_row_count FROM line_items"
    )
    expected, found = (
        PublishedReader(root).snapshot().query_line_items(question).to_pylist()
        for root in (built_on_duckdb.root, built_on_sail.root)
    )
    assert found == expected
    assert found[0]["owned_row_count"] > 100


@pytest.mark.full
def test_spark_reads_the_line_items_of_changed_months_only(
    built_on_sail: Company, tmp_path: Path
) -> None:
    company = built_on_sail.copy_to(tmp_path / "nordhafen")
    before = company.months_read_on_spark()
    assert [len(months) for months in before] == [6]
    with running_sail(tmp_path / "sail") as server:
        company.run(on_spark(server.address))
        assert company.months_read_on_spark() == before
        restate(company)
        company.run(on_spark(server.address))
    assert company.months_read_on_spark() == [*before, ["2026-10"]]
    found = company.published()
    company.build(full=True)
    assert differences(company.published(), found) == []


def restate(company: Company) -> None:
    """Deliver one month of a vendor's bill once more, without its last line."""
    bill = company.root / "bills" / "hybrid" / "2026-10.csv.gz"
    lines = gzip.decompress(bill.read_bytes()).splitlines(keepends=True)
    bill.write_bytes(gzip.compress(b"".join(lines[:-1])))


@needs_java
@pytest.mark.spark
@pytest.mark.timeout(1800)
def test_apache_spark_in_a_session_builds_what_duckdb_builds(
    built_on_duckdb: Company, built_in_a_session: Company
) -> None:
    found = built_in_a_session.published()
    assert differences(built_on_duckdb.published(), found) == []


@needs_java
@pytest.mark.spark
@pytest.mark.timeout(1800)
def test_apache_spark_behind_connect_builds_what_duckdb_builds(
    built_on_duckdb: Company, company: Company, tmp_path: Path
) -> None:
    with running_spark_connect(tmp_path / "spark") as server:
        company.build(on_spark(server.address), full=True)
    assert differences(built_on_duckdb.published(), company.published()) == []
