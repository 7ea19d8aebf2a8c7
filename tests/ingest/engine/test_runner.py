"""What an ingest costs, in counts: openings, transactions, views; and what it keeps."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import triptych.core.lake.catalogue
from ingest.connector import Delivery, LandingOptions, SourceConfig, Window
from ingest.engine.lake import HeldCatalogue
from ingest.engine.parquet_at_rest import ParquetAtRest
from ingest.engine.runner import EngineLimits, IngestReport, IngestRunner, LakePlaces
from ingest.sources.tables.connector import Tables, TablesConfig
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.evidence_views import replace_view
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ingest.connector import Connector

_RATES = "rate_date,from_currency,to_currency,rate\n"


def places(root: Path) -> LakePlaces:
    lake = root / "lake"
    return LakePlaces(root, lake, lake / ".staging", root / "raw.duckdb")


def ingest_all(
    root: Path, connectors: Sequence[Connector], run_id: str
) -> IngestReport:
    runner = IngestRunner(
        places(root),
        run_id=run_id,
        limits=EngineLimits("1GB", 1),
        progress=SilentProgress(),
    )
    return runner.run(connectors, Window())


def rates(root: Path, name: str, **options: Any) -> Tables:
    config = TablesConfig(
        name=name, type="tables", stream="fx_rates", path=name, **options
    )
    return Tables(config, root=root)


def write_rates(folder: Path, count: int, *, first: int = 0) -> None:
    """Write files of one row each; rate and day differ, so no two are the same."""
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        day = f"2026-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}"
        text = f"{_RATES}{day},EUR,USD,{number + 1}.5\n"
        (folder / f"rate-{number:04d}.csv").write_text(text)


def ask(root: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(root / "raw.duckdb"), read_only=True) as raw:
        raw.execute(f"SET file_search_path = '{root}'")
        return raw.execute(sql).fetchall()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often the catalogue is opened and a view is written."""
    counts: Counter[str] = Counter()
    replace = replace_view

    def counting_connect(path: Path, *, root: Path) -> Any:
        counts["openings"] += 1
        return connect(path, root=root)

    def counting_replace(connection: Any, view: Any) -> None:
        counts["views"] += 1
        replace(connection, view)

    monkeypatch.setattr(triptych.core.lake.catalogue, "connect", counting_connect)
    monkeypatch.setattr(triptych.core.lake.catalogue, "replace_view", counting_replace)
    return counts


