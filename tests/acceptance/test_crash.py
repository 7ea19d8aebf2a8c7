"""A run may die at any moment; what is published stays whole.

A workspace goes back and forth between two states of its deliveries. Each time the
run that brings the new state is killed, with everything it started, at a moment of
its own. What is published then must be the old state or the new one, to the last
row, and the next run must end where an undisturbed run ends. What the two states
hold is known from undisturbed runs in another workspace, and their totals from the
delivered files alone.

Two moments belong to ``make test-full``, fifty to ``-m crash``. The fast layer kills a
run of a smaller company (``tests/campaigns``).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks.generate import generate, restate_month
from benchmarks.measure import process_tree
from triptych.core.warehouse.reader import NothingPublishedError, PublishedReader

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.timeout(3600)

MONTHS = ("2025-10", "2025-11", "2025-12")
VENDORS = {"vendor-a": 2_400, "vendor-b": 1_600}
SEED = 20_260_101
NOTHING = "nothing published"

TRIPTYCH_YML = """\
organisation: Crash test
currency: USD
synthetic: true
sources:
  - {name: vendor-a, type: focus_files, path: bills/vendor-a}
  - {name: vendor-b, type: focus_files, path: bills/vendor-b}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
"""
ALLOCATION_YML = """\
scope:
  - {name: all charges, match: {}}
assignments:
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
  - {name: gpu cluster, match: {tags: {cluster: gpu}}, pool: gpu-cluster}
pools:
  - {name: gpu-cluster, driver: gpu_hours, idle: show}
