"""Tables of other databases, and what holds for all of them."""

from __future__ import annotations

import sys
import threading
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from pydantic import ValidationError

from ingest.connector import Window
from ingest.sources.tables.connector import TablesConfig
from ingest.sources.tables.database_query import content, months_to_ask
from ingest.sources.tables.databases.failures import secrets_of
from ingest.sources.tables.databases.postgres import encrypted
from ingest.sources.tables.databases.statement import refuse_unless_reading
from ingest.testing import ConnectorCase
from tests.ingest.servers import loopback_bigquery
from triptych.core.errors import SourceAccessError

if TYPE_CHECKING:
    from pathlib import Path

ENGINES = ("postgres", "duckdb", "bigquery", "snowflake", "databricks")
OUTCOMES = (
    "SELECT day AS outcome_date, depot AS unit, amount AS value, 'revenue' AS metric,"
    " 'EUR' AS unit_of_measure, 'EUR' AS currency FROM"
)


def case_of(root: Path, query: str, **database: object) -> ConnectorCase:
    options: dict[str, object] = {"stream": "outcomes", "query": query}
    options["database"] = database
    return ConnectorCase("tables", options, root, 0, {}, dict, dict, lambda: 0)


def failure(case: ConnectorCase) -> str:
    [failed] = case.ingest().failures
    return str(failed.error)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "query",
    [
        "drop table t",
        "delete from t",
        "insert into t select 1",
        "update t set a = 1",
        "create table t as select 1 as a",
        "select 1 as a; drop table t",
        "call f()",
        "",
    ],
)
def test_a_query_that_does_more_than_read_is_refused_before_a_connection(
    engine: str, query: str
) -> None:
    with pytest.raises(ValueError, match=r"'query' (must|is not SQL)"):
        refuse_unless_reading(query, engine)


@pytest.mark.parametrize(
    "query",
    [
        "with gone as (delete from t returning *) select * from gone",
        "select * into copied from t",
        "select * from t for update",
    ],
)
def test_a_select_that_writes_or_locks_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="'query' must only read; it has"):
        refuse_unless_reading(query, "postgres")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_reads_is_taken_and_refused_with_one_statement_more(engine: str) -> None:
    query = (
        "with sums as (select day, sum(amount) as value from t group by day)"
        " select * from sums union all select day, 0 from u -- all of it\n;"
    )
    refuse_unless_reading(query, engine)
    with pytest.raises(ValueError, match="there are 2 statements"):
        refuse_unless_reading(f"{query} select 1 as a", engine)


def test_settings_say_what_is_wrong_with_a_database() -> None:
    def complaint(**options: Any) -> str:
        with pytest.raises(ValidationError) as caught:
            TablesConfig(name="x", type="tables", stream="outcomes", **options)
        return str(caught.value)

    postgres = {"engine": "postgres", "connection_variable": "DB"}
    query = "select 1 as value"
    assert "'database' needs a 'query'" in complaint(path="x.csv", database=postgres)
    assert "must be a single SELECT; this is DROP" in complaint(
        query="drop table t", database=postgres
    )
    assert "'cursor' and 'start_date' go together" in complaint(
        query=query, database={**postgres, "cursor": "day"}
    )
    assert "'postgres', 'duckdb', 'bigquery'" in complaint(
        query=query, database={"engine": "oracle"}
    )
    address = {"engine": "postgres", "connection_variable": "postgresql://me:s@h/d"}
    assert "String should match pattern" in complaint(query=query, database=address)


