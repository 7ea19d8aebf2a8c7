"""Legacy Cost and Usage Reports: over HTTP with boto3, and from a copy on disk."""

from __future__ import annotations

import csv
import gzip
import json
import os
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import FilePart, Window
from ingest.sources.aws.cur_legacy import AwsCurLegacy, AwsCurLegacyConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.layouts.aws_cur_layout import CurLayout, line
from tests.ingest.layouts.aws_export_layout import Bucket, Folder
from tests.ingest.servers.loopback_s3 import (
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
)

if TYPE_CHECKING:
    from ingest.connector import Delivery

REPOSITORY = Path(__file__).resolve().parents[4]
SHARED = REPOSITORY.parent / "shared" / "data"
NISE = SHARED / "nise" / "aws"
ANONYMISED = SHARED / "focus" / "native_anonymised" / "aws_cur_legacy_anonymised.csv"
EVER = Window()

needs_s3 = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)
needs_samples = pytest.mark.skipif(
    not NISE.exists(), reason="the shared samples are absent"
)


@pytest.fixture
def layout(tmp_path: Path) -> CurLayout:
    return CurLayout(Folder(tmp_path / "copy"))


def connect(root: Path, **options: Any) -> AwsCurLegacy:
    options = {"path": "copy", "prefix": "billing", "report": "cur", **options}
    config = AwsCurLegacyConfig(name="aws", type="aws_cur_legacy", **options)
    return AwsCurLegacy(config, root=root)


def case_of(root: Path, **options: Any) -> ConnectorCase:
    options = {"path": "copy", "prefix": "billing", "report": "cur", **options}
    return ConnectorCase("aws_cur_legacy", options, root, 0, {}, dict, dict, lambda: 0)


def read(connector: AwsCurLegacy, delivery: Delivery, root: Path) -> list[FilePart]:
    return list(connector.read(delivery, root / uuid.uuid4().hex))


def unblended(case: ConnectorCase) -> Decimal:
    report = case.ingest()
    assert report.failures == []
    [(amount,)] = case.query(
        "SELECT sum(line_item_unblended_cost) FROM evidence.aws_cur2"
    )
    return Decimal(str(amount))


# ------------------------------------------------------------------- real reports


@needs_samples
def test_generated_reports_sum_to_what_their_files_say(tmp_path: Path) -> None:
    expected: dict[str, Decimal] = {}
    count = 0
    for path in (NISE / "bucket").rglob("*.csv.gz"):
        with gzip.open(path, "rt", newline="") as file:
            for row in csv.DictReader(file):
                kind = row["lineItem/LineItemType"]
                amount = Decimal(row["lineItem/UnblendedCost"])
                expected[kind] = expected.get(kind, Decimal(0)) + amount
                count += 1
    assert round(sum(expected.values()), 9) == Decimal("7366.571612904")
    case = case_of(tmp_path, path=os.path.relpath(NISE / "bucket", tmp_path))
    assert unblended(case) == sum(expected.values())
    rows = case.query(
        "SELECT line_item_line_item_type, sum(line_item_unblended_cost)"
        " FROM evidence.aws_cur2 GROUP BY 1"
    )
    assert dict(rows) == expected  # type: ignore[arg-type]
    assert case.query("SELECT count(*) FROM evidence.aws_cur2") == [(count,)]
    [(covered, fee)] = case.query(
        "SELECT sum(savings_plan_savings_plan_effective_cost) FILTER"
        " (line_item_line_item_type = 'SavingsPlanCoveredUsage'),"
        " sum(line_item_unblended_cost) FILTER"
        " (line_item_line_item_type = 'SavingsPlanRecurringFee')"
        " FROM evidence.aws_cur2"
    )
    assert (fee, covered) == (Decimal(480), Decimal("442.416"))
    assert case.query("SELECT DISTINCT bill_invoice_id FROM evidence.aws_cur2") == [
        (None,)
    ]


