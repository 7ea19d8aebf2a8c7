"""``triptych ingest`` and ``triptych run``: what they tell, publish and keep."""

from __future__ import annotations

import json
import os
import shutil
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.layers import IS_FULL
from tests.triptych.cli.commands import (
    HEADER,
    charge,
    invoke,
    new_workspace,
    start,
)
from triptych.cli.run_commands import ai_cost
from triptych.core.lock import hold_run_lock
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.workspace import Workspace

pytestmark = pytest.mark.usefixtures("no_variables_of_the_machine")


def test_each_step_of_a_run_is_a_line_of_json_with_its_id(published: Path) -> None:
    text = (published / "runs" / "stderr.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    [run_id] = {line["run_id"] for line in lines}
    assert (published / "runs" / run_id / "run.json").is_file()
    states = [line["state"] for line in lines if line["event"] == "run"]
    assert states == ["ingesting", "ingested", "building", "published"]
    steps = [line for line in lines if line["event"] == "step"]
    assert {line["outcome"] for line in steps} == {"done"}
    done = {line["step"]: line for line in steps}
    assert {"build", "estimate", "publish"} <= set(done)
    # Every model and test of the project is counted.
    assert done["build"]["count"] > 100
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_a_second_ingest_commits_nothing(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"), charge("2"))

    first = json.loads(invoke("ingest", "-w", workspace.root, "--json").stdout)
    second = json.loads(invoke("ingest", "-w", workspace.root, "--json").stdout)

    assert [load["row_count"] for load in first["committed"]] == [2]
    assert (second["committed"], second["skipped_count"]) == ([], 1)


def test_a_source_that_fails_ends_with_3_and_says_which_file(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))
    broken = workspace.root / "bills" / "broken.csv.gz"
    broken.write_bytes(b"\x1f\x8b\x08\x00truncated")

    result = invoke("ingest", "-w", workspace.root)

    assert result.exit_code == 3
    assert "broken.csv.gz" in result.stderr
    assert "Traceback" not in result.stderr
    assert "bills: 1 new load, 1 row\n" in result.stdout


@pytest.mark.parametrize(
    ("content", "code"), [(HEADER.encode(), 0), (b"", 3), (b"\x1f\x8b\x08", 3)]
)
def test_a_delivery_that_holds_nothing_or_is_refused_was_offered(
    tmp_path: Path, content: bytes, code: int
) -> None:
    workspace = new_workspace(tmp_path / "w")
    [bill] = (workspace.root / "bills").glob("*.csv")
    bill.unlink()
    nothing = invoke("ingest", "-w", workspace.root)
    bill.write_bytes(content)
    result = invoke("ingest", "-w", workspace.root)
    assert "No source offered anything." in nothing.stdout
    assert (result.exit_code, "offered" in result.stdout) == (code, False)


def test_keep_going_publishes_what_there_is_and_still_ends_with_3(
    published: Path, tmp_path: Path
) -> None:
    workspace = Workspace(Path(shutil.copytree(published, tmp_path / "w")))
    before = workspace.pointer.read_text("utf-8")
    bills = workspace.root / "bills"
    january = HEADER + charge("7.25", model="eta") + charge("0.75")
    (bills / "january.csv").write_text(january, encoding="utf-8")
    (bills / "broken.csv.gz").write_bytes(b"\x1f\x8b\x08\x00cut")

    stopped = invoke("run", "-w", workspace.root)
    assert stopped.exit_code == 3
    assert workspace.pointer.read_text("utf-8") == before

    result = invoke("run", "--keep-going", "-w", workspace.root)
    assert result.exit_code == 3
    assert "Published run" in result.stdout
    # 0.75 of 8.00 is for no model.
    assert "2026-01: EUR 8.00 AI cost, 9.4% unallocated." in result.stdout
    assert "broken.csv.gz" in result.stderr
    ledger = "select sum(billed_cost) as c from cost.mart_cost_waterfall"
    answer = invoke("sql", f"{ledger} where step = 'ledger'", "-w", workspace.root)
    assert "8.0000000000" in answer.stdout


def test_what_rounding_left_of_a_bill_is_no_ai_cost_and_no_zero_is_negative() -> None:
    left = {
        "currency": "USD",
        "ai_cost": Decimal("-0.0000000002"),
        "unallocated_cost_ratio": None,
    }
    remainder = {"billing_month": "2026-05", "component": "remainder"}
    assert ai_cost(left, [remainder]) == "2026-05: no charge is AI cost yet."
    parts = [remainder, remainder | {"component": "direct"}]
    assert ai_cost(left, parts) == "2026-05: USD 0.00 AI cost."


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["ingest", "nobody"], "There is no source 'nobody'. Known sources: bills."),
        (["run", "--threads", "many"], "--threads: warehouse.threads is 'many'"),
        (["build", "--memory-limit", "much"], "--memory-limit: warehouse.memory_limit"),
        (
            ["ingest", "--from", "2026-02-01", "--to", "2026-02-01"],
            "--to 2026-02-01 is not after --from 2026-02-01.",
        ),
        (["quarantine", "retry", "nobody"], "There is no source 'nobody'."),
    ],
)
def test_a_wrong_flag_is_told_before_anything_is_done(
    tmp_path: Path, arguments: list[str], text: str
) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))

    result = invoke(*arguments, "-w", workspace.root)

    assert result.exit_code == 2
    told = result.stderr.removeprefix(f"triptych {arguments[0]}: ")
    assert told.startswith(text)
    assert not workspace.raw_database.exists()
    assert list(workspace.runs_dir.glob("*/run.json")) == []