def test_a_duckdb_file_is_read_and_nothing_outside_it(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE revenue AS SELECT DATE '2026-03-01' + i::INT AS day,"
            " 'berlin' AS depot, 0.1::DECIMAL(18, 4) AS amount FROM range(60) AS r(i)"
        )
    (tmp_path / "secret.csv").write_text("unit\nx\n", "utf-8")
    file: dict[str, object] = {"engine": "duckdb", "path": "warehouse.duckdb"}

    case = case_of(tmp_path, f"{OUTCOMES} revenue", **file)
    [finding] = case.connector().check()
    assert finding.is_ok
    case.ingest().raise_first_failure()
    rows = "SELECT count(*), max(outcome_date)::DATE FROM evidence.outcomes"
    assert case.query(rows) == [(60, date(2026, 4, 29))]
    assert case.ingest().committed == []

    outside = f"SELECT * FROM read_csv('{tmp_path}/secret.csv')"
    assert "disabled" in failure(case_of(tmp_path, outside, **file))
    gone = case_of(tmp_path, "SELECT 1 AS unit", engine="duckdb", path="gone.duckdb")
    assert "There is no file gone.duckdb." in failure(gone)


def test_a_query_of_a_duckdb_file_is_stopped_in_time(tmp_path: Path) -> None:
    duckdb.connect(str(tmp_path / "w.duckdb")).close()
    endless = "SELECT count(*)::VARCHAR AS unit FROM range(1000000000000) AS r"
    text = failure(
        case_of(tmp_path, endless, engine="duckdb", path="w.duckdb", timeout_seconds=1)
    )
    assert "The query was stopped after 1 seconds." in text
    assert not [t for t in threading.enumerate() if isinstance(t, threading.Timer)]


@pytest.mark.emulator
def test_a_query_of_bigquery_is_read_by_month(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not loopback_bigquery.is_available():
        pytest.skip(loopback_bigquery.MISSING_REASON)
    log_folder = tmp_path_factory.mktemp("bigquery")
    with loopback_bigquery.running_bigquery(log_folder) as endpoint:
        writer = loopback_bigquery.client(endpoint, "acme")
        columns = [("day", "DATE"), ("depot", "STRING"), ("amount", "NUMERIC")]
        loopback_bigquery.create_table(
            writer, "acme.sales.revenue", columns, partitioned_by=None
        )
        rows = [
            {"day": "2026-09-30", "depot": "berlin", "amount": "24817.500000001"},
            {"day": "2026-10-01", "depot": "berlin", "amount": "2"},
        ]
        loopback_bigquery.insert(writer, "acme.sales.revenue", rows)
        database: dict[str, object] = {
            "engine": "bigquery",
            "project": "acme",
            "api_endpoint": endpoint,
            "cursor": "outcome_date",
            "start_date": "2026-09-01",
        }
        case = case_of(tmp_path, f"{OUTCOMES} sales.revenue", **database)
        assert [finding.is_ok for finding in case.connector().check()] == [True]
        case.ingest().raise_first_failure()
        assert case.query(
            "SELECT scope, row_count FROM catalogue.loads ORDER BY scope"
        ) == [("2026-09", 1), ("2026-10", 1)]
        assert case.query("SELECT max(value) FROM evidence.outcomes") == [
            (24817.500000001,)
        ]
        few = case_of(tmp_path, f"{OUTCOMES} sales.revenue", **database, max_rows=1)
        few.options["database"] = {
            "engine": "bigquery",
            "project": "acme",
            "api_endpoint": endpoint,
            "max_rows": 1,
        }
        assert "more than 1 rows" in failure(few)
        missing = case_of(tmp_path, f"{OUTCOMES} sales.gone", **database)
        assert "gone" in failure(missing)


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        (
            "adbc_driver_snowflake",
            {"engine": "snowflake", "connection_variable": "ACME_DATABASE"},
        ),
        (
            "databricks.sql",
            {
                "engine": "databricks",
                "connection_variable": "ACME_TOKEN",
                "host": "localhost",
                "http_path": "/sql/1.0/warehouses/a",
            },
        ),
    ],
)
def test_a_warehouse_that_nobody_answers_for_is_unreachable_and_keeps_its_secret(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    driver: str,
    options: dict[str, object],
) -> None:
    """With the vendor's own driver, where its extra is installed."""
    pytest.importorskip(driver)
    query = "protocol=http&loginTimeout=5&maxRetryCount=0&account=acme"
    monkeypatch.setenv("ACME_DATABASE", f"me:hidden@localhost:1/db/schema?{query}")
    monkeypatch.setenv("ACME_TOKEN", "hidden")
    text = failure(case_of(tmp_path, f"{OUTCOMES} revenue", **options))
    assert "The database cannot be reached: " in text
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("engine", "options", "package"),
    [
        ("snowflake", {}, "adbc-driver-snowflake"),
        (
            "databricks",
            {"host": "acme.cloud.databricks.com", "http_path": "/sql/1.0/warehouses/a"},
            "databricks-sql-connector",
        ),
    ],
)
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    engine: str,
    options: dict[str, object],
    package: str,
) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_snowflake.dbapi", None)
    monkeypatch.setitem(sys.modules, "databricks", None)
    monkeypatch.setenv("ACME_DATABASE", "someone:secret@acme/sales")
    database = {"engine": engine, "connection_variable": "ACME_DATABASE", **options}
    text = failure(case_of(tmp_path, f"{OUTCOMES} revenue", **database))
    assert f"needs the package {package}, which is not installed." in text
    assert f"triptych[{engine}]" in text
    assert "secret" not in text


