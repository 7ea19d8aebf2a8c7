"""Oracle's FOCUS reports: from an S3-compatible bucket over HTTP, and from a copy."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import Window
from ingest.sources.oracle.focus import OciFocus, OciFocusConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.layouts.aws_export_layout import Bucket, Folder, Place
from tests.ingest.servers.loopback_s3 import (
    ENVIRONMENT,
    KEYS_PER_PAGE,
    MISSING_REASON,
    SECRETS,
    Fault,
    FaultyProxy,
    Request,
    is_available,
)
from tests.ingest.suites.store_misbehaviour import SurvivesS3Misbehaviour
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REPOSITORY = Path(__file__).resolve().parents[4]
SAMPLE = REPOSITORY.parent / "shared" / "data" / "focus" / "focus_1.0_sample_1000.csv"
EVER = Window()
OLD_NAMES = {
    "ProviderName": "Provider",
    "PublisherName": "Publisher",
    "InvoiceIssuerName": "InvoiceIssuer",
    "RegionId": "Region",
}

needs_s3 = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)


@dataclass(slots=True)
class Reports:
    """A tenancy's reports in one place."""

    place: Place
    prefix: str = "FOCUS Reports"
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def write(
        self, day: str, rows: Sequence[Mapping[str, str]], *, name: str = ""
    ) -> str:
        """Write a report of a day; returns its key."""
        name = name or f"000100000000{next(self.numbers):04d}.csv.gz"
        key = "/".join(filter(None, [self.prefix, day.replace("-", "/"), name]))
        self.place.put(key, gzip.compress(_csv(rows).encode(), mtime=0))
        return key


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def charge(cost: str, **other: str) -> dict[str, str]:
    return {
        "BilledCost": cost,
        "EffectiveCost": cost,
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-06-01T00:00:00.000Z",
        "BillingPeriodEnd": "2026-07-01T00:00:00.000Z",
        "ChargePeriodStart": "2026-06-03T10:00:00.000Z",
        "ChargePeriodEnd": "2026-06-03T11:00:00.000Z",
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-based",
        "Provider": "Oracle",
        "Publisher": "Oracle",
        "InvoiceIssuer": "Oracle",
        "Region": "us-sanjose-1",
        "Tags": '{"model": "eta-v2"}',
        "oci_CompartmentName": "ml",
        **other,
    }


@pytest.fixture
def reports(tmp_path: Path) -> Reports:
    return Reports(Folder(tmp_path / "copy"))


def connect(root: Path, **options: Any) -> OciFocus:
    config = OciFocusConfig(
        name="oracle", type="oci_focus", **{"path": "copy", **options}
    )
    return OciFocus(config, root=root)


def case_of(root: Path, **options: Any) -> ConnectorCase:
    options = {"path": "copy", **options}
    return ConnectorCase("oci_focus", options, root, 0, {}, dict, dict, lambda: 0)


def billed(case: ConnectorCase) -> object:
    report = case.ingest()
    assert report.failures == []
    [(amount,)] = case.query('SELECT sum("BilledCost") FROM evidence.focus')
    return amount


def test_every_report_counts_once_and_a_later_one_adds_to_it(
    reports: Reports, tmp_path: Path
) -> None:
    reports.write("2026-06-03", [charge("1"), charge("2")])
    reports.write("2026-06-03", [charge("4")])
    case = case_of(tmp_path)
    assert billed(case) == 7
    reports.write("2026-06-05", [charge("-2", ChargeClass="Correction")])
    assert billed(case) == 5
    assert case.ingest().committed == []


def test_a_report_that_oracle_deletes_stays_loaded(
    reports: Reports, tmp_path: Path
) -> None:
    key = reports.write("2026-06-03", [charge("1")])
    reports.write("2026-06-04", [charge("2")])
    case = case_of(tmp_path)
    assert billed(case) == 3
    (tmp_path / "copy" / key).unlink()
    assert billed(case) == 3


def test_only_reports_written_on_the_days_asked_for_are_offered(
    reports: Reports, tmp_path: Path
) -> None:
    for day in ("2026-05-31", "2026-06-01", "2026-06-02", "2026-06-03"):
        reports.write(day, [charge("1")])
    window = Window(date(2026, 6, 1), date(2026, 6, 3))
    scopes = [d.scope for d in connect(tmp_path).deliveries(window)]
    assert [scope[:10] for scope in scopes] == ["2026/06/01", "2026/06/02"]


def test_what_is_no_report_of_a_day_is_left_alone(
    reports: Reports, tmp_path: Path
) -> None:
    reports.write("2026-06-03", [charge("1")])
    reports.write("2026-06-03", [charge("2")], name="notes.txt")
    reports.write("2026-06-31", [charge("4")])
    reports.write("2026-06-03/more", [charge("8")])
    assert billed(case_of(tmp_path)) == 1


