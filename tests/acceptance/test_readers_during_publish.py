"""Readers keep reading while runs are published: no error, no mix, nothing stale.

Threads that share a reader, as a dashboard's sessions do, a thread with a reader of
its own and a second process ask the same questions over and over while runs are
published, twenty of them in the full layer. Each run bills one dollar more than the one
before, so every answer names its run; what was asked after a publish must know it.

BI tools read Parquet and DuckDB files in ``published/current`` meanwhile.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest

from benchmarks.generate import generate
from tests.e2e.cases.closing_case import LEDGER, copy_of_reconciled_company
from tests.layers import IS_FULL
from triptych.core.settings import BiSettings
from triptych.core.warehouse.bi_files import BiFolder
from triptych.core.warehouse.publish import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from tests.conftest import BuiltWorkspaces

pytestmark = pytest.mark.timeout(1800)

ROOT = Path(__file__).resolve().parents[2]
PUBLISH_COUNT = 20 if IS_FULL else 2
KEPT_RUNS = 2
SHARING_THREADS = 3 if IS_FULL else 2
#: Between two questions of a reader [s]: one or two to a publish in the fast layer.
PAUSE = 0.02 if IS_FULL else 0.5
ROWS = 600
#: What the steps of the waterfall below the ledger add up to.
IN_SCOPE = "SELECT sum(billed_cost) FROM cost.mart_cost_waterfall WHERE step NOT IN"
IN_SCOPE += " ('ledger', 'out_of_scope')"

TRIPTYCH_YML = f"""\
organisation: Readers
currency: USD
synthetic: true
sources:
  - {{name: bills, type: focus_files, path: bills}}
  - {{name: corrections, type: tables, stream: focus, path: corrections.csv}}