def test_an_ingest_that_finds_nothing_new_opens_its_catalogue_once(
    tmp_path: Path, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow the machine is.
    monkeypatch.setattr(HeldCatalogue, "longest_hold_seconds", 600.0)
    names = [f"rates-{number}" for number in range(6)]
    for position, name in enumerate(names):
        write_rates(tmp_path / name, 2, first=2 * position)
    ingest_all(tmp_path, [rates(tmp_path, name) for name in names], "run-1")
    counted.clear()
    report = ingest_all(tmp_path, [rates(tmp_path, name) for name in names], "run-2")
    assert report.skipped_count == 12
    assert counted == {"openings": 1}


def test_many_deliveries_are_loads_of_their_own_in_few_transactions(
    tmp_path: Path, counted: Counter[str]
) -> None:
    write_rates(tmp_path / "rates", 60)
    ingest_all(tmp_path, [], "run-0")
    counted.clear()
    report = ingest_all(tmp_path, [rates(tmp_path, "rates")], "run-1")
    assert len(report.committed) == 60
    # One to see what is there; the rest by time, which depends on the machine.
    assert counted["openings"] <= 20
    assert counted["views"] <= counted["openings"]
    assert ask(
        tmp_path,
        "SELECT count(*), count(DISTINCT load_id), count(DISTINCT scope)"
        " FROM catalogue.loads WHERE status = 'current'",
    ) == [(60, 60, 60)]
    assert ask(
        tmp_path,
        "SELECT count(*), count(DISTINCT _load_id), sum(rate) FROM evidence.fx_rates",
    ) == [(60, 60, 60 * 61 // 2 + 30)]
    assert len(list((tmp_path / "lake/fx_rates/rates/all").iterdir())) == 60


def test_a_view_is_written_only_where_a_load_of_its_stream_is_new(
    tmp_path: Path, counted: Counter[str]
) -> None:
    write_rates(tmp_path / "rates", 3)
    (tmp_path / "budget.csv").write_text(
        "month,scope_type,scope_id,amount,currency\n2026-03-01,team,search,100,EUR\n"
    )
    budget = TablesConfig(
        name="budget", type="tables", stream="budgets", path="budget.csv"
    )
    sources = [rates(tmp_path, "rates"), Tables(budget, root=tmp_path)]
    report = ingest_all(tmp_path, sources, "run-1")
    assert report.failures == []
    counted.clear()
    write_rates(tmp_path / "rates", 2, first=3)
    ingest_all(tmp_path, sources, "run-2")
    assert counted["views"] == 1
    assert ask(tmp_path, "SELECT count(*) FROM evidence.fx_rates") == [(5,)]
    assert ask(tmp_path, "SELECT count(*) FROM evidence.budgets") == [(1,)]


def test_twins_and_successors_in_one_batch_are_judged_in_their_order(
    tmp_path: Path,
) -> None:
    """Of a.csv, b.csv with the same bytes, and c.csv: two loads and a note."""
    write_rates(tmp_path / "rates", 2)
    folder = tmp_path / "rates"
    (folder / "rate-0000b.csv").write_bytes((folder / "rate-0000.csv").read_bytes())
    report = ingest_all(tmp_path, [rates(tmp_path, "rates")], "run-1")
    assert len(report.committed) == 2
    assert ["duplicate delivery" in note for note in report.notes] == [True]
    assert ask(tmp_path, "SELECT sum(rate) FROM evidence.fx_rates") == [(4,)]


_LOOKING = """\
import sys
from pathlib import Path
from tests.ingest.engine.test_runner import ingest_all
from ingest.engine.registry import connector_class
root = Path(sys.argv[1])
sources = {
    "rates": {"type": "tables", "stream": "fx_rates", "path": "rates"},
    "bills": {"type": "focus_files", "path": "rates"},
    "events": {"type": "event_inbox"},
    "claude": {"type": "anthropic", "path": "rates"},
}
bound = []
for name, options in sources.items():
    class_ = connector_class(options["type"])
    bound.append(class_(class_.Config(name=name, **options), root=root))
ingest_all(root, bound[:1], "run-2")
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_an_ingest_that_finds_nothing_new_imports_nothing_to_read_with(
    tmp_path: Path,
) -> None:
    write_rates(tmp_path / "rates", 2)
    for file in (tmp_path / "rates").iterdir():
        os.utime(file, (0, 0))  # A file just written is looked at twice.
    ingest_all(tmp_path, [rates(tmp_path, "rates")], "run-1")
    imported = subprocess.run(
        [sys.executable, "-c", _LOOKING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout.split()
    assert "duckdb" in imported
    needless = {"pyarrow", "numpy", "pandas", "httpx", "stamina", "boto3", "google"}
    assert needless.isdisjoint(imported)


class _OfferedTwice(Tables):
    """Offers each file twice, with other content the second time."""

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        for delivery in super().deliveries(window):
            yield delivery
            path: Any = delivery.detail
            text = path.read_text().replace(".5", ".25")
            changed = path.with_suffix(".changed")
            changed.write_text(text)
            yield Delivery(
                stream=delivery.stream,
                scope=delivery.scope,
                period="all",
                fingerprint=f"{delivery.fingerprint}'",
                label=delivery.label,
                detail=changed.rename(changed.with_name(f".{path.name}")),
            )


def test_a_scope_that_is_offered_twice_in_one_batch_counts_once(tmp_path: Path) -> None:
    write_rates(tmp_path / "rates", 2)
    config = rates(tmp_path, "rates").config
    ingest_all(tmp_path, [_OfferedTwice(config, root=tmp_path)], "run-1")
    assert ask(tmp_path, "SELECT sum(rate) FROM evidence.fx_rates") == [(3.5,)]
    assert ask(
        tmp_path,
        "SELECT status, count(*), count(superseded_by), count(superseded_at)"
        " FROM catalogue.loads GROUP BY ALL ORDER BY ALL",
    ) == [("current", 2, 0, 0), ("superseded", 2, 2, 2)]


class _Waiting:
    """A source that makes an ingest wait until somebody else has read."""

    type = "waiting"
    Config = SourceConfig

    def __init__(self, meanwhile: threading.Event) -> None:
        self._config = SourceConfig(name="waiting", type="waiting")
        self._meanwhile = meanwhile

    @property
    def config(self) -> SourceConfig:
        return self._config

    def streams(self) -> Sequence[str]:
        return ("fx_rates",)

    def landing(self, stream: str) -> LandingOptions:  # noqa: ARG002
        return LandingOptions()

    def check(self) -> list[Any]:
        return []

    def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
        assert self._meanwhile.wait(60), "the reader never got in"
        return iter(())

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Any]:  # noqa: ARG002
        return iter(())


_READER = """\
import sys
from pathlib import Path
from triptych.core.warehouse.inspection import read_source_states
print(len(read_source_states(Path(sys.argv[1]))))
"""


def test_another_process_reads_while_a_source_makes_an_ingest_wait(
    tmp_path: Path,
) -> None:
    write_rates(tmp_path / "rates", 1)
    ingest_all(tmp_path, [rates(tmp_path, "rates")], "run-1")
    meanwhile = threading.Event()
    waiting: Any = _Waiting(meanwhile)
    running = threading.Thread(
        target=ingest_all, args=(tmp_path, [waiting], "run-2"), daemon=True
    )
    running.start()
    answer = subprocess.run(
        [sys.executable, "-c", _READER, str(tmp_path / "raw.duckdb")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    meanwhile.set()
    running.join(60)
    assert (answer.stdout, answer.stderr) == ("1\n", "")
    assert ask(tmp_path, "SELECT count(*) FROM catalogue.sources") == [(2,)]


_INGEST = """\
import sys
from pathlib import Path
import ingest.engine.commit_batches
from tests.ingest.engine.test_runner import ingest_all, rates
ingest.engine.commit_batches._MOST_DELIVERIES = 5
root = Path(sys.argv[1])
ingest_all(root, [rates(root, "rates")], sys.argv[2])
"""


@contextmanager
def _ingesting(root: Path, run_id: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _INGEST, str(root), run_id],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_small_files_of_one_form_are_read_together_and_a_bad_one_stops_no_other(
    tmp_path: Path,
) -> None:
    """60 rates of n + 0.5 for n = 1 to 60, less the 31st: 1,830 + 30 - 31.5."""
    write_rates(tmp_path / "rates", 60)
    (tmp_path / "rates/rate-0030.csv").write_text(f"{_RATES}yesterday,EUR,USD,x\n")
    scans: list[str] = []
    record = ParquetAtRest.run

    def recording(self: ParquetAtRest, sql: str, origin: str) -> Any:
        if "read_csv(" in sql:
            scans.append(origin)
        return record(self, sql, origin)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ParquetAtRest, "run", recording)
        report = ingest_all(tmp_path, [rates(tmp_path, "rates")], "run-1")
    assert [str(failure.error.where) for failure in report.failures] == [
        "rates/rate-0030.csv:1"
    ]
    assert len(report.committed) == 59
    assert ask(tmp_path, "SELECT sum(rate) FROM evidence.fx_rates") == [(1_828.5,)]
    # Two of fifty and ten files; and the bad one by itself, then as written otherwise.
    assert len(scans) <= 5


def test_an_ingest_that_is_killed_between_its_batches_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    """60 rates of n + 0.5 for n = 1 to 60: 1,830 + 30."""
    write_rates(tmp_path / "rates", 60)
    lake = tmp_path / "lake/fx_rates/rates/all"
    with _ingesting(tmp_path, "run-1") as process:
        while process.poll() is None and not (lake.is_dir() and any(lake.iterdir())):
            time.sleep(0.005)
    report = ingest_all(tmp_path, [rates(tmp_path, "rates")], "run-2")
    assert report.failures == []
    assert len(report.committed) + report.skipped_count == 60
    assert ask(tmp_path, "SELECT count(*), sum(rate) FROM evidence.fx_rates") == [
        (60, 1_860)
    ]
    named = {row[0] for row in ask(tmp_path, "SELECT load_id FROM catalogue.loads")}
    assert {folder.name for folder in lake.iterdir()} == named
    assert len(named) == 60


def test_a_defect_of_one_source_keeps_what_landed_before_it(tmp_path: Path) -> None:
    class Broken(_Waiting):
        def deliveries(self, window: Window) -> Iterator[Delivery]:  # noqa: ARG002
            raise RuntimeError("a defect")

    write_rates(tmp_path / "rates", 4)
    broken: Any = Broken(threading.Event())
    with pytest.raises(RuntimeError, match="a defect"):
        ingest_all(tmp_path, [rates(tmp_path, "rates"), broken], "run-1")
    assert ask(tmp_path, "SELECT count(*) FROM evidence.fx_rates") == [(4,)]
    assert ask(tmp_path, "SELECT source FROM catalogue.sources") == [("rates",)]