def test_the_names_of_older_reports_are_understood(
    reports: Reports, tmp_path: Path
) -> None:
    reports.write("2026-06-03", [charge("1")])
    case = case_of(tmp_path)
    case.ingest()
    assert case.query(
        'SELECT "ProviderName", "PublisherName", "InvoiceIssuerName", "RegionId",'
        ' "RegionName", "ChargeFrequency", "Tags" FROM evidence.focus'
    ) == [
        (
            "Oracle",
            "Oracle",
            "Oracle",
            "us-sanjose-1",
            "us-sanjose-1",
            "Usage-Based",
            {"model": "eta-v2"},
        )
    ]


def test_the_names_of_newer_reports_come_first(
    reports: Reports, tmp_path: Path
) -> None:
    newer = {
        "ProviderName": "Oracle Cloud",
        "RegionId": "us-phoenix-1",
        "RegionName": "US West",
    }
    reports.write("2026-06-03", [charge("1", **newer)])
    case = case_of(tmp_path)
    case.ingest()
    assert case.query(
        'SELECT "ProviderName", "RegionId", "RegionName" FROM evidence.focus'
    ) == [("Oracle Cloud", "us-phoenix-1", "US West")]


@pytest.mark.skipif(not SAMPLE.exists(), reason="the shared samples are absent")
@pytest.mark.parametrize("has_old_names", [True, False])
def test_the_oracle_rows_of_the_real_sample_are_read(
    tmp_path: Path, has_old_names: bool
) -> None:
    with SAMPLE.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["ProviderName"] == "Oracle"]
    assert len(rows) == 7
    expected = sum(Decimal(row["BilledCost"]) for row in rows)
    regions = sorted({row["RegionName"] for row in rows})
    if has_old_names:
        rows = [
            {OLD_NAMES.get(name, name): value for name, value in row.items()}
            for row in rows
        ]
        for row in rows:
            row["Region"] = row.pop("RegionName")
    Reports(Folder(tmp_path / "copy")).write("2024-10-01", rows)
    case = case_of(tmp_path)
    assert billed(case) == expected
    rows_read = case.query(
        'SELECT count(*), count("ContractedCost"), any_value("ProviderName"),'
        ' list_sort(list(DISTINCT "RegionId")) FROM evidence.focus'
    )
    assert rows_read == [(7, 0, "Oracle", regions)]


def test_a_report_in_oracles_own_format_is_refused(
    reports: Reports, tmp_path: Path
) -> None:
    reports.write("2026-06-03", [{"lineItem/referenceNo": "1", "cost/myCost": "2"}])
    connector = connect(tmp_path)
    (delivery,) = connector.deliveries(EVER)
    with pytest.raises(MalformedDeliveryError, match="not in the FOCUS format"):
        list(connector.read(delivery, tmp_path / "work"))


def test_an_empty_report_keeps_itself_out_and_no_other(
    reports: Reports, tmp_path: Path
) -> None:
    reports.write("2026-06-02", [charge("1")])
    reports.place.put("FOCUS Reports/2026/06/03/a.csv.gz", b"")
    case = case_of(tmp_path)
    (failure,) = case.ingest().failures
    assert isinstance(failure.error, IncompleteDeliveryError)
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [(1,)]


def test_a_place_without_reports_is_not_taken_for_one_without_costs(
    tmp_path: Path,
) -> None:
    (tmp_path / "copy" / "FOCUS Reports").mkdir(parents=True)
    with pytest.raises(FatalSourceError, match="no reports"):
        list(connect(tmp_path).deliveries(EVER))
    assert [finding.is_ok for finding in connect(tmp_path).check()] == [False]