def test_a_second_run_says_who_holds_the_lock_and_ends_with_7(tmp_path: Path) -> None:
    workspace = new_workspace(tmp_path / "w", charge("1"))

    with hold_run_lock(workspace.lock_file):
        result = invoke("run", "-w", workspace.root)

    assert result.exit_code == 7
    assert f"process {os.getpid()}" in result.stderr


def test_what_is_unexpected_is_one_line_and_a_traceback_only_with_v(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = new_workspace(tmp_path / "w")

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("triptych.service.status.status", fail)
    quiet = invoke("status", "-w", workspace.root)
    loud = invoke("status", "-v", "-w", workspace.root)

    assert (quiet.exit_code, loud.exit_code) == (1, 1)
    assert len(quiet.stderr.splitlines()) == 1
    assert quiet.stderr.startswith("Something unexpected went wrong: OSError: ")
    assert "Traceback (most recent call last)" in loud.stderr


def test_a_catalogue_that_is_no_database_says_how_it_is_recovered(
    tmp_path: Path,
) -> None:
    workspace = new_workspace(tmp_path / "w")
    workspace.raw_database.write_bytes(b"this is not a database" * 1000)
    refused = invoke("status", "-w", workspace.root)
    assert refused.exit_code == 3
    assert str(workspace.raw_database) in refused.stderr
    assert "triptych recover" in refused.stderr


#: Both are handled alike; the second is pressed in test_cli.py in the fast layer, too.
_BOTH = ((signal.SIGTERM, 143, "by SIGTERM"), (signal.SIGINT, 130, "by Ctrl-C"))
SIGNALS = _BOTH if IS_FULL else _BOTH[:1]


def stopped(workspace: Workspace, number: signal.Signals) -> tuple[int, str]:
    """Send a signal to a run that builds; return its exit code and what it told."""
    with start("run", "-w", workspace.root) as process:
        assert process.stderr is not None
        while "build" not in process.stderr.readline():
            assert process.poll() is None
        os.killpg(process.pid, number)
        _, told = process.communicate(timeout=60)
    return process.returncode, told


@pytest.fixture
def restated(published: Path, tmp_path: Path) -> Workspace:
    """Return the workspace with another bill of January, which no run has read."""
    workspace = Workspace(Path(shutil.copytree(published, tmp_path / "w")))
    january = HEADER + charge("1", model="eta")
    (workspace.root / "bills" / "january.csv").write_text(january, encoding="utf-8")
    return workspace


def test_a_run_that_is_stopped_or_killed_is_done_again_and_nothing_is_lost_or_doubled(
    restated: Workspace,
) -> None:
    """30.75 of the bill before is published until 1.00 of the new one is."""
    workspace = restated
    assert stopped(workspace, signal.SIGKILL)[0] == -signal.SIGKILL
    assert ledger_of(workspace) == Decimal("30.7500000001")

    for number, code, words in SIGNALS:
        ended, told = stopped(workspace, number)
        assert ended == code
        assert "Traceback" not in told
        assert told.splitlines()[-1] == (
            f"triptych run: Stopped {words} before it was done. What is published"
            " stays, and nothing is counted twice: run the same command again."
        )
        health = invoke("health", "-w", workspace.root, "--json")
        assert words in json.loads(health.stdout)["reasons"][0]
    assert invoke("run", "-w", workspace.root).exit_code == 0
    assert ledger_of(workspace) == 1
    loads = invoke(
        "sql", "FROM core.mart_loads", "-w", workspace.root, "--format", "json"
    )
    assert len(json.loads(loads.stdout)) == 2


def ledger_of(workspace: Workspace) -> Decimal:
    """Return all that is published of bills."""
    snapshot = PublishedReader(workspace.root).snapshot()
    query = "SELECT sum(billed_cost) AS c FROM cost.mart_cost_waterfall"
    [row] = snapshot.query(f"{query} WHERE step = 'ledger'").to_pylist()
    return Decimal(row["c"])


def test_what_triptych_writes_is_its_users_alone(tmp_path: Path) -> None:
    with start("init", tmp_path / "w") as process:
        process.communicate(timeout=60)
    assert modes(tmp_path / "w", "triptych.yml", "budgets.csv") == {0o600}
    assert modes(tmp_path / "w", ".", "bills", "studies") == {0o700}


def test_a_run_takes_from_others_what_was_there_before(
    published: Path, tmp_path: Path
) -> None:
    older = Path(shutil.copytree(published, tmp_path / "w"))
    for name in ("lake", "warehouse", "raw.duckdb"):
        (older / name).chmod(0o755)
    assert invoke("run", "-w", older).exit_code == 0
    assert modes(older, "lake", "warehouse", "runs") == {0o700}
    assert modes(older, "raw.duckdb") == {0o600}


def modes(folder: Path, *names: str) -> set[int]:
    return {(folder / name).stat().st_mode & 0o777 for name in names}