@needs_samples
def test_tags_and_regions_of_generated_reports_are_found(tmp_path: Path) -> None:
    case = case_of(tmp_path, path=os.path.relpath(NISE / "bucket", tmp_path))
    case.ingest()
    [(model, team, region, kind, payer)] = case.query(
        "SELECT resource_tags['user_model'], resource_tags['user_team'],"
        " product_region_code, product_instance_type, bill_payer_account_id"
        " FROM evidence.aws_cur2 WHERE line_item_resource_id = 'i-10000001' LIMIT 1"
    )
    assert (model, team) == ("ranker-7b", "search")
    assert (region, kind) == ("us-east-1", "p5.48xlarge")
    assert payer == "9999999999999"


@needs_samples
def test_a_month_that_is_closed_replaces_the_one_that_was_open(tmp_path: Path) -> None:
    """June once more, with the invoice: another delivery, not an addition."""
    copy = tmp_path / "copy"
    copy.symlink_to(NISE / "bucket")
    case = case_of(tmp_path)
    case.ingest()
    copy.unlink()
    copy.symlink_to(NISE / "bucket_finalized")
    with gzip.open(next((NISE / "bucket_finalized").rglob("*.gz")), "rt") as file:
        rows = list(csv.DictReader(file))
    report = case.ingest()
    assert report.failures == []
    found = case.query(
        "SELECT count(*), sum(line_item_unblended_cost), any_value(bill_invoice_id)"
        " FROM evidence.aws_cur2"
        " WHERE bill_billing_period_start_date = TIMESTAMP '2026-06-01'"
    )
    invoices = {row["bill/InvoiceId"] for row in rows}
    total = sum(Decimal(row["lineItem/UnblendedCost"]) for row in rows)
    assert found == [(len(rows), total, *invoices)]


@pytest.mark.skipif(not ANONYMISED.exists(), reason="the shared samples are absent")
def test_a_real_report_is_read_to_the_last_row(tmp_path: Path) -> None:
    with ANONYMISED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    CurLayout(Folder(tmp_path / "copy")).deliver("2023-11", rows)
    expected = sum(Decimal(row["lineItem/UnblendedCost"]) for row in rows)
    case = case_of(tmp_path)
    assert unblended(case) == expected
    assert case.query(
        "SELECT count(*), count(*) FILTER (line_item_line_item_type = 'Tax'),"
        " any_value(bill_invoicing_entity) FROM evidence.aws_cur2"
    ) == [(1281, 12, "Amazon Web Services Canada, Inc.")]


# -------------------------------------------------------------- layouts and columns


@pytest.mark.parametrize("compression", ["GZIP", "Parquet"])
@pytest.mark.parametrize("makes_new", [True, False])
def test_of_each_month_the_delivery_that_the_manifest_names_counts(
    tmp_path: Path, compression: str, makes_new: bool
) -> None:
    layout = CurLayout(
        Folder(tmp_path / "copy"), compression=compression, makes_new=makes_new
    )
    layout.deliver("2026-05", [line("1")], [line("2")])
    layout.deliver("2026-05", [line("1"), line("4")])
    layout.deliver("2026-12", [line("10", period="2026-12")])
    deliveries = list(connect(tmp_path).deliveries(EVER))
    assert [d.scope for d in deliveries] == ["cur/2026-05", "cur/2026-12"]
    assert {d.stream for d in deliveries} == {"aws_cur2"}
    assert unblended(case_of(tmp_path)) == 15


@pytest.mark.parametrize("compression", ["GZIP", "Parquet"])
def test_columns_of_both_spellings_become_those_of_cur2(
    tmp_path: Path, compression: str
) -> None:
    layout = CurLayout(Folder(tmp_path / "copy"), compression=compression)
    rows = [
        line(
            "3",
            **{
                "reservation/ReservationARN": "arn:ri",
                "costCategory/Business Unit": "search",
                "splitLineItem/ParentResourceId": "i-1",
            },
        )
    ]
    layout.deliver("2026-05", rows)
    case = case_of(tmp_path)
    case.ingest()
    assert case.query(
        "SELECT line_item_unblended_cost, line_item_usage_account_id,"
        " reservation_reservation_a_r_n, split_line_item_parent_resource_id,"
        " product_region_code, resource_tags, cost_category FROM evidence.aws_cur2"
    ) == [
        (
            Decimal(3),
            "000123456789",
            "arn:ri",
            "i-1",
            "eu-central-1",
            {"user_model": "eta-v2"},
            {"business_unit": "search"},
        )
    ]


