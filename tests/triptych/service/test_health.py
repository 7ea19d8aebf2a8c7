"""Fresh, stale and failed: what a monitor is told, and why."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest
from typer.testing import CliRunner

from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.cli import app
from triptych.core.run_record import remember_begun
from triptych.core.settings import load_settings
from triptych.core.warehouse.reader import published_fingerprint
from triptych.core.workspace import Workspace
from triptych.service import health as judging
from triptych.service.health import judge

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.service.health import Health

#: The run of the warehouse that the tests publish began then.
PUBLISHED = datetime(2026, 9, 30, 5, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    return tmp_path


def record(root: Path, state: str, **details: object) -> None:
    folder = root / "runs" / "20260930T053000000000Z-ab12"
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "run_id": "run-0001",
        "started_at": PUBLISHED.isoformat(),
        "state": state,
        "at": (PUBLISHED + timedelta(seconds=90)).isoformat(),
    }
    (folder / "run.json").write_text(json.dumps(told | details))


def holder(root: Path, pid: int, host: str) -> None:
    told = {"pid": pid, "host": host, "started_at": PUBLISHED.isoformat()}
    (root / "runs" / "lock.json").write_text(json.dumps(told))


def health(root: Path, *, age: timedelta = HOUR) -> Health:
    now = PUBLISHED + age
    return judge(Workspace(root), load_settings(root), now=now)


def test_a_budget_of_a_team_that_nobody_declared_is_red(root: Path) -> None:
    """The same budget in two months is one reason."""
    with duckdb.connect(str(publish(root))) as connection:
        connection.execute(
            "insert into core.mart_data_quality_issues"
            " select 'B1', 'warn', 'budgets', month, 1, null, null,"
            " 'A budget counts nowhere: team atlas.'"
            " from (values ('2026-08'), ('2026-09')) as months (month)"
        )
    record(root, "published")
    found = health(root)
    assert found.state == "failed"
    reason = 'budgets: A budget counts nowhere: team atlas. Then run "triptych run".'
    assert found.reasons.count(reason) == 1


def test_money_in_doubt_is_red_until_its_month_is_closed(root: Path) -> None:
    """Of two months, August is closed: who closed it accepted what it says."""
    with duckdb.connect(str(publish(root))) as connection:
        connection.execute(
            "insert into core.mart_data_quality_issues"
            " select 'C2', 'warn', 'bills', month, 1, 9, 'EUR', 'A total.'"
            " from (values ('2026-08'), ('2026-09')) as months (month)"
        )
        connection.execute(
            "insert into cost.mart_period_states by name"
            " select '2026-08' as billing_month, 'locked' as state"
        )
    record(root, "published")
    red = 'bills: A total. EUR 9.00 of 2026-09. Then run "triptych run".'
    assert health(root).reasons == (red,)


def test_what_was_published_in_time_by_a_run_that_went_well_is_fresh(
    root: Path,
) -> None:
    publish(root)
    record(root, "published")
    found = health(root)
    assert (found.state, found.reasons) == ("fresh", ())
    assert found.published_run_id == "run-0001"
    assert found.published_at == PUBLISHED


def test_it_is_stale_a_moment_after_the_age_that_is_allowed(root: Path) -> None:
    publish(root, "empty")
    record(root, "published")
    assert health(root, age=26 * HOUR).state == "fresh"
    found = health(root, age=26 * HOUR + timedelta(minutes=6))
    assert found.state == "stale"
    assert "26.1 hours old, and may be 26.0" in found.reasons[0]
    (root / "triptych.yml").write_text(
        "organisation: Acme\ncurrency: EUR\nhealth: {max_age_hours: 48}\n"
    )
    assert health(root, age=27 * HOUR).state == "fresh"


def test_a_stale_feed_is_named_with_its_newest_evidence(root: Path) -> None:
    publish(root, "stale")
    record(root, "published")
    found = health(root)
    assert found.state == "stale"
    assert found.reasons == (
        "aws is older than expected: its newest is of 2026-09-16 00:00:00 UTC."
        ' Run "triptych ingest aws"; if nothing comes, ask its vendor, or allow more'
        " with expected_lag_hours.",
    )


def test_a_closed_month_with_open_items_is_red(root: Path) -> None:
    with duckdb.connect(str(publish(root))) as connection:
        connection.execute(
            "update cost.mart_period_states set open_item_count = 2,"
            " oldest_open_item_days = 12 where billing_month = '2026-08'"
        )
    record(root, "published")
    found = health(root)
    assert found.state == "failed"
    assert (
        "2026-08 is closed and has 2 open since, the oldest for 12 days. Run"
        ' "triptych reconcile --period 2026-08" to see them.'
    ) in found.reasons


def test_nothing_published_is_stale_and_no_failure(root: Path) -> None:
    found = health(root)
    assert found.state == "stale"
    assert found.reasons == ('Nothing has been published yet. Run "triptych run".',)


def test_a_failed_run_is_failed_though_what_is_published_is_fresh(root: Path) -> None:
    publish(root, "empty")
    record(root, "failed", error="dbt build: 1 dbt models or tests failed.")
    found = health(root)
    assert found.state == "failed"
    assert found.reasons == (
        "Run run-0001 failed: dbt build: 1 dbt models or tests failed.",
    )


def test_a_source_that_failed_in_a_run_that_kept_going_is_a_failure(
    root: Path,
) -> None:
    publish(root, "empty")
    record(root, "published", failures=["aws: The credentials have expired."])
    assert health(root).reasons == ("aws: The credentials have expired.",)
    assert health(root).state == "failed"


def test_a_run_that_was_killed_is_a_failure_and_one_under_way_is_none(
    root: Path,
) -> None:
    publish(root, "empty")
    record(root, "building")
    assert health(root).reasons == (
        "Run run-0001 was stopped while building. Run again.",
    )
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    holder(root, ended.pid, socket.gethostname())
    assert health(root).state == "failed"
    holder(root, os.getpid(), socket.gethostname())
    assert health(root).state == "fresh"
    assert health(root).is_run_under_way
    # Whether a process of another host lives cannot be asked.
    holder(root, ended.pid, "another-host")
    assert health(root).state == "fresh"


@pytest.mark.parametrize(
    ("state", "code"), [("published", 8), ("failed", 9)], ids=["stale", "failed"]
)
def test_the_command_ends_with_the_code_of_the_state(
    root: Path, state: str, code: int
) -> None:
    publish(root, "empty")  # long ago
    record(root, state, error="It broke." if state == "failed" else None)
    result = CliRunner().invoke(app, ["health", "-w", str(root), "--json"])
    assert result.exit_code == code
    found = json.loads(result.stdout)
    assert found["state"] == ("failed" if state == "failed" else "stale")
    assert result.stderr.startswith(f"{found['state']}: ")


def test_the_command_ends_with_zero_where_all_is_fresh(root: Path) -> None:
    (root / "triptych.yml").write_text(
        "organisation: Acme\ncurrency: EUR\nhealth: {max_age_hours: 8784}\n"
    )
    publish(root, "empty")
    record(root, "published")
    result = CliRunner().invoke(app, ["health", "-w", str(root)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "fresh: run-0001 is published\n"
    told = CliRunner().invoke(app, ["status", "-w", str(root)]).stdout
    assert "Health: fresh" in told


def test_a_published_file_that_is_damaged_is_a_failure_and_not_nothing(
    root: Path,
) -> None:
    publish(root)
    record(root, "published")
    [file] = (root / "warehouse" / "published").glob("*.duckdb")
    file.write_bytes(b"x" * 4096)
    found = health(root)
    assert found.state == "failed"
    [reason] = found.reasons
    assert str(file) in reason
    assert "triptych build" in reason


def test_a_damaged_pointer_is_a_failure_and_neither_a_crash_nor_nothing(
    root: Path,
) -> None:
    publish(root)
    record(root, "published")
    pointer = root / "warehouse" / "CURRENT"
    whole = pointer.read_bytes()
    # One bit of a letter makes it none of UTF-8.
    pointer.write_bytes(bytes([whole[0] | 0x80]) + whole[1:])
    found = health(root)
    assert found.state == "failed"
    [reason] = found.reasons
    assert str(pointer) in reason
    assert "triptych build" in reason
    told = CliRunner().invoke(app, ["status", "-w", str(root)])
    assert told.exit_code == 0, told.output
    assert published_fingerprint(root) is None


def test_what_is_dated_after_now_is_a_failure_until_it_is_published_again(
    root: Path,
) -> None:
    publish(root, "empty")
    record(root, "published")
    found = health(root, age=-4 * 365 * 24 * HOUR)
    assert found.state == "failed"
    assert (
        "run-0001 began on 2026-09-30 05:30, which is yet to come" in (found.reasons[0])
    )


def test_the_run_that_began_last_is_the_last_one_whatever_the_clock_said(
    root: Path,
) -> None:
    publish(root, "empty")
    record(root, "building")
    folder = root / "runs" / "20360930T053000000000Z-ab12"
    folder.mkdir()
    told = {"run_id": "run-0002", "started_at": "2036-09-30T05:30:00+00:00"}
    (folder / "run.json").write_text(json.dumps({**told, "state": "published"}))
    assert health(root).reasons == ()
    remember_begun(root / "runs", "20260930T053000000000Z-ab12")
    assert health(root).reasons == (
        "Run run-0001 was stopped while building. Run again.",
    )


def test_a_catalogue_that_is_lost_or_damaged_is_a_failure(root: Path) -> None:
    publish(root, "empty")
    record(root, "published")
    (root / "raw.duckdb").write_bytes(b"x" * 10_000)
    assert "triptych recover" in health(root).reasons[0]
    assert health(root).state == "failed"


def test_a_disk_without_room_for_a_run_is_red_before_the_run_fails(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = publish(root)
    record(root, "published")
    needed = path.stat().st_size + 50_000_000
    monkeypatch.setattr(judging, "free_bytes", lambda _: needed)
    assert health(root).state == "fresh"
    monkeypatch.setattr(judging, "free_bytes", lambda _: needed - 1)
    found = health(root)
    assert found.state == "failed"
    assert f"{root}: {(needed - 1) / 1e6:,.0f} MB are free" in found.reasons[0]
    assert "triptych prune" in found.reasons[0]


def test_a_published_file_without_its_checksum_is_red(root: Path) -> None:
    """Those of earlier versions have none, and neither a head nor a key."""
    path = publish(root)
    assert health(root).state == "fresh"
    (root / ".journal-key").write_text("a" * 64)
    (root / ".journal-key").chmod(0o600)
    assert health(root).state == "failed"
    (root / ".journal-key").unlink()
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE OR REPLACE TABLE lineage.inputs AS"
            " SELECT '' AS inputs_hash, '' AS fingerprint, 'ab12' AS journal_head"
        )
    found = health(root)
    assert found.state == "failed"
    assert "checksum of the published file is missing" in found.reasons[0]
    assert 'Run "triptych build"' in found.reasons[0]


def test_a_run_without_a_record_is_a_failure(root: Path) -> None:
    publish(root)
    record(root, "published")
    assert health(root).state == "fresh"
    # The disk was full: the folder exists, and the record could not be written.
    (root / "runs" / "20260930T060000000000Z-cd34").mkdir()
    remember_begun(root / "runs", "20260930T060000000000Z-cd34")
    judged = health(root)
    assert judged.state == "failed"
    assert judged.reasons[0].startswith("Run 20260930T060000000000Z-cd34 was stopped")
