"""Other people's tools read the files for BI while runs are published.

Superset 6.1 and DuckDB 1.1 run in an environment of their own (``.venv-bi``), DuckDB
2.0, pandas and polars in ours, and LibreOffice is the one of the machine. Each asks
over and over, and each run bills one dollar more than the one before.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.e2e.readers.bi_clients.asking import digest_of
from tests.e2e.readers.bi_clients.libre_office import PROGRAM
from triptych.core.settings import BiSettings
from triptych.core.warehouse.bi_files import BiFolder
from triptych.core.warehouse.publish import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = "tests.e2e.readers.bi_clients"
THEIRS = ROOT / ".venv-bi" / "bin" / "python"
PUBLISH_COUNT = 20
#: A client that starts late or is slow sees this many runs before it is over.
RUNS_TO_SEE = 3
_PATIENCE_SECONDS = 900

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not THEIRS.is_file(), reason="no .venv-bi: make bi-clients"),
    pytest.mark.skipif(PROGRAM is None, reason="LibreOffice Calc is not installed"),
]


@dataclass(slots=True)
class Client:
    """A program that asks until a file tells it to stop."""

    name: str
    process: subprocess.Popen[str]
    printed: Path
    out: Path
    answers: list[list[str]] = field(default_factory=list)

    def count_of_runs(self) -> int:
        text = self.printed.read_text("utf-8")
        self.answers = [
            json.loads(line)
            for line in text.splitlines(keepends=True)
            if line.startswith("[") and line.endswith("\n")
        ]
        return len({run_id for run_id, _, _ in self.answers})


@pytest.fixture
def workspace(sample_company: Path, tmp_path: Path) -> Path:
    """Return the parts of the sample company that publishing needs, to be changed."""
    names = ("warehouse", "lake", "raw.duckdb", "triptych.yml")
    root = tmp_path / "company"
    shutil.copytree(
        sample_company,
        root,
        ignore=lambda folder, entries: (
            set(entries) - set(names) if folder == str(sample_company) else set()
        ),
    )
    return root


def test_tools_read_whole_runs_while_files_are_published_and_every_digit_of_the_last(
    workspace: Path, tmp_path: Path
) -> None:
    folder = BiFolder(
        workspace / "published",
        BiSettings(formats=("parquet", "duckdb", "csv")),
        keep_runs=1000,
    )
    folder.refresh(PublishedReader(workspace).current_path())
    stop = tmp_path / "stop"
    clients = start_clients(folder.current, tmp_path, stop)
    totals: dict[str, Decimal] = {}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    number = 0
    while number < PUBLISH_COUNT or not all_saw_enough(clients):
        assert time.monotonic() < deadline, [c.name for c in clients]
        number += 1
        run_id, total = publish_a_dollar_more(workspace, folder, number)
        totals[run_id] = total
    stop.touch()
    for client in clients:
        assert client.process.wait(timeout=600) == 0, client.printed.read_text("utf-8")
        assert_whole(client, totals)

    asked, as_csv = (digests_of_sql(workspace, is_csv=each) for each in (False, True))
    assert len(asked) > 90
    for client in clients:
        content = json.loads(client.out.read_text("utf-8"))
        expected = as_csv if client.name == "libreoffice" else asked
        assert content["marts"] == expected, client.name
        if "chart" in content:
            # A chart of Superset, and the command, to the last digit.
            assert content["chart"] == cost_by_month(workspace)


def start_clients(current: Path, scratch: Path, stop: Path) -> list[Client]:
    def start(name: str, python: Path | str, script: str, *given: str) -> Client:
        printed, out = scratch / f"{name}.txt", scratch / f"{name}.json"
        with printed.open("w") as file:
            process = subprocess.Popen(
                [str(python), "-m", f"{CLIENTS}.{script}", *given, str(stop), str(out)],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                text=True,
            )
        return Client(name, process, printed, out)

    at = str(current)
    return [
        start("libreoffice", sys.executable, "files_client", "libreoffice", at),
        start(
            "superset",
            THEIRS,
            "superset_client",
            f"{at}/triptych.duckdb",
            str(scratch),
        ),
        start("duckdb 1.1", THEIRS, "files_client", "duckdb", at),
        start("duckdb 2.0", sys.executable, "files_client", "duckdb", at),
        start("pandas 2", THEIRS, "files_client", "pandas", at),
        start("pandas 3", sys.executable, "files_client", "pandas", at),
        start("polars", sys.executable, "files_client", "polars", at),
    ]


def all_saw_enough(clients: list[Client]) -> bool:
    for client in clients:
        seen = client.count_of_runs()
        assert client.process.poll() is None, client.printed.read_text("utf-8")
        if seen < RUNS_TO_SEE:
            return False
    return True


def publish_a_dollar_more(
    workspace: Path, folder: BiFolder, number: int
) -> tuple[str, Decimal]:
    """Publish what a run with a bill one dollar higher would; return run and total."""
    run_id = f"29990101T{number:06d}Z-0000"
    database = workspace / "warehouse" / "build.duckdb"
    with duckdb.connect(str(database)) as build:
        build.execute("UPDATE core.mart_run SET run_id = ?", [run_id])
        for mart, where in (
            ("cost.fct_daily_model_costs", "true"),
            ("cost.mart_cost_waterfall", "step = 'ledger'"),
        ):
            build.execute(
                f"UPDATE {mart} SET billed_cost = billed_cost + 1"
                f" WHERE rowid = (SELECT min(rowid) FROM {mart} WHERE {where})"
            )
        [(total,)] = build.execute(
            "SELECT sum(billed_cost) FROM cost.fct_daily_model_costs"
        ).fetchall()
    published = publish(
        build_database=database,
        raw_database=workspace / "raw.duckdb",
        published_dir=workspace / "warehouse" / "published",
        pointer=workspace / "warehouse" / "CURRENT",
        run_id=run_id,
        keep_runs=3,
    )
    folder.refresh(published)
    return run_id, total


def assert_whole(client: Client, totals: dict[str, Decimal]) -> None:
    """Each answer is of one run, with its totals, and none is older than the last."""
    client.count_of_runs()
    answers = client.answers
    assert len({run_id for run_id, _, _ in answers}) >= RUNS_TO_SEE, client.name
    for run_id, daily, _ in answers:
        # The first run was published before the first dollar.
        assert Decimal(daily) == totals.get(run_id, Decimal(daily)), client.name
    apart = {Decimal(waterfall) - Decimal(daily) for _, daily, waterfall in answers}
    assert len(apart) == 1, client.name
    order = [run_id for run_id, _, _ in answers]
    assert order == sorted(order), client.name


def digests_of_sql(workspace: Path, *, is_csv: bool) -> dict[str, str]:
    """Return a digest of each mart as ``triptych sql`` has it."""
    folder = workspace / "published" / "current"
    described = json.loads((folder / "tables.json").read_text("utf-8"))["marts"]
    snapshot = PublishedReader(workspace).snapshot()

    def rows(mart: str) -> Iterator[list[object]]:
        for row in snapshot.query(f"FROM {mart}").to_pylist():
            # CSV has one word for nothing and for no text.
            yield [None if is_csv and v == "" else v for v in row.values()]

    return {mart: digest_of(rows(mart)) for mart in described}


def cost_by_month(workspace: Path) -> dict[str, str]:
    """Return what ``triptych sql`` says, as a person would ask it."""
    query = (
        "SELECT billing_month, sum(billed_cost) AS billed"
        " FROM cost.fct_daily_model_costs GROUP BY billing_month"
    )
    command = [sys.executable, "-m", "triptych", "sql", "-w", str(workspace)]
    finished = subprocess.run(
        [*command, "--json", query],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return {row["billing_month"]: row["billed"] for row in json.loads(finished.stdout)}