def test_a_tag_in_two_spellings_is_one_tag(tmp_path: Path) -> None:
    """``user:Model`` beside ``user:model``: the first that has a value counts."""
    rows = [
        line("1", **{"resourceTags/user:Model": "old-name"}),
        line("2", **{"resourceTags/user:Model": "both", "resourceTags/user:model": ""}),
    ]
    CurLayout(Folder(tmp_path / "copy")).deliver("2026-05", rows)
    case = case_of(tmp_path)
    case.ingest()
    assert case.query(
        "SELECT resource_tags['user_model'] FROM evidence.aws_cur2"
        " ORDER BY line_item_unblended_cost"
    ) == [("eta-v2",), ("both",)]


def test_of_a_product_of_the_marketplace_the_name_is_kept(tmp_path: Path) -> None:
    name = "Claude Sonnet 4 (Amazon Bedrock Edition)"
    lines = [
        line("1", **{"product/ProductName": "Amazon Elastic Compute Cloud"}),
        line(
            "2",
            **{
                "bill/BillingEntity": "AWS Marketplace",
                "lineItem/ProductCode": "8z7ncgs8cw4fzeaz3z8q9y6po",
                "product/ProductName": name,
            },
        ),
    ]
    CurLayout(Folder(tmp_path / "copy")).deliver("2026-05", lines)
    case = case_of(tmp_path)
    assert unblended(case) == 3
    assert case.query(
        "SELECT line_item_unblended_cost, product['product_name']"
        " FROM evidence.aws_cur2 ORDER BY 1"
    ) == [(1, None), (2, name)]


def test_a_copied_bucket_is_read_from_where_it_lies_now(tmp_path: Path) -> None:
    layout = CurLayout(
        Folder(tmp_path / "copy"), prefix="", copied_from="reports/of/20251231/cur"
    )
    layout.deliver("2026-05", [line("5")])
    assert unblended(case_of(tmp_path, prefix="")) == 5


def test_only_the_months_asked_for_are_offered(
    layout: CurLayout, tmp_path: Path
) -> None:
    for month in ("2026-04", "2026-05", "2026-06"):
        layout.deliver(month, [line("1", period=month)])
    window = Window(date(2026, 5, 31), date(2026, 6, 1))
    deliveries = list(connect(tmp_path).deliveries(window))
    assert [delivery.period for delivery in deliveries] == ["2026-05"]


# -------------------------------------------------------------- what is not whole

KEY = "billing/cur/20260501-20260601/a/cur-1.csv.gz"
PERIOD = {"billingPeriod": {"start": "20260501T000000.000Z"}}
BROKEN_MANIFESTS = {
    "not JSON": '{"reportKeys": [',
    "names no data files": PERIOD,
    "billing period that starts": {
        "billingPeriod": {"start": "20260601T000000.000Z"},
        "reportKeys": [KEY],
    },
    "outside of the report": PERIOD | {"reportKeys": ["other/x.csv.gz"]},
    "outside of the report ": PERIOD | {"reportKeys": [f"{KEY}/../../x.csv.gz"]},
    "of 2026-06": PERIOD | {"reportKeys": [KEY.replace("/20260501", "/20260601")]},
    "unknown format": PERIOD | {"reportKeys": [KEY.replace(".gz", ".zip")]},
}


