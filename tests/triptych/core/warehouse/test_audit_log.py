"""The audit log: whatever is changed in it by hand is found and named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.core.errors import UsageError
from triptych.core.lake import audit_log
from triptych.core.lake.audit_log import AuditLogError, read_verified

if TYPE_CHECKING:
    from collections.abc import Iterator

ENTRIES = 6


@pytest.fixture
def log() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA catalogue")
        connection.execute(audit_log.SCHEMA)
        for number in range(ENTRIES):
            detail = {"billing_month": f"2026-{number + 1:02d}", "actor": "Ana Lima"}
            audit_log.append(connection, "period_closed", detail)
        yield connection


def test_what_is_written_is_read_in_order(log: duckdb.DuckDBPyConnection) -> None:
    entries = read_verified(log)
    assert [entry.position for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0].detail == {"billing_month": "2026-01", "actor": "Ana Lima"}
    assert len({entry.entry_hash for entry in entries}) == ENTRIES


def test_an_entry_that_is_not_utf_8_is_read_without_its_half_characters(
    log: duckdb.DuckDBPyConnection,
) -> None:
    with pytest.raises(UsageError, match="'text' is not UTF-8"):
        audit_log.append(log, "period_commented", {"text": "K\udcf6ln"})
    assert len(read_verified(log)) == ENTRIES
    # As an earlier version wrote one; whole characters beyond the first 65,536 stay.
    detail = '{"text": "K\\udcf6ln \\ud83d\\ude80"}'
    [entry] = audit_log.entries_of(
        [(1, datetime(2026, 6, 1, tzinfo=UTC), "period_commented", detail, "", "")]
    )
    assert entry.detail == {"text": "K?ln \U0001f680"}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE catalogue.audit_log SET detail ="
        " replace(detail, 'Ana Lima', 'Ben Okafor') WHERE position = 3",
        "UPDATE catalogue.audit_log SET event = 'period_reopened' WHERE position = 3",
        "UPDATE catalogue.audit_log SET occurred_at = occurred_at"
        " + INTERVAL 1 MICROSECOND WHERE position = 3",
        "UPDATE catalogue.audit_log SET entry_hash = previous_hash WHERE position = 3",
        "UPDATE catalogue.audit_log SET previous_hash = '' WHERE position = 3",
        "DELETE FROM catalogue.audit_log WHERE position = 3",
    ],
)
def test_the_first_entry_that_was_changed_or_removed_is_named(
    log: duckdb.DuckDBPyConnection, change: str
) -> None:
    log.execute(change)
    with pytest.raises(AuditLogError, match="broken: entry 3 ") as e:
        read_verified(log)
    assert "Restore raw.duckdb from a backup" in str(e.value)


def test_an_entry_put_in_between_is_found(log: duckdb.DuckDBPyConnection) -> None:
    log.execute(
        "UPDATE catalogue.audit_log SET position = position + 1 WHERE position > 3;"
        "INSERT INTO catalogue.audit_log SELECT 4, occurred_at, event, detail,"
        " entry_hash, entry_hash, NULL FROM catalogue.audit_log WHERE position = 3"
    )
    with pytest.raises(AuditLogError, match="entry 4"):
        read_verified(log)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(position=st.integers(1, ENTRIES), text=st.text(max_size=12))
def test_no_other_detail_goes_unnoticed(
    log: duckdb.DuckDBPyConnection, position: int, text: str
) -> None:
    log.execute("BEGIN")
    log.execute(
        "UPDATE catalogue.audit_log SET detail = ? WHERE position = ?", [text, position]
    )
    with pytest.raises(AuditLogError, match=f"entry {position} "):
        read_verified(log)
    log.execute("ROLLBACK")


def test_cutting_off_the_end_changes_the_hash_that_stands_for_the_log(
    log: duckdb.DuckDBPyConnection,
) -> None:
    """No chain can tell by itself; the hash that a close printed can."""
    printed = read_verified(log)[-1].entry_hash
    log.execute("DELETE FROM catalogue.audit_log WHERE position = 6")
    assert read_verified(log)[-1].entry_hash != printed


def test_an_entry_that_is_rewritten_with_its_hash_is_found_at_the_next(
    log: duckdb.DuckDBPyConnection,
) -> None:
    """Each hash holds the one before it: all later ones would have to be made anew."""
    ((position, at, event, detail, previous, _, _),) = log.execute(
        "SELECT * FROM catalogue.audit_log WHERE position = 3"
    ).fetchall()
    detail = str(detail).replace("Ana Lima", "Ben Okafor")
    digest = audit_log._entry_hash(position, at, event, detail, previous)
    log.execute(
        "UPDATE catalogue.audit_log SET detail = ?, entry_hash = ? WHERE position = 3",
        [detail, digest],
    )
    log.execute(
        "UPDATE catalogue.audit_log SET previous_hash = ? WHERE position = 4", [digest]
    )
    with pytest.raises(AuditLogError, match="entry 4 "):
        read_verified(log)