warehouse: {{keep_runs: {KEPT_RUNS}}}
"""
ALLOCATION_YML = """\
assignments:
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
"""
CORRECTION_CSV = """\
BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,\
ChargePeriodEnd,ChargeCategory,ChargeClass
{dollars},{dollars},USD,2025-10-01,2025-10-05,2025-10-06,Usage,Correction
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one snapshot said, and when it was asked for (monotonic seconds)."""

    asked_at: float
    run_id: str
    mart_run_id: str
    daily_total: Decimal
    waterfall_total: Decimal
    line_item_total: Decimal


@dataclass(frozen=True, slots=True)
class Publish:
    """A run that was published, with the total it must show from then on."""

    done_at: float
    total: Decimal


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    generate(folder, rows=ROWS, seed=5, month_count=2)
    (folder / "triptych.yml").write_text(TRIPTYCH_YML, "utf-8")
    (folder / "allocation.yml").write_text(ALLOCATION_YML, "utf-8")
    _correct(folder, dollars=0)
    _run(folder)
    return folder


@pytest.fixture
def base(workspace: Path) -> Decimal:
    row = (
        duckdb.connect()
        .execute(
            f"SELECT sum(BilledCost) FROM read_parquet('{workspace}/bills/*.parquet')"
        )
        .fetchone()
    )
    assert row is not None
    total: Decimal = row[0]
    return total


def test_readers_see_whole_runs_while_files_are_published(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    """March and April of the company: 7.00 of mail is out of scope."""
    workspace = copy_of_reconciled_company(built_workspaces, tmp_path / "company").root
    base, line_items = LEDGER + 5 - 7, Decimal(195)

    def publish_next(number: int) -> None:
        run_id = f"29990101T{number:06d}Z"
        build_database = workspace / "warehouse" / "build.duckdb"
        _pretend_to_build(build_database, run_id)
        published = publish(
            build_database=build_database,
            raw_database=workspace / "raw.duckdb",
            published_dir=workspace / "warehouse" / "published",
            pointer=workspace / "warehouse" / "CURRENT",
            run_id=run_id,
            keep_runs=KEPT_RUNS,
        )
        folder.refresh(published)

    folder = BiFolder(
        workspace / "published",
        BiSettings(formats=("parquet", "duckdb")),
        keep_runs=PUBLISH_COUNT,
    )
    folder.refresh(PublishedReader(workspace).current_path())
    bi_answers: list[Answer] = []
    answers, publishes = _read_while_publishing(
        workspace, base, publish_next, lambda: bi_answers.extend(ask_files(folder))
    )
    _assert_whole_and_fresh(answers, publishes, base)
    assert all(answer.line_item_total == line_items for answer in answers)
    # One whole run each; files are refreshed just after a run is published.
    _assert_whole(bi_answers)
    totals = {answer.daily_total - base for answer in bi_answers}
    assert len(totals) > PUBLISH_COUNT // 2
    assert totals <= {Decimal(number) for number in range(PUBLISH_COUNT + 1)}


@pytest.mark.crash
def test_readers_see_whole_runs_while_runs_are_published(
    workspace: Path, base: Decimal
) -> None:
    def run_next(number: int) -> None:
        _correct(workspace, dollars=number)
        _run(workspace)

    answers, publishes = _read_while_publishing(workspace, base, run_next)
    _assert_whole_and_fresh(answers, publishes, base)
    assert all(answer.line_item_total == answer.daily_total for answer in answers)


def _read_while_publishing(
    workspace: Path,
    base: Decimal,
    publish_next: Callable[[int], None],
    read_files: Callable[[], None] = lambda: None,
) -> tuple[list[Answer], list[Publish]]:
    answers: list[Answer] = []
    problems: list[BaseException] = []
    publishes = [Publish(time.monotonic(), base)]
    stop = workspace / "stop"
    threads = [
        threading.Thread(target=_collect, args=(answers, problems, reader, stop))
        for reader in _readers(workspace)
    ]
    threads.append(threading.Thread(target=_repeat, args=(read_files, problems, stop)))
    out = workspace / "answers.json"
    process = _start_reader_process(workspace, stop, out)
    _wait_until_it_reads(out, process)
    for thread in threads:
        thread.start()
    try:
        for number in range(1, PUBLISH_COUNT + 1):
            publish_next(number)
            publishes.append(Publish(time.monotonic(), base + number))
            fresh = ask(PublishedReader(workspace))
            assert fresh.daily_total == base + number
    finally:
        stop.touch()
        for thread in threads:
            thread.join()
        _, errors = process.communicate(timeout=60)
    assert not problems, problems
    assert process.returncode == 0, errors.decode()
    seen_elsewhere = _load_answers(out)
    assert len({answer.run_id for answer in seen_elsewhere}) > 1
    return answers + seen_elsewhere, publishes


def _assert_whole_and_fresh(
    answers: list[Answer], publishes: list[Publish], base: Decimal
) -> None:
    _assert_whole(answers)
    for answer in answers:
        known_then = [p.total for p in publishes if p.done_at <= answer.asked_at]
        assert answer.daily_total >= max(known_then)
    seen = {answer.daily_total - base for answer in answers}
    assert seen <= {Decimal(number) for number in range(PUBLISH_COUNT + 1)}
    assert len(seen) > PUBLISH_COUNT // 2
    assert max(seen) == PUBLISH_COUNT


def _assert_whole(answers: list[Answer]) -> None:
    totals_of_run: dict[str, set[Decimal]] = {}
    for answer in answers:
        assert answer.run_id == answer.mart_run_id
        assert answer.daily_total == answer.waterfall_total
        totals_of_run.setdefault(answer.run_id, set()).add(answer.daily_total)
    assert all(len(totals) == 1 for totals in totals_of_run.values())


def ask_files(folder: BiFolder) -> list[Answer]:
    """Ask the Parquet files of one folder, and the DuckDB file by its stable name."""
    pinned = folder.current.resolve()
    # Stable names are there at any time, of whichever run.
    pl.read_parquet(folder.current / "cost" / "mart_cost_waterfall.parquet")
    with duckdb.connect() as files:
        for schema, mart in (
            ("core", "mart_run"),
            ("cost", "fct_daily_model_costs"),
            ("cost", "mart_cost_waterfall"),
        ):
            files.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            files.execute(
                f"CREATE VIEW {schema}.{mart} AS"
                f" FROM read_parquet('{pinned}/{schema}/{mart}.parquet')"
            )
        of_parquet = _ask_connection(files, pinned.name)
    with duckdb.connect(folder.current / "triptych.duckdb", read_only=True) as database:
        run_id = database.execute("SELECT run_id FROM core.mart_run").fetchall()[0][0]
        return [of_parquet, _ask_connection(database, run_id)]


def _ask_connection(connection: duckdb.DuckDBPyConnection, run_id: str) -> Answer:
    asked_at = time.monotonic()
    rows = connection.execute(
        "SELECT (SELECT run_id FROM core.mart_run),"
        f" (SELECT sum(billed_cost) FROM cost.fct_daily_model_costs), ({IN_SCOPE})"
    ).fetchall()
    mart_run_id, daily, waterfall = rows[0]
    return Answer(asked_at, run_id, mart_run_id, daily, waterfall, daily)


def ask(reader: PublishedReader) -> Answer:
    """Ask one snapshot for its run and for the same total in three ways."""
    asked_at = time.monotonic()
    snapshot = reader.snapshot()
    return Answer(
        asked_at,
        snapshot.run_id,
        _only(snapshot.query("SELECT run_id FROM core.mart_run")),
        _only(
            snapshot.query("SELECT sum(billed_cost) FROM cost.fct_daily_model_costs")
        ),
        _only(snapshot.query(IN_SCOPE)),
        _only(snapshot.query_line_items("SELECT sum(billed_cost) FROM line_items")),
    )


def _only(table: pa.Table) -> Any:
    (row,) = table.to_pylist()
    (value,) = row.values()
    return value


def _readers(workspace: Path) -> list[PublishedReader]:
    shared = PublishedReader(workspace)
    return [shared] * SHARING_THREADS + [PublishedReader(workspace)]


def _collect(
    answers: list[Answer],
    problems: list[BaseException],
    reader: PublishedReader,
    stop: Path,
) -> None:
    _repeat(lambda: answers.append(ask(reader)), problems, stop)


def _repeat(
    action: Callable[[], None], problems: list[BaseException], stop: Path
) -> None:
    try:
        is_over = False
        while not is_over:
            is_over = stop.exists()  # and asked once more: the newest must be seen
            action()
            time.sleep(0 if is_over else PAUSE)
    except BaseException as problem:  # noqa: BLE001  (a thread's error would be lost)
        problems.append(problem)


def _start_reader_process(
    workspace: Path, stop: Path, out: Path
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, __file__, str(workspace), str(stop), str(out)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _wait_until_it_reads(out: Path, process: subprocess.Popen[bytes]) -> None:
    while not out.with_name("reading").exists():
        assert process.poll() is None
        time.sleep(0.05)


def _read_in_this_process(workspace: Path, stop: Path, out: Path) -> None:
    answers: list[Answer] = [ask(PublishedReader(workspace))]
    out.with_name("reading").touch()
    problems: list[BaseException] = []
    _collect(answers, problems, PublishedReader(workspace), stop)
    rows = [[str(getattr(a, name)) for name in Answer.__slots__] for a in answers]
    out.write_text(json.dumps(rows), "utf-8")
    if problems:
        raise problems[0]


def _load_answers(path: Path) -> list[Answer]:
    return [
        Answer(float(row[0]), row[1], row[2], *(Decimal(text) for text in row[3:]))
        for row in json.loads(path.read_text("utf-8"))
    ]


def _correct(workspace: Path, *, dollars: int) -> None:
    text = CORRECTION_CSV.format(dollars=dollars)
    (workspace / "corrections.csv").write_text(text, "utf-8")


def _pretend_to_build(build_database: Path, run_id: str) -> None:
    """Do to the marts what a run with a bill one dollar higher would do."""
    with duckdb.connect(str(build_database)) as connection:
        connection.execute("UPDATE core.mart_run SET run_id = ?", [run_id])
        connection.execute(
            "UPDATE cost.fct_daily_model_costs SET billed_cost = billed_cost + 1"
            " WHERE rowid = (SELECT min(rowid) FROM cost.fct_daily_model_costs)"
        )
        connection.execute(
            "UPDATE cost.mart_cost_waterfall SET billed_cost = billed_cost + 1"
            " WHERE rowid = (SELECT min(rowid) FROM cost.mart_cost_waterfall"
            " WHERE step = 'direct')"
        )


def _run(workspace: Path) -> None:
    # The process that only reads loads none of this.
    from triptych.core.progress import SilentProgress
    from triptych.core.settings import load_settings
    from triptych.core.workspace import Workspace
    from triptych.run import pipeline

    settings = load_settings(workspace)
    pipeline.run(Workspace(workspace), settings, progress=SilentProgress())


if __name__ == "__main__":
    _read_in_this_process(*(Path(argument) for argument in sys.argv[1:4]))
