"""Both engines publish the same figures, to the last stored digit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.spark.conftest import Company, on_spark
from tests.spark.published_figures import differences
from tests.spark.servers import JAVA_MISSING, has_java, running_spark_connect
from triptych.warehouse.reader import PublishedReader
from triptych.workspace import Workspace

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
        company.build(on_spark(server.address))
    assert differences(built_on_duckdb.published(), company.published()) == []
