"""Evidence in place keeps the guarantees of copied loads, and says when it cannot."""

from __future__ import annotations

import io
import os
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.engine.in_place import EvidenceChangedError, verify_in_place
from ingest.storage.bucket_files import BucketAddress
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.loopback_s3 import (
    MISSING_REASON,
    client,
    is_available,
    set_environment,
)
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.in_place import current_files_in_place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

needs_s3 = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)


def charges(
    costs: Sequence[str], *, currency: Sequence[str] | None = None, month: int = 3
) -> bytes:
    """Return a Parquet file of FOCUS charges with DOUBLE amounts, as AWS writes it."""
    count = len(costs)
    start = datetime(2026, month, 1, tzinfo=UTC)
    instant = pa.timestamp("ms", tz="UTC")
    amounts = pa.array([float(cost) for cost in costs], pa.float64())
    table = pa.table(
        {
            "BilledCost": amounts,
            "EffectiveCost": amounts,
            "BillingCurrency": list(currency or ["EUR"] * count),
            "BillingPeriodStart": pa.array([start] * count, instant),
            "ChargePeriodStart": pa.array([start] * count, instant),
            "ChargePeriodEnd": pa.array([start.replace(day=2)] * count, instant),
            "ChargeCategory": ["Usage"] * count,
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.fixture
def bills(tmp_path: Path) -> Path:
    """Return a folder as exports lay it out: a name with ``=`` is no column."""
    folder = tmp_path / "mounted" / "BILLING_PERIOD=2026-03"
    folder.mkdir(parents=True)
    (folder / "march.parquet").write_bytes(charges(["0.1", "0.2"]))
    (folder / "more.parquet").write_bytes(charges(["1.05"]))
    return folder


@pytest.fixture
def case(tmp_path: Path, bills: Path) -> ConnectorCase:
    march = bills / "march.parquet"

    def deliver_again() -> None:
        later = march.stat().st_mtime + 60
        os.utime(march, (later, later))

    def deliver_late() -> dict[str, Decimal]:
        march.write_bytes(charges(["0.1", "0.2", "-0.05"]))
        (bills / "april.parquet").write_bytes(charges(["4"], month=4))
        return {"EUR": Decimal("5.30")}

    def deliver_hostile() -> int:
        (bills / "hostile.parquet").write_bytes(
            charges(["5", "6", "nan", "7"], currency=["EUR", "XXQ", "EUR", "EUR"])
        )
        return 2

    return ConnectorCase(
        connector_type="focus_files",
        options={"path": "mounted", "in_place": True},
        root=tmp_path,
        expected_rows=3,
        expected_money={"EUR": Decimal("1.35")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
    )


class TestInPlaceContract(ConnectorContract):
    """The suite that proves every connector, over files that stay where they are."""


def lake_of(case: ConnectorCase) -> list[Path]:
    return sorted((case.root / "lake").rglob("*.parquet"))


def verify(case: ConnectorCase, *, engine: str = "duckdb") -> None:
    places = case.places()
    with connect(places.raw_database, root=places.root, read_only=True) as raw:
        files = current_files_in_place(raw)
    verify_in_place(files, [case.connector().config], engine=engine)


def billed(case: ConnectorCase) -> Any:
    return case.query('SELECT sum("BilledCost") FROM evidence.focus')[0][0]


def test_no_byte_is_copied_and_the_amounts_are_exact(case: ConnectorCase) -> None:
    case.ingest()
    assert lake_of(case) == []
    # As DOUBLE, 0.1 + 0.2 is 0.30000000000000004.
    assert billed(case) == Decimal("1.35")
    assert case.query("SELECT sum(first_amount) FROM catalogue.load_totals") == [
        (Decimal("1.35"),)
    ]


def test_only_the_file_with_refused_rows_is_copied_without_them(
    case: ConnectorCase,
) -> None:
    case.deliver_hostile()
    case.ingest()
    (copied,) = lake_of(case)
    assert pq.read_table(copied)["BilledCost"].to_pylist() == [5.0, 7.0]
    assert case.query(
        "SELECT reason, row_number FROM catalogue.quarantine ORDER BY row_number"
    ) == [("unknown_currency", 2), ("BilledCost_unreadable", 3)]
    assert billed(case) == Decimal("13.35")
    assert case.query("SELECT count(*) FROM catalogue.files_in_place") == [(2,)]


def test_a_changed_file_is_refused_until_it_is_catalogued_anew(
    case: ConnectorCase, bills: Path
) -> None:
    case.ingest()
    verify(case)
    march = bills / "march.parquet"
    status = march.stat()
    march.write_bytes(charges(["0.1", "0.3"]))
    os.utime(march, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert march.stat().st_size == status.st_size
    with pytest.raises(EvidenceChangedError, match="was changed") as refused:
        verify(case)
    assert refused.value.where == str(march)
    assert 'Run "triptych run"' in refused.value.next_step
    os.utime(march)
    assert len(case.ingest().committed) == 1
    verify(case)
    assert billed(case) == Decimal("1.45")


def test_a_file_that_was_only_touched_is_still_the_same(
    case: ConnectorCase, bills: Path
) -> None:
    case.ingest()
    os.utime(bills / "march.parquet")
    verify(case)
    assert billed(case) == Decimal("1.35")


def test_a_file_that_is_gone_is_refused(case: ConnectorCase, bills: Path) -> None:
    case.ingest()
    (bills / "march.parquet").unlink()
    with pytest.raises(EvidenceChangedError, match=r"is gone.*Restore it"):
        verify(case)


def test_text_is_refused_with_the_reason_and_the_rest_is_loaded(
    case: ConnectorCase, bills: Path
) -> None:
    (bills / "april.csv").write_text("BilledCost\n1\n")
    report = case.ingest()
    assert len(report.committed) == 2
    (failure,) = report.failures
    assert "Only Parquet is read in place" in str(failure.error)
    assert "'in_place: false'" in str(failure.error)


def test_a_name_that_spark_takes_for_a_pattern_is_refused(
    case: ConnectorCase, bills: Path
) -> None:
    (bills / "april{1,2}.parquet").write_bytes(charges(["4"], month=4))
    (failure,) = case.ingest().failures
    assert "takes for a pattern" in str(failure.error)


def test_a_source_that_is_no_longer_in_place_is_copied_and_back(
    case: ConnectorCase,
) -> None:
    case.ingest()
    case.options["in_place"] = False
    assert len(case.ingest().committed) == 2
    assert len(lake_of(case)) == 2
    assert billed(case) == Decimal("1.35")
    verify(case)
    case.options["in_place"] = True
    assert len(case.ingest().committed) == 2
    assert billed(case) == Decimal("1.35")
    assert case.ingest().committed == []


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str, str]:
    set_environment(monkeypatch)
    writer, name = client(endpoint), f"bills-{uuid.uuid4().hex[:8]}"
    writer.create_bucket(Bucket=name)
    return writer, name, endpoint


def put(bucket: tuple[Any, str, str], key: str, content: bytes) -> None:
    bucket[0].put_object(Bucket=bucket[1], Key=key, Body=content)


@needs_s3
@pytest.mark.emulator
def test_focus_files_in_a_bucket_are_copied_or_stay(
    bucket: tuple[Any, str, str], tmp_path: Path
) -> None:
    put(bucket, "focus/a/march.parquet", charges(["0.1", "0.2"]))
    put(bucket, "focus/b/more.parquet", charges(["1.05"]))
    put(bucket, "focus/notes.txt", b"not data")
    put(bucket, "focus-of-others/x.parquet", charges(["99"]))
    case = ConnectorCase(
        connector_type="focus_files",
        options={"path": f"s3://{bucket[1]}/focus", "endpoint_url": bucket[2]},
        root=tmp_path,
        expected_rows=3,
        expected_money={"EUR": Decimal("1.35")},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=lambda: 0,
    )
    assert [finding.is_ok for finding in case.connector().check()] == [True]
    assert case.ingest().failures == []
    assert (len(lake_of(case)), billed(case)) == (2, Decimal("1.35"))

    case.options["in_place"] = True
    assert case.ingest().failures == []
    assert case.query("SELECT uri FROM catalogue.files_in_place ORDER BY uri") == [
        (f"s3://{bucket[1]}/focus/{name}",) for name in _NAMES
    ]
    assert case.query(
        "SELECT sum(first_amount) FROM catalogue.load_totals"
        " JOIN catalogue.loads USING (load_id) WHERE status = 'current'"
    ) == [(Decimal("1.35"),)]
    assert case.ingest().committed == []
    verify(case, engine="spark")
    assert not list((tmp_path / "lake" / ".staging").rglob("*.parquet"))

    put(bucket, "focus/b/more.parquet", charges(["1.06"]))
    with pytest.raises(EvidenceChangedError, match="was changed"):
        verify(case, engine="spark")
    assert len(case.ingest().committed) == 1
    verify(case, engine="spark")


_NAMES = ("a/march.parquet", "b/more.parquet")


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("", ["a.parquet", "x/b.parquet", "x/y/c.parquet"]),
        ("x", ["x/b.parquet", "x/y/c.parquet"]),
        ("x/", ["x/b.parquet", "x/y/c.parquet"]),
        ("a.parquet", ["a.parquet"]),
        ("*.parquet", ["a.parquet"]),
        ("x/*.parquet", ["x/b.parquet"]),
        ("*/*.parquet", ["x/b.parquet"]),
        ("x/**/*.parquet", ["x/b.parquet", "x/y/c.parquet"]),
        ("**/c.par?uet", ["x/y/c.parquet"]),
        ("x/[a-b].parquet", []),  # brackets are letters
    ],
)
def test_a_glob_in_a_bucket_means_what_it_means_on_disk(
    pattern: str, keys: list[str], tmp_path: Path
) -> None:
    every = ["a.parquet", "x/b.parquet", "x/y/c.parquet", "xx.csv"]
    address = BucketAddress.parsed(f"s3a://bills/{pattern}")
    assert address is not None
    found = [key for key in every if address.matches(key) and key != "xx.csv"]
    assert found == keys
    if "*" in pattern:
        for key in every:
            (tmp_path / key).parent.mkdir(exist_ok=True, parents=True)
            (tmp_path / key).touch()
        on_disk = {p.relative_to(tmp_path).as_posix() for p in tmp_path.glob(pattern)}
        assert set(found) == {key for key in on_disk if key.endswith(".parquet")}


@given(st.lists(st.text("abé-_.=", min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_star_for_each_segment_matches_a_key_of_that_depth_only(
    segments: list[str],
) -> None:
    key = "/".join(segments)
    stars = BucketAddress("bills", "/".join("*" for _ in segments))
    assert stars.matches(key)
    assert not stars.matches(f"{key}/deeper")
