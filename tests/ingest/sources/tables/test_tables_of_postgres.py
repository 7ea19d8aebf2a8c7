"""Tables of a real PostgreSQL: whole, bounded, read-only, by month of a cursor."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ingest.connector import Window
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers import real_postgres
from tests.ingest.servers.real_postgres import execute

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VARIABLE = "REVENUE_DATABASE"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    if not real_postgres.is_installed():
        pytest.skip(real_postgres.MISSING_REASON)
    pytest.importorskip("adbc_driver_postgresql")
    with real_postgres.running_postgres() as address:
        yield address


@pytest.fixture
def database(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, server)
    return server


@pytest.fixture
def table(database: str) -> str:
    """Return the name of an empty table of revenue."""
    name = f"revenue_{next(_numbers)}"
    columns = "day date, depot text, amount numeric(30, 12), booked_at timestamptz"
    execute(database, f"CREATE TABLE {name} ({columns})")
    return name


def outcomes_of(
    root: Path, table: str, *, query: str = "", **database: object
) -> ConnectorCase:
    columns = "day AS outcome_date, depot AS unit, amount AS value"
    constants = "'revenue' AS metric, 'EUR' AS unit_of_measure, 'EUR' AS currency"
    return ConnectorCase(
        "tables",
        {
            "stream": "outcomes",
            "query": query
            or f"SELECT {columns}, {constants} FROM {table} -- all of it",
            "database": {
                "engine": "postgres",
                "connection_variable": VARIABLE,
                **database,
            },
        },
        *(root, 0, {}, dict, dict, lambda: 0),
    )


def values(case: ConnectorCase) -> list[tuple[object, ...]]:
    return case.query(
        "SELECT strftime(outcome_date, '%Y-%m-%d'), unit, value FROM evidence.outcomes"
        " ORDER BY ALL"
    )


def failure(case: ConnectorCase) -> str:
    [failed] = case.ingest().failures
    return str(failed.error)


class TestTablesOfPostgresContract(ConnectorContract):
    """The shipped suite, over a register of invoices."""

    @pytest.fixture
    def case(self, tmp_path: Path, database: str) -> ConnectorCase:
        name = f"invoices_{next(_numbers)}"
        execute(
            database,
            f"CREATE TABLE {name} (invoice text, issuer text, billing_month text,"
            " currency text, amount text)",
            f"INSERT INTO {name} VALUES ('A-1', 'Acme', '2026-03', 'EUR', '100.00'),"
            " ('A-2', 'Acme', '2026-04', 'EUR', '50.50')",
        )

        def deliver_late() -> dict[str, Decimal]:
            row = "('A-3', 'Acme', '2026-04', 'EUR', '-10.25')"
            execute(database, f"INSERT INTO {name} VALUES {row}")
            return {"EUR": Decimal("140.25")}

        def deliver_hostile() -> int:
            row = "('A-4', 'Acme', '2026-04', 'EUR', 'ten')"
            execute(database, f"INSERT INTO {name} VALUES {row}")
            return 1

        return ConnectorCase(
            connector_type="tables",
            options={
                "stream": "invoices",
                "query": f"SELECT * FROM {name}",
                "database": {"engine": "postgres", "connection_variable": VARIABLE},
            },
            root=tmp_path,
            expected_rows=2,
            expected_money={"EUR": Decimal("150.50")},
            deliver_again=lambda: execute(database, f"UPDATE {name} SET issuer=issuer"),
            deliver_late=deliver_late,
            deliver_hostile=deliver_hostile,
            secrets=(real_postgres.PASSWORD, real_postgres.ADDRESS_PASSWORD),
        )


def test_an_amount_of_postgres_keeps_every_digit(tmp_path: Path, database: str) -> None:
    """More digits than a double has, from a number without a declared scale."""
    case = ConnectorCase(
        "tables",
        {
            "stream": "invoices",
            "query": "SELECT 'A' AS invoice, 'Acme' AS issuer, '2026-03' AS"
            " billing_month, 'EUR' AS currency,"
            " 12345678901234.0123456789::numeric AS amount",
            "database": {"engine": "postgres", "connection_variable": VARIABLE},
        },
        *(tmp_path, 0, {}, dict, dict, lambda: 0),
    )
    assert database
    case.ingest().raise_first_failure()
    [(amount,)] = case.query("SELECT invoiced_amount FROM evidence.invoices")
    assert amount == Decimal("12345678901234.0123456789")


def test_a_month_that_has_settled_is_asked_for_only_in_a_window_of_its_own(
    tmp_path: Path, database: str, table: str
) -> None:
    """A month that is over is settled once it is read, until the query changes."""
    earlier, month = _month(2), _month(1)
    last_day = month - timedelta(days=1)
    rows = f"('{last_day}', 'berlin', 1), ('{month}', 'berlin', 2)"
    execute(database, f"INSERT INTO {table} VALUES {rows}")
    case = outcomes_of(
        tmp_path, table, cursor="outcome_date", start_date=earlier, lookback_days=0
    )
    assert len(case.ingest().committed) == 2
    execute(database, f"UPDATE {table} SET amount = amount + 10")

    assert case.ingest().committed == []
    assert [value for *_, value in values(case)] == [1.0, 2.0]

    offered = list(case.connector().deliveries(Window(end=month)))
    assert [delivery.scope for delivery in offered] == [f"{earlier:%Y-%m}"]
    case.options["query"] = f"{case.options['query']} anew"
    case.ingest()
    assert [value for *_, value in values(case)] == [11.0, 12.0]


def test_a_month_within_the_lookback_is_read_again_and_replaces_itself(
    tmp_path: Path, database: str, table: str
) -> None:
    execute(
        database,
        f"INSERT INTO {table} SELECT date_trunc('month', now()), depot, 1 FROM"
        " unnest(ARRAY['berlin', 'bonn']) AS depot",
    )
    case = outcomes_of(
        tmp_path, table, cursor="outcome_date", start_date=_month(0), lookback_days=0
    )
    case.ingest().raise_first_failure()
    execute(database, f"DELETE FROM {table} WHERE depot = 'bonn'")
    execute(database, f"UPDATE {table} SET amount = 7")
    assert len(case.ingest().committed) == 1
    assert [row[1:] for row in values(case)] == [("berlin", 7.0)]
    assert case.ingest().committed == []


def test_a_row_without_a_value_of_the_cursor_is_refused_and_not_lost(
    tmp_path: Path, database: str, table: str
) -> None:
    month = _month(0)
    rows = f"('{month}', 'berlin', 1), (NULL, 'bonn', 2)"
    execute(database, f"INSERT INTO {table} VALUES {rows}")
    case = outcomes_of(tmp_path, table, cursor="outcome_date", start_date=month)
    text = failure(case)
    assert text.startswith("without outcome_date of source 'contract'")
    assert "outcome_date_missing (1)" in text
    assert values(case) == [(f"{month}", "berlin", 1.0)]


def test_days_of_a_cursor_are_those_of_utc(
    tmp_path: Path, database: str, table: str
) -> None:
    """Half past midnight in Berlin on the first of a month is still the last."""
    month = _month(0)
    last_day = month - timedelta(days=1)
    row = f"('{month}', 'berlin', 1, '{month} 00:30+01')"
    execute(database, f"INSERT INTO {table} VALUES {row}")
    case = outcomes_of(
        tmp_path,
        table,
        query="SELECT booked_at AS outcome_date, depot AS unit, amount AS value,"
        f" 'revenue' AS metric, 'EUR' AS unit_of_measure FROM {table}",
        cursor="outcome_date",
        start_date=last_day,
    )
    case.ingest().raise_first_failure()
    assert case.query("SELECT scope FROM catalogue.loads") == [(f"{last_day:%Y-%m}",)]
    assert values(case) == [(f"{last_day}", "berlin", 1.0)]


@pytest.mark.parametrize(
    ("bound", "query", "complaint", "advice"),
    [
        (
            {"max_rows": 99},
            "SELECT g AS unit FROM generate_series(1, 100) AS g",
            "The query answers more than 99 rows; nothing of it was loaded.",
            "raise 'max_rows'",
        ),
        (
            {"max_megabytes": 1},
            "SELECT repeat('x', 1000) AS unit FROM generate_series(1, 2000) AS g",
            "The query answers more than 1 MB; nothing of it was loaded.",
            "raise 'max_megabytes'",
        ),
        (
            {"timeout_seconds": 1},
            "SELECT pg_sleep(20)::text AS unit",
            "The query was stopped after 1 seconds.",
            "raise 'timeout_seconds'",
        ),
        (
            {},
            "SELECT nope FROM nowhere",
            'The query failed: relation "nowhere" does not exist.',
            "Correct 'query' in triptych.yml.",
        ),
        (
            {},
            "SELECT nextval('counted')::text AS unit",
            "The query failed: cannot execute nextval() in a read-only transaction.",
            "Correct 'query' in triptych.yml.",
        ),
    ],
    ids=["rows", "bytes", "time", "mistake", "write"],
)
def test_a_query_that_goes_too_far_is_refused_with_the_reason_and_a_next_step(
    tmp_path: Path,
    database: str,
    *,
    bound: dict[str, object],
    query: str,
    complaint: str,
    advice: str,
) -> None:
    execute(database, "CREATE SEQUENCE IF NOT EXISTS counted")
    text = failure(outcomes_of(tmp_path, "", query=query, **bound))
    assert text.startswith(f"source 'contract': {complaint}")
    assert advice in text


@pytest.mark.parametrize(
    ("found", "replaced", "complaint"),
    [
        (
            f":{real_postgres.ADDRESS_PASSWORD}@",
            ":guessed@",
            "The database denied access: password authentication failed for user",
        ),
        ("/postgres", "/elsewhere", 'database "elsewhere" does not exist'),
        ("127.0.0.1:", "127.0.0.1:1", "The database cannot be reached: "),
        ("postgresql://", "mysql://", "does not begin with postgresql://"),
    ],
    ids=["password", "database", "port", "scheme"],
)
def test_an_address_that_does_not_work_says_why_and_holds_no_secret(
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    found: str,
    replaced: str,
    complaint: str,
) -> None:
    address = database.replace(found, replaced)
    monkeypatch.setenv(VARIABLE, address)
    text = failure(outcomes_of(tmp_path, "", query="SELECT 1 AS unit"))
    assert complaint in text
    secrets = (real_postgres.PASSWORD, real_postgres.ADDRESS_PASSWORD, "guessed")
    assert not [secret for secret in secrets if secret in text]


def test_a_variable_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    text = failure(outcomes_of(tmp_path, "", query="SELECT 1 AS unit"))
    assert f"The environment variable {VARIABLE} is not set." in text
    assert "postgresql://user:password@host:5432/database" in text


def test_the_check_says_which_columns_are_answered_and_which_are_missing(
    tmp_path: Path, database: str, table: str
) -> None:
    assert database
    [finding] = outcomes_of(tmp_path, table).connector().check()
    assert finding.is_ok
    assert "outcome_date, unit, value, metric" in finding.message
    [finding] = (
        outcomes_of(tmp_path, "", query=f"SELECT day FROM {table}").connector().check()
    )
    assert not finding.is_ok
    assert "needs" in finding.message


def _month(back: int) -> date:
    """Return the first day of the month that was ``back`` months ago, in UTC."""
    month = datetime.now(UTC).date().replace(day=1)
    for _ in range(back):
        month = (month - timedelta(days=1)).replace(day=1)
    return month