@pytest.mark.parametrize("words", BROKEN_MANIFESTS)
def test_a_manifest_that_cannot_be_understood_is_malformed(
    layout: CurLayout, tmp_path: Path, words: str
) -> None:
    key = layout.put_manifest("2026-05", BROKEN_MANIFESTS[words])
    connector = connect(tmp_path)
    (delivery,) = connector.deliveries(EVER)
    with pytest.raises(MalformedDeliveryError, match=words.strip()) as caught:
        read(connector, delivery, tmp_path)
    assert caught.value.where == f"copy/{key}"
    assert [finding.is_ok for finding in connector.check()] == [True, False]


def test_a_missing_file_keeps_the_month_out_but_no_other(
    layout: CurLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-04", [line("1", period="2026-04")])
    _, broken = layout.deliver("2026-05", [line("2")], [line("4")])
    (tmp_path / "copy" / broken).unlink()
    case = case_of(tmp_path)
    (failure,) = case.ingest().failures
    assert isinstance(failure.error, IncompleteDeliveryError)
    assert case.query(
        "SELECT sum(line_item_unblended_cost) FROM evidence.aws_cur2"
    ) == [(1,)]


def test_a_file_of_another_kind_is_refused(layout: CurLayout, tmp_path: Path) -> None:
    layout.deliver("2026-05", [{"x/BilledCost": "1"}])
    connector = connect(tmp_path)
    (delivery,) = connector.deliveries(EVER)
    with pytest.raises(MalformedDeliveryError, match="aws_data_exports"):
        read(connector, delivery, tmp_path)


def test_a_report_without_a_manifest_is_not_taken_for_one_without_costs(
    tmp_path: Path,
) -> None:
    (tmp_path / "copy" / "billing" / "cur" / "20260501-20260601").mkdir(parents=True)
    with pytest.raises(FatalSourceError, match="no manifest"):
        list(connect(tmp_path).deliveries(EVER))
    (finding,) = connect(tmp_path).check()
    assert "24 hours" in finding.next_step


@pytest.mark.parametrize(
    "options",
    [
        {"report": "cur"},
        {"report": "cur", "bucket": "b", "path": "p"},
        {"bucket": "b"},
        {"report": "cur", "bucket": "b", "aws_secret_access_key": "hush-hush"},
        {"report": "cur", "bucket": "b", "endpoint_url": "http://k:hush-hush@h"},
    ],
)
def test_options_that_cannot_work_are_refused_without_repeating_a_secret(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as caught:
        AwsCurLegacyConfig(name="aws", type="aws_cur_legacy", **options)
    assert "hush-hush" not in str(caught.value)


# ------------------------------------------------------------------ over HTTP


@needs_s3
def test_a_month_overwritten_while_it_is_read_is_read_again_from_the_start(
    bucket: Bucket, proxy: FaultyProxy, tmp_path: Path
) -> None:
    layout = CurLayout(bucket, makes_new=False)
    layout.deliver("2026-05", [line("1")], [line("2")])
    newer = iter([([line("10")], [line("20")])])

    def overwrite(request: Request) -> Fault | None:
        if request.method == "GET" and "00002.csv" in request.key:
            for files in newer:
                layout.deliver("2026-05", *files)
        return None

    proxy.on_request = overwrite
    options = {"bucket": bucket.name, "endpoint_url": proxy.url, "path": None}
    assert unblended(case_of(tmp_path, **options, max_parallel_downloads=1)) == 30


@needs_s3
@pytest.mark.parametrize(
    ("fault", "action", "is_hit"),
    [
        (Fault(403, "AccessDenied"), "s3:ListBucket", "list-type"),
        (Fault(403, "AccessDenied"), "s3:GetObject", ".csv.gz"),
    ],
)
def test_the_check_names_the_permission_that_is_missing(
    bucket: Bucket,
    proxy: FaultyProxy,
    tmp_path: Path,
    fault: Fault,
    action: str,
    is_hit: str,
) -> None:
    CurLayout(bucket).deliver("2026-05", [line("1")])
    options = {"bucket": bucket.name, "endpoint_url": proxy.url, "path": None}
    connector = connect(tmp_path, **options)
    assert all(finding.is_ok for finding in connector.check())
    proxy.on_request = lambda r: fault if is_hit in r.path else None
    *_, finding = connect(tmp_path, **options).check()
    assert not finding.is_ok
    assert f"lack {action} on" in finding.message
    (failure,) = case_of(tmp_path, **options).ingest().failures
    assert isinstance(failure.error, SourceAccessError)


@needs_s3
def test_slow_down_and_a_cut_connection_do_not_disturb_a_read(
    bucket: Bucket, proxy: FaultyProxy, tmp_path: Path
) -> None:
    CurLayout(bucket).deliver("2026-05", [line("1"), line("2")])
    faults = iter([Fault(503, "SlowDown"), Fault(500), Fault(keep_bytes=9)])
    proxy.on_request = lambda r: next(faults, None) if ".csv.gz" in r.key else None
    options = {"bucket": bucket.name, "endpoint_url": proxy.url, "path": None}
    assert unblended(case_of(tmp_path, **options)) == 3
    assert next(faults, None) is None


# ---------------------------------------------------------------- the contract


def contract_case(
    layout: CurLayout, options: dict[str, object], root: Path
) -> ConnectorCase:
    """Return a report of two months whose sums are plain to see."""

    def deliver(month: str, *costs: str, bad: tuple[str, ...] = ()) -> None:
        rows = [line(cost, period=month) for cost in costs]
        rows += [
            line("7", period=month, **{"lineItem/CurrencyCode": currency})
            for currency in bad
        ]
        layout.deliver(month, rows)

    def deliver_again() -> None:
        deliver("2026-04", "10.25", "0.5", "-1")
        deliver("2026-05", "4", "5")

    def deliver_late() -> dict[str, Decimal]:
        deliver("2026-05", "4", "5", "0.125")
        deliver("2026-06", "100")
        return {"USD": Decimal("118.875")}

    def deliver_hostile() -> int:
        deliver("2026-06", "1", "2", "3", bad=("", "DOUBLOON"))
        return 2

    deliver_again()
    return ConnectorCase(
        connector_type="aws_cur_legacy",
        options={"prefix": layout.prefix, "report": layout.report, **options},
        root=root,
        expected_rows=5,
        expected_money={"USD": Decimal("18.75")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=SECRETS,
    )


@pytest.mark.full
class TestAwsCurLegacyCopyContract(ConnectorContract):
    """Gzip CSV, from a copy on disk."""

    @pytest.fixture
    def case(self, layout: CurLayout, tmp_path: Path) -> ConnectorCase:
        return contract_case(layout, {"path": "copy"}, tmp_path)


@needs_s3
class TestAwsCurLegacyContract(ConnectorContract):
    """Parquet, over HTTP."""

    @pytest.fixture
    def case(self, bucket: Bucket, proxy: FaultyProxy, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {
            "bucket": bucket.name,
            "endpoint_url": proxy.url,
        }
        layout = CurLayout(bucket, compression="Parquet")
        return contract_case(layout, options, tmp_path)


def test_the_manifest_in_the_month_decides_and_not_its_copies(
    layout: CurLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-05", [line("1")])
    layout.deliver("2026-05", [line("2")])
    upper = tmp_path / "copy/billing/cur/20260501-20260601/cur-Manifest.json"
    first = next(upper.parent.glob("00000001*/cur-Manifest.json"))
    upper.write_text(first.read_text())
    assert json.loads(upper.read_text())["assemblyId"].startswith("00000001")
    assert unblended(case_of(tmp_path)) == 1


@needs_s3
@pytest.mark.full
class TestAwsCurLegacyMisbehaviour(SurvivesS3Misbehaviour):
    """A bucket of reports."""

    @pytest.fixture
    def store(self, proxy: FaultyProxy) -> FaultyProxy:
        return proxy

    @pytest.fixture
    def case(self, bucket: Bucket, store: FaultyProxy, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {"bucket": bucket.name, "endpoint_url": store.url}
        return contract_case(CurLayout(bucket), options, tmp_path)
