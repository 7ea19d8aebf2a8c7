"""Contract suite: duties of every connector, run by the real runner.

A third party's connector gets it by subclassing in a test module::

    class TestAcmeBillingContract(ConnectorContract):
        @pytest.fixture
        def case(self, tmp_path): return ConnectorCase(connector_type="acme_billing", …)

Nothing is simulated: rows are landed as Parquet, committed to a catalogue, and read
back through its evidence views.
"""

from __future__ import annotations

import functools
import io
import logging
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.connector import Connector, Delivery, Part, RowsPart, Window
from ingest.engine.lake import open_catalogue
from ingest.engine.registry import connector_class
from ingest.engine.runner import EngineLimits, IngestReport, IngestRunner, LakePlaces
from ingest.streams import STREAMS, Stream
from triptych.core.lake.catalogue_file import connect
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb
    import pyarrow as pa

SOURCE_NAME = "contract"


@dataclass
class ConnectorCase:
    """Source with its contents, and ways to give it other contents.

    Parameters
    ----------
    connector_type : str
        The ``type`` in ``triptych.yml``.
    options : dict
        Options in addition to name and type.
    root : Path
        Workspace folder.
    expected_rows : int
        Rows of the first stream after the first ingest.
    expected_money : dict of str to Decimal
        Currency → sum of that stream's first money column; empty without money.
    deliver_again : callable
        Delivers the same content once more.
    deliver_late : callable
        Delivers late or restated rows; returns the expected money afterwards.
    deliver_hostile : callable
        Delivers rows that cannot count beside good rows; returns how many.
    secrets : tuple of str
        Texts that must appear nowhere.
    implementation : type, optional
        The connector itself, as long as it is not installed under its type.
    """

    connector_type: str
    options: dict[str, object]
    root: Path
    expected_rows: int
    expected_money: dict[str, Decimal]
    deliver_again: Callable[[], object]
    deliver_late: Callable[[], dict[str, Decimal]]
    deliver_hostile: Callable[[], int]
    secrets: tuple[str, ...] = ()
    implementation: type[Connector] | None = None
    run_count: int = field(default=0, init=False)

    def connector(self) -> Connector:
        """Return a fresh instance, as each run has a fresh instance."""
        class_ = self.implementation or connector_class(self.connector_type)
        options: dict[str, Any] = self.options
        config = class_.Config(name=SOURCE_NAME, type=self.connector_type, **options)
        return class_(config, root=self.root)

    def ingest(self, connector: Connector | None = None) -> IngestReport:
        """Run the real runner once over this source."""
        self.run_count += 1
        places = self.places()
        if not (places.raw_database.exists() or places.lake.exists()):
            places.root.mkdir(parents=True, exist_ok=True)
            places.raw_database.write_bytes(_new_catalogue())
        runner = IngestRunner(
            places,
            run_id=f"run-{self.run_count:03d}",
            limits=EngineLimits("1GB", 1),
            progress=SilentProgress(),
        )
        return runner.run([connector or self.connector()], Window())

    def places(self) -> LakePlaces:
        """Return where the evidence of this case rests."""
        lake = self.root / "lake"
        return LakePlaces(self.root, lake, lake / ".staging", self.root / "raw.duckdb")

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the catalogue."""
        with self.opened() as raw:
            return raw.execute(sql).fetchall()

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Have the catalogue open to be read: questions cost little meanwhile."""
        places = self.places()
        with connect(places.raw_database, root=places.root, read_only=True) as raw:
            yield raw