def test_a_window_asks_for_its_months_and_no_window_for_what_is_not_settled() -> None:
    def asked(window: Window, *settled: str) -> list[str]:
        months = months_to_ask(date(2025, 12, 9), date(2026, 2, 1), {*settled}, window)
        return [f"{month:%Y-%m}" for month in months]

    assert asked(Window()) == ["2025-12", "2026-01", "2026-02"]
    assert asked(Window(), "2025-12") == ["2026-01", "2026-02"]
    assert asked(Window(end=date(2026, 1, 1)), "2025-12") == ["2025-12"]


def test_the_digest_of_an_answer_is_that_of_its_rows_in_any_order() -> None:
    def answer(*amounts: str) -> list[pa.RecordBatch]:
        column = pa.array([Decimal(amount) for amount in amounts], pa.decimal128(9, 2))
        table = pa.table({"amount": column})
        return list(table.to_batches(max_chunksize=2))

    whole = content(answer("1.00", "2.00", "2.00"))
    assert content(answer("2.00", "1.00", "2.00")) == whole
    assert content(answer("2.00", "1.00", "1.00")) != whole
    assert content(answer("1.00", "3.00", "3.00")) != whole
    assert content([]) == (0, content(answer())[1])


@pytest.mark.parametrize(
    ("address", "is_encrypted"),
    [
        ("postgresql://me@db.example/x", True),
        ("postgresql:///x?host=db.example", True),
        ("postgresql://localhost/x?host=db.example", True),
        ("postgresql://localhost/x", False),
        ("postgresql:///x?host=/run/postgresql", False),
    ],
)
def test_a_server_elsewhere_is_asked_encrypted_wherever_it_is_named(
    address: str, *, is_encrypted: bool
) -> None:
    assert ("sslmode=require" in encrypted(address, where="x")) == is_encrypted


def test_options_of_an_address_reach_the_server_as_written() -> None:
    address = (
        "postgresql://localhost/x?options=-c%20search_path%3Da&application_name=a+b"
    )
    assert "options=-c%20search_path%3Da" in encrypted(address, where="x")
    assert "application_name=a%2Bb" in encrypted(address, where="x")


def test_a_bracket_in_a_password_is_quoted_in_no_message() -> None:
    address = "postgresql://me:p[ss]w@host/x"
    assert "p[ss]w" in secrets_of(address)
    with pytest.raises(SourceAccessError) as caught:
        encrypted(address, where="x")
    assert "ss]" not in str(caught.value)
    assert "%40" in caught.value.next_step