def test_a_check_passes_over_a_month_that_holds_no_report(
    reports: Reports, tmp_path: Path
) -> None:
    years = tmp_path / "copy" / "FOCUS Reports" / "2026"
    (years / "07").mkdir(parents=True)
    assert [finding.is_ok for finding in connect(tmp_path).check()] == [True, False]
    reports.write("2026-06-02", [charge("1")])
    _, newest, _ = connect(tmp_path).check()
    assert "2026/06/02" in newest.message


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bucket": "b"},
        {"bucket": "b", "path": "p", "endpoint_url": "https://a.example"},
        {"bucket": "b", "endpoint_url": "https://k:hush-hush@a.example"},
        {"path": "p", "secret_key": "hush-hush"},
    ],
)
def test_options_that_cannot_work_are_refused_without_repeating_a_secret(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as caught:
        OciFocusConfig(name="oracle", type="oci_focus", **options)
    assert "hush-hush" not in str(caught.value)


# ------------------------------------------------------------------ over HTTP


def options_of(bucket: Bucket, proxy: FaultyProxy) -> dict[str, Any]:
    return {"bucket": bucket.name, "endpoint_url": proxy.url, "path": None}


@needs_s3
def test_reports_are_listed_over_all_pages_and_read_through_faults(
    bucket: Bucket, proxy: FaultyProxy, tmp_path: Path
) -> None:
    reports = Reports(bucket)
    for _ in range(2):
        reports.write("2026-06-03", [charge("1"), charge("2")])
        reports.write("2026-06-04", [charge("4")])
    for number in range(KEYS_PER_PAGE):
        bucket.put(f"FOCUS Reports/2026/06/02/{number:05d}.log", b"")
    faults = iter([Fault(503, "SlowDown"), Fault(500, "InternalError"), None])
    cut = iter([Fault(keep_bytes=9)])

    def break_some(request: Request) -> Fault | None:
        if request.key.endswith(".gz") and request.method == "GET":
            return next(cut, None)
        return next(faults, None)

    proxy.on_request = break_some
    # Reports with the same bytes are one delivery, whatever they are called.
    assert billed(case_of(tmp_path, **options_of(bucket, proxy))) == 7
    assert next(cut, None) is None


@needs_s3
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(403, "AccessDenied"), SourceAccessError, "s3:GetObject"),
        (Fault(403, "SignatureDoesNotMatch"), SourceAccessError, "credentials"),
        (Fault(503, "SlowDown"), TransientSourceError, "503"),
    ],
)
def test_what_stays_broken_is_said_and_the_old_load_stays_current(
    bucket: Bucket,
    proxy: FaultyProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    kind: type[Exception],
    words: str,
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    monkeypatch.setattr("ingest.storage.s3_objects._FIRST_PAUSE_SECONDS", 0)
    reports = Reports(bucket)
    reports.write("2026-06-03", [charge("1")])
    case = case_of(tmp_path, **options_of(bucket, proxy))
    assert billed(case) == 1
    reports.write("2026-06-04", [charge("2")])
    proxy.on_request = lambda r: fault if r.key.endswith(".gz") else None
    (failure,) = case.ingest().failures
    assert isinstance(failure.error, kind)
    assert words in str(failure.error)
    assert ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in str(failure.error)
    *_, finding = connect(tmp_path, **options_of(bucket, proxy)).check()
    assert not finding.is_ok
    proxy.on_request = lambda _: None
    assert billed(case) == 3


# ---------------------------------------------------------------- the contract


def contract_case(
    reports: Reports, options: dict[str, object], root: Path
) -> ConnectorCase:
    """Return three reports whose sums are plain to see."""
    kept = [
        reports.write("2026-06-03", [charge("10.25"), charge("0.5")]),
        reports.write("2026-06-04", [charge("-1")]),
    ]

    def deliver_again() -> None:
        again = Reports(reports.place, prefix=reports.prefix)
        again.write("2026-06-03", [charge("10.25"), charge("0.5")])
        again.write("2026-06-04", [charge("-1")])

    def deliver_late() -> dict[str, Decimal]:
        name = kept[0].rsplit("/", 1)[-1]
        rows = [charge("10.25"), charge("0.5"), charge("0.125")]
        reports.write("2026-06-03", rows, name=name)
        reports.write("2026-06-05", [charge("100")])
        return {"USD": Decimal("109.875")}

    def deliver_hostile() -> int:
        rows = [charge(cost) for cost in ("1", "2", "3")]
        rows += [charge("7", BillingCurrency=""), charge("eight")]
        reports.write("2026-06-06", rows)
        return 2

    return ConnectorCase(
        connector_type="oci_focus",
        options=options,
        root=root,
        expected_rows=3,
        expected_money={"USD": Decimal("9.75")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=SECRETS,
    )


@pytest.mark.full
class TestOciFocusCopyContract(ConnectorContract):
    """A copy on disk."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        reports = Reports(Folder(tmp_path / "copy"), prefix="")
        return contract_case(reports, {"path": "copy", "prefix": ""}, tmp_path)


@needs_s3
class TestOciFocusContract(ConnectorContract):
    """A bucket, over HTTP."""

    @pytest.fixture
    def case(self, bucket: Bucket, proxy: FaultyProxy, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {
            "bucket": bucket.name,
            "endpoint_url": proxy.url,
        }
        return contract_case(Reports(bucket), options, tmp_path)


@needs_s3
@pytest.mark.full
class TestOciFocusMisbehaviour(SurvivesS3Misbehaviour):
    """A bucket of reports."""

    @pytest.fixture
    def store(self, proxy: FaultyProxy) -> FaultyProxy:
        return proxy

    @pytest.fixture
    def case(self, bucket: Bucket, store: FaultyProxy, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {"bucket": bucket.name, "endpoint_url": store.url}
        return contract_case(Reports(bucket), options, tmp_path)