@functools.cache
def _new_catalogue() -> bytes:
    """Return a catalogue without a load: the same for each case, and made once."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        lake = root / "lake"
        places = LakePlaces(root, lake, lake / ".staging", root / "raw.duckdb")
        open_catalogue(places).close()
        return places.raw_database.read_bytes()


class _CrashError(Exception):
    """The process dies here."""


class ConnectorContract:
    """Subclass it and give it a fixture ``case``."""

    def test_its_streams_are_known_and_its_type_is_its_name(
        self, case: ConnectorCase
    ) -> None:
        """Check that streams have schemas, and the registry knows the type."""
        connector = case.connector()
        assert connector.type == case.connector_type
        assert connector.streams()
        assert set(connector.streams()) <= set(STREAMS)

    def test_its_probe_answers_without_reading_data(self, case: ConnectorCase) -> None:
        """Check that ``triptych check`` reports usefully on a healthy source."""
        with _captured_logs() as captured:
            findings = case.connector().check()
        assert findings
        assert all(finding.is_ok for finding in findings), findings
        _assert_no_secret(case, captured.getvalue() + repr(findings))

    def test_the_first_ingest_holds_every_row_and_all_money(
        self, case: ConnectorCase
    ) -> None:
        """Rows and money arrive as they were counted independently.

        Columns are typed as declared, required columns are filled, the key of the
        stream identifies a row, every file that the catalogue names is on disk, and no
        credential is in a log, a message or the catalogue.
        """
        _assert_first_ingest_is_whole(case)

    def test_what_is_not_new_commits_nothing_and_counts_once(
        self, case: ConnectorCase
    ) -> None:
        """Ingest is idempotent, and so is the same content, delivered again."""
        _assert_first_ingest_is_whole(case)
        loads = case.query("SELECT count(*) FROM catalogue.loads")
        report = case.ingest()
        assert report.committed == []
        assert report.skipped_count > 0
        assert case.query("SELECT count(*) FROM catalogue.loads") == loads
        case.deliver_again()
        report = case.ingest()
        assert report.failures == []
        assert _row_count(case) == case.expected_rows
        assert _money(case) == case.expected_money

    def test_late_data_is_taken_and_supersedes_what_it_replaces(
        self, case: ConnectorCase
    ) -> None:
        """Check that money follows new data; old loads and files stay on record."""
        _assert_first_ingest_is_whole(case)
        files_before = _all_files(case)
        expected = case.deliver_late()
        report = case.ingest()
        assert report.failures == []
        assert report.committed
        assert _money(case) == expected
        assert files_before <= _all_files(case)
        for file in files_before:
            assert (case.root / file).is_file()

    def test_a_crash_while_reading_commits_nothing_of_the_delivery(
        self, case: ConnectorCase
    ) -> None:
        """Check that the run after a crash ends as an undisturbed run would."""
        crashing = _crashing_while_reading(case.connector())
        try:
            case.ingest(crashing)
        except _CrashError:
            pass
        else:
            raise AssertionError("the crash was swallowed")
        assert _row_count(case) < case.expected_rows
        report = case.ingest()
        assert report.failures == []
        assert _row_count(case) == case.expected_rows
        assert _money(case) == case.expected_money
        assert not case.places().staging.exists() or not any(
            case.places().staging.iterdir()
        )

    def test_hostile_rows_go_to_quarantine_whole_and_with_a_reason(
        self, case: ConnectorCase
    ) -> None:
        """A bad row is counted and kept; the good rows beside it count."""
        _assert_first_ingest_is_whole(case)
        hostile_count = case.deliver_hostile()
        report = case.ingest()
        assert report.failures == []
        rows = case.query(
            "SELECT reason, row_content, origin FROM catalogue.quarantine"
            " JOIN catalogue.loads USING (load_id) WHERE status = 'current'"
        )
        assert len(rows) == hostile_count
        for reason, content, origin in rows:
            assert reason
            assert content
            assert origin
        # Refused rows are in no sum.
        _assert_columns_as_declared(case)


def _assert_first_ingest_is_whole(case: ConnectorCase) -> None:
    """Ingest for the first time, and check all demands on a first ingest.

    Every test begins with this, regardless of its later steps.
    """
    with _captured_logs() as captured:
        report = case.ingest()
    assert report.failures == []
    text = captured.getvalue() + repr(report)
    with case.opened():
        assert _row_count(case) == case.expected_rows
        assert _money(case) == case.expected_money
        _assert_columns_as_declared(case)
        _assert_key_identifies_a_row(case)
        files = _all_files(case)
        for table in ("loads", "quarantine", "sources", "audit_log"):
            text += repr(case.query(f"SELECT * FROM catalogue.{table}"))
    assert files
    assert all((case.root / file).is_file() for file in files)
    _assert_no_secret(case, text)


def _assert_no_secret(case: ConnectorCase, text: str) -> None:
    for secret in case.secrets:
        assert secret not in text


def _crashing_while_reading(connector: Connector) -> Connector:
    """Return the connector, made to die within the first delivery it reads."""
    read_whole = connector.read

    def read(delivery: Delivery, workdir: Path) -> Iterator[Part]:
        for part in read_whole(delivery, workdir):
            if isinstance(part, RowsPart):
                yield RowsPart(_first_batch_then_crash(part), part.schema, part.uri)
            else:
                yield part
            raise _CrashError

    connector.read = read  # type: ignore[method-assign]
    return connector


def _first_batch_then_crash(part: RowsPart) -> Iterator[pa.RecordBatch]:
    for batch in part.batches:
        yield batch
        raise _CrashError


def _assert_columns_as_declared(case: ConnectorCase) -> None:
    stream = _stream(case)
    described = case.query(f"DESCRIBE evidence.{stream.name}")
    types = {str(row[0]): str(row[1]).replace(" ", "") for row in described}
    for column in stream.columns:
        assert types[column.name] == column.type.replace(" ", "")
        if column.is_required:
            assert _count(case, f'"{column.name}" IS NULL') == 0, column.name


def _assert_key_identifies_a_row(case: ConnectorCase) -> None:
    key = ", ".join(f'"{name}"' for name in _stream(case).key)
    if key:
        distinct = f"SELECT DISTINCT {key} FROM evidence.{_stream(case).name}"
        assert case.query(f"SELECT count(*) FROM ({distinct})") == [(_row_count(case),)]


def _stream(case: ConnectorCase) -> Stream:
    return STREAMS[case.connector().streams()[0]]


def _row_count(case: ConnectorCase) -> int:
    return _count(case, "true")


def _count(case: ConnectorCase, condition: str) -> int:
    stream = _stream(case)
    rows = case.query(f"SELECT count(*) FROM evidence.{stream.name} WHERE {condition}")
    return int(str(rows[0][0]))


def _money(case: ConnectorCase) -> dict[str, Decimal]:
    stream = _stream(case)
    if not stream.money_columns:
        return {}
    rows: Sequence[tuple[object, ...]] = case.query(
        f'SELECT "{stream.currency_column}", sum("{stream.money_columns[0]}")'
        f" FROM evidence.{stream.name} GROUP BY ALL"
    )
    return {str(currency): Decimal(str(amount)) for currency, amount in rows}


def _all_files(case: ConnectorCase) -> set[str]:
    rows = case.query("SELECT unnest(files) FROM catalogue.loads")
    return {str(row[0]) for row in rows}


@contextmanager
def _captured_logs() -> Iterator[io.StringIO]:
    captured = io.StringIO()
    handler = logging.StreamHandler(captured)
    root, ours = logging.getLogger(), logging.getLogger("ingest")
    levels = root.level, ours.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    try:
        yield captured
    finally:
        root.removeHandler(handler)
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


__all__ = ["SOURCE_NAME", "ConnectorCase", "ConnectorContract"]