"""
#: What differs between two runs over the same evidence.
VOLATILE_TABLES = {"mart_run", "mart_loads", "mart_source_freshness"}
VOLATILE_COLUMNS = {"run_id", "first_seen_at", "last_seen_at"}

Content = dict[str, str]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Two states of the same files, and what each bills per source."""

    folders: dict[str, Path]
    billed: dict[str, dict[str, Decimal]]

    def put(self, state: str, workspace: Path) -> None:
        """Deliver a state into the workspace, over what was there."""
        shutil.copytree(self.folders[state], workspace, dirs_exist_ok=True)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What runs that nobody killed came to."""

    content: dict[str, Content]
    old_workspace: Path
    first_run_seconds: float
    next_run_seconds: float

    def copy_of_old(self, target: Path) -> Path:
        """Return a workspace in which the old state is published."""
        return shutil.copytree(self.old_workspace, target)


@dataclass(frozen=True, slots=True)
class Kill:
    """When a run was killed and what had been going on."""

    seconds: float
    state: str
    published: str


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Deliveries:
    root = tmp_path_factory.mktemp("deliveries")
    folders = {"old": root / "old", "new": root / "new"}
    for index, (vendor, rows) in enumerate(VENDORS.items()):
        data = root / vendor
        generate(data, rows=rows, seed=index, month_count=len(MONTHS))
        for state, folder in folders.items():
            shutil.copytree(data / "bills", folder / "bills" / vendor)
            restated = MONTHS[1:] if state == "new" else ()
            for month in restated:
                target = folder / "bills" / vendor / f"{month}.parquet"
                target.unlink()
                restate_month(data, month=month, target=target)
            shutil.copy(data / "usage.csv", folder / "usage.csv")
    _change_the_meter(folders["new"] / "usage.csv")
    billed = {state: _billed(folder) for state, folder in folders.items()}
    assert billed["old"] != billed["new"]
    return Deliveries(folders, billed)


@pytest.fixture(scope="module")
def undisturbed(
    deliveries: Deliveries, tmp_path_factory: pytest.TempPathFactory
) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    old = _workspace(folder / "old", deliveries, "old")
    first_run_seconds = _run(old)
    content = {"old": content_of(old)}
    assert billed_by_source(old) == deliveries.billed["old"]
    new = shutil.copytree(old, folder / "new")
    deliveries.put("new", new)
    next_run_seconds = _run(new)
    content["new"] = content_of(new)
    assert billed_by_source(new) == deliveries.billed["new"]
    assert content["old"] != content["new"]
    return Undisturbed(content, old, first_run_seconds, next_run_seconds)


def parts_of_a_run(count: int) -> list[float]:
    """Return one random moment of each of ``count`` equal stretches, shuffled."""
    chance = random.Random(SEED)
    drawn = [(stretch + chance.random()) / count for stretch in range(count)]
    chance.shuffle(drawn)
    return drawn


@pytest.mark.full
@pytest.mark.parametrize(
    "parts",
    [(0.3, 0.8), pytest.param(parts_of_a_run(50), marks=pytest.mark.crash)],
    ids=len,
)
def test_a_run_killed_at_any_moment_leaves_whole_data_and_the_next_run_finishes(
    parts: Sequence[float],
    deliveries: Deliveries,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    """The second kill is on the way back: the old state comes out as it was."""
    workspace = undisturbed.copy_of_old(tmp_path / "workspace")
    seconds = undisturbed.next_run_seconds
    kills = []
    before, after = "old", "new"
    for part in parts:
        moment = part * seconds
        kill = _kill_once(workspace, deliveries, (before, after), moment, undisturbed)
        kills.append(kill)
        assert kill.published in {before, after}, f"after a kill at {moment:.2f} s"
        # The machine may have become slower or faster: the next moment follows it.
        seconds = _run(workspace)
        assert content_of(workspace) == undisturbed.content[after]
        assert billed_by_source(workspace) == deliveries.billed[after]
        assert _current_load_count(workspace) == len(VENDORS) * len(MONTHS) + 1
        before, after = after, before
    _report(kills)
    # Of several moments one is in the build, which is the longest part of a run.
    assert len(parts) == 1 or any(kill.state == "building" for kill in kills)


@pytest.mark.full
@pytest.mark.parametrize(
    "parts",
    [(0.6,), pytest.param(parts_of_a_run(6), marks=pytest.mark.crash)],
    ids=len,
)
def test_a_first_run_that_is_killed_publishes_nothing_or_everything(
    parts: Sequence[float],
    deliveries: Deliveries,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    for index, part in enumerate(parts):
        workspace = _workspace(tmp_path / str(index), deliveries, "old")
        _kill_after(workspace, part * undisturbed.first_run_seconds)
        assert _published_state(workspace, undisturbed) in {NOTHING, "old"}
        _run(workspace)
        assert content_of(workspace) == undisturbed.content["old"]
        assert billed_by_source(workspace) == deliveries.billed["old"]


@pytest.mark.crash
def test_a_run_killed_while_it_publishes_moves_all_or_nothing(
    deliveries: Deliveries, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    workspace = undisturbed.copy_of_old(tmp_path / "workspace")
    chance = random.Random(SEED)
    before, after = "old", "new"
    for _ in range(6):
        deliveries.put(after, workspace)
        published = workspace / "warehouse" / "published"
        known = set(published.iterdir())
        process = _start(workspace)

        while set(published.iterdir()) == known:
            _assert_is_running(process)
        time.sleep(chance.uniform(0, 0.15))
        _kill_tree(process)
        assert _published_state(workspace, undisturbed) in {before, after}
        _run(workspace)
        assert content_of(workspace) == undisturbed.content[after]
        before, after = after, before


@pytest.mark.crash
def test_an_orphaned_dbt_does_not_spoil_the_next_run(
    deliveries: Deliveries, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    workspace = undisturbed.copy_of_old(tmp_path / "workspace")
    before, after = "old", "new"
    for delay in (0.1, 1.0, 2.0):
        deliveries.put(after, workspace)
        # A run starts dbt only for what it has no compiled statements of.
        process = _start(workspace, XDG_CACHE_HOME=str(tmp_path / f"cache-{delay}"))
        while not (orphans := _dbt_pids(process.pid)):
            _assert_is_running(process)
        time.sleep(delay)
        process.kill()
        process.wait()
        assert _published_state(workspace, undisturbed) in {before, after}
        _run(workspace)
        assert content_of(workspace) == undisturbed.content[after]
        assert billed_by_source(workspace) == deliveries.billed[after]
        _end(orphans)
        before, after = after, before


def content_of(workspace: Path) -> Content:
    """Return a hash per published table over what does not name the run itself."""
    snapshot = PublishedReader(workspace).snapshot()
    columns: dict[tuple[str, str], list[str]] = {}
    for row in snapshot.query(
        "SELECT table_schema, table_name, column_name FROM information_schema.columns"
        " WHERE table_catalog = 'published' AND table_schema IN ('core', 'cost')"
        " ORDER BY ALL"
    ).to_pylist():
        if row["table_name"] in VOLATILE_TABLES:
            continue
        if row["column_name"] not in VOLATILE_COLUMNS:
            key = row["table_schema"], row["table_name"]
            columns.setdefault(key, []).append(f'"{row["column_name"]}"')
    assert ("cost", "fct_daily_model_costs") in columns
    content = {}
    for (schema, table), names in columns.items():
        # In whatever order they stand: the hashes of rows are added.
        [found] = snapshot.query(
            "SELECT count(*) AS row_count, sum(hash(t)::HUGEINT)::VARCHAR AS digest"
            f" FROM (SELECT {', '.join(names)} FROM {schema}.{table}) AS t"
        ).to_pylist()
        content[f"{schema}.{table}"] = f"{found['row_count']} rows, {found['digest']}"
    return content


def billed_by_source(workspace: Path) -> dict[str, Decimal]:
    """Return the published billed cost per source, over all components."""
    rows = (
        PublishedReader(workspace)
        .snapshot()
        .query(
            "SELECT source, sum(billed_cost) AS billed FROM cost.fct_daily_model_costs"
            " GROUP BY source"
        )
    )
    return {row["source"]: row["billed"] for row in rows.to_pylist()}


def _billed(folder: Path) -> dict[str, Decimal]:
    return {
        vendor: _single(
            "SELECT sum(BilledCost) FROM"
            f" read_parquet('{folder}/bills/{vendor}/*.parquet')"
        )
        for vendor in VENDORS
    }


def _change_the_meter(usage: Path) -> None:
    changed = usage.with_suffix(".changed")
    duckdb.connect().execute(
        "COPY (SELECT * REPLACE (CASE WHEN model_id < 'model-100'"
        f" THEN gpu_seconds * 2 ELSE gpu_seconds END AS gpu_seconds) FROM '{usage}')"
        f" TO '{changed}' (FORMAT csv, HEADER)"
    )
    changed.replace(usage)


def _workspace(folder: Path, deliveries: Deliveries, state: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "triptych.yml").write_text(TRIPTYCH_YML, "utf-8")
    (folder / "allocation.yml").write_text(ALLOCATION_YML, "utf-8")
    deliveries.put(state, folder)
    return folder


def _kill_once(
    workspace: Path,
    deliveries: Deliveries,
    states: tuple[str, str],
    moment: float,
    undisturbed: Undisturbed,
) -> Kill:
    """Kill a run at ``moment``, or earlier if it turned out to be over by then."""
    before, after = states
    while True:
        deliveries.put(after, workspace)
        state = _kill_after(workspace, moment)
        if state is not None:
            published = _published_state(workspace, undisturbed)
            return Kill(moment, state, published)
        deliveries.put(before, workspace)
        _run(workspace)
        moment *= 0.9


def _kill_after(workspace: Path, seconds: float) -> str | None:
    """Kill a run; return the state it was in, or ``None`` if the run was over."""
    before = {record.parent for record in workspace.glob("runs/*/run.json")}
    process = _start(workspace)
    try:
        exit_code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill_tree(process)
        for record in workspace.glob("runs/*/run.json"):
            if record.parent not in before:
                return str(json.loads(record.read_text("utf-8"))["state"])
        return "starting"
    assert exit_code == 0
    return None


def _start(workspace: Path, **variables: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _command(workspace),
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    # Whatever left the group is found as a descendant, before its parent is gone.
    descendants = process_tree(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _end(descendants)


def _end(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
        assert time.monotonic() < deadline, "a killed process is still there"
        time.sleep(0.01)


def _dbt_pids(pid: int) -> list[int]:
    return [child for child in process_tree(pid)[1:] if "dbt" in _command_line(child)]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _assert_is_running(process: subprocess.Popen[bytes]) -> None:
    assert process.poll() is None, "the run was over before it could be killed"
    time.sleep(0.001)


def _run(workspace: Path) -> float:
    started = time.monotonic()
    finished = subprocess.run(
        _command(workspace), capture_output=True, check=False, text=True
    )
    assert finished.returncode == 0, finished.stderr + finished.stdout
    return time.monotonic() - started


def _command(workspace: Path) -> list[str]:
    return [sys.executable, "-m", "triptych", "run", "--workspace", str(workspace)]


def _published_state(workspace: Path, undisturbed: Undisturbed) -> str:
    try:
        content = content_of(workspace)
    except NothingPublishedError:
        return NOTHING
    for state, known in undisturbed.content.items():
        if content == known:
            return state
    return f"neither state: {content}"


def _current_load_count(workspace: Path) -> int:
    rows = (
        PublishedReader(workspace)
        .snapshot()
        .query("SELECT count(*) AS n FROM core.mart_loads WHERE status = 'current'")
    )
    count: int = rows.to_pylist()[0]["n"]
    return count


def _single(query: str) -> Decimal:
    ((amount,),) = duckdb.connect().execute(query).fetchall()
    return Decimal(amount)


def _report(kills: list[Kill]) -> None:
    building = sum(kill.state == "building" for kill in kills)
    times = ", ".join(f"{kill.seconds:.2f}" for kill in kills)
    print(f"{len(kills)} kills, {building} while it built; at [s]: {times}")  # noqa: T201
