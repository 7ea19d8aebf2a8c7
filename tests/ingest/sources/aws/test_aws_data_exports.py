"""AWS Data Exports over HTTP, with the real boto3 client, and from a copy on disk."""

from __future__ import annotations

import json
import logging
import random
import re
import time
import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import duckdb
import pyarrow as pa
import pytest
from pydantic import ValidationError

from ingest.connector import Connector, FilePart, Window
from ingest.sources.aws.data_exports import AwsDataExports, AwsDataExportsConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.layouts.aws_export_layout import (
    Bucket,
    ExportLayout,
    Folder,
    cur2_table,
    focus_table,
)
from tests.ingest.servers.loopback_s3 import (
    ENVIRONMENT,
    MISSING_REASON,
    REPOSITORY,
    SECRETS,
    Fault,
    FaultyProxy,
    Request,
    checking_who_asks,
    client,
    is_available,
    set_environment,
)
from tests.ingest.suites.store_misbehaviour import SurvivesS3Misbehaviour
from tests.layers import IS_FULL
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ingest.connector import Delivery

needs_s3 = pytest.mark.skipif(not is_available(), reason=MISSING_REASON)
EVER = Window()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)


@pytest.fixture
def layout(bucket: Bucket) -> ExportLayout:
    return ExportLayout(bucket)


def connect(
    proxy: FaultyProxy, bucket: Bucket, root: Path, **options: Any
) -> AwsDataExports:
    return connect_to(
        {
            "bucket": bucket.name,
            "prefix": "exports",
            "export": "focus",
            "endpoint_url": proxy.url,
            **options,
        },
        root,
    )


def connect_to(options: dict[str, Any], root: Path) -> AwsDataExports:
    config = AwsDataExportsConfig(name="aws", type="aws_data_exports", **options)
    return AwsDataExports(config, root=root)


def read(
    connector: AwsDataExports, delivery: Delivery, workdir: Path
) -> list[FilePart]:
    return list(connector.read(delivery, workdir / uuid.uuid4().hex))


def total(parts: Sequence[FilePart], column: str = "BilledCost") -> Decimal:
    """Return the sum of a money column, through DuckDB as the lake reads it."""
    readers = {"parquet": "read_parquet", "csv": "read_csv"}
    amount = Decimal(0)
    for part in parts:
        query = (
            f'SELECT sum(CAST("{column}" AS DECIMAL(38, 9)))'
            f" FROM {readers[part.format]}('{part.path}')"
        )
        ((subtotal,),) = duckdb.connect().execute(query).fetchall()
        amount += subtotal
    return amount


def reads_of_data(proxy: FaultyProxy) -> list[Request]:
    return [r for r in proxy.reads_of("") if "/data/" in r.key]


@needs_s3
def test_a_month_delivered_by_overwriting_is_read_whole(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    tables = [
        focus_table("2026-05", ["1.25", "-0.50"]),
        focus_table("2026-05", ["100.000000001"], is_decimal=True),
    ]
    keys = layout.overwrite("2026-05", tables)
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    assert (delivery.stream, delivery.scope) == ("focus", "focus/2026-05")
    assert delivery.period == "2026-05"
    assert delivery.label == (
        f"s3://{bucket.name}/exports/focus/metadata/BILLING_PERIOD=2026-05/"
        "focus-Manifest.json"
    )
    parts = read(connector, delivery, tmp_path)
    assert [part.uri for part in parts] == [f"s3://{bucket.name}/{k}" for k in keys]
    assert all(part.is_owned and part.format == "parquet" for part in parts)
    assert total(parts) == Decimal("100.750000001")
    tags = (
        duckdb.connect()
        .execute(f"SELECT Tags['model'] FROM '{parts[0].path}'")
        .fetchall()
    )
    assert tags == [("eta-v2",), ("eta-v2",)]


@needs_s3
def test_only_the_newest_execution_counts_when_each_makes_a_new_report(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    for day, cost in enumerate(["10", "20", "30"], start=1):
        layout.create_new(
            "2026-05",
            [focus_table("2026-05", [cost])],
            execution=f"2026-05-0{day}T00-00-00.000Z-run",
        )
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    parts = read(connector, delivery, tmp_path)
    assert total(parts) == 30
    (request,) = reads_of_data(proxy)
    assert "/2026-05-03T" in request.key
    listed = [r.path for r in proxy.requests if "list-type" in r.path]
    assert not any("2026-05-01T" in path for path in listed)


@needs_s3
def test_large_files_uploaded_in_parts_are_proven_by_their_multipart_etag(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    dice = random.Random(0)
    unique = [dice.randbytes(1200).hex() for _ in range(5000)]
    table = focus_table("2026-05", ["0.01"] * 5000).append_column(
        "x_Unique", pa.array(unique)
    )
    (key,) = layout.overwrite("2026-05", [table])
    etag = bucket.client.head_object(Bucket=bucket.name, Key=key)["ETag"]
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    parts = read(connector, delivery, tmp_path)
    assert re.fullmatch(r'"[0-9a-f]{32}-[23]"', etag)
    assert total(parts) == 50


@needs_s3
@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_cur2_is_recognised_by_the_columns_of_its_manifest(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path, file_format: str
) -> None:
    layout = ExportLayout(bucket, export="cur")
    tables = [cur2_table("2026-05", ["1.5", "2.5"]), cur2_table("2026-05", ["3"])]
    layout.overwrite("2026-05", tables, file_format=file_format)
    connector = connect(proxy, bucket, tmp_path, export="cur")
    (delivery,) = connector.deliveries(EVER)
    parts = read(connector, delivery, tmp_path)
    assert delivery.stream == "aws_cur2"
    assert {part.format for part in parts} == {file_format}
    assert file_format == "parquet" or all(p.path.suffix == ".gz" for p in parts)
    assert total(parts, "line_item_unblended_cost") == 7


@needs_s3
def test_leftovers_that_the_manifest_does_not_name_are_ignored(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    layout.create_new("2026-05", [focus_table("2026-05", ["7"])], execution="old")
    layout.overwrite("2026-05", [focus_table("2026-05", ["5"])])
    layout.leave_blanked_chunk("2026-05", 2)
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    assert total(read(connector, delivery, tmp_path)) == 5


@needs_s3
def test_of_two_cases_of_the_partition_the_one_written_last_counts(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    lower = ExportLayout(bucket, partition="billing_period")
    lower.overwrite("2026-05", [focus_table("2026-05", ["5"])])
    for manifest in range(2):  # LastModified has a resolution of one second.
        wait_for_the_next_second()
        (lower, layout)[manifest].overwrite(
            "2026-05", [focus_table("2026-05", [str(10 + manifest)])]
        )
        connector = connect(proxy, bucket, tmp_path)
        (delivery,) = connector.deliveries(EVER)
        assert delivery.scope == "focus/2026-05"
        assert total(read(connector, delivery, tmp_path)) == 10 + manifest


@needs_s3
def test_only_a_month_that_changed_gets_another_fingerprint(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    for month in ("2026-04", "2026-05", "2026-06"):
        layout.overwrite(month, [focus_table(month, ["1"])])
    connector = connect(proxy, bucket, tmp_path)
    before = {d.period: d.fingerprint for d in connector.deliveries(EVER)}
    layout.overwrite("2026-04", [focus_table("2026-04", ["1"])])
    layout.overwrite("2026-05", [focus_table("2026-05", ["2"])])
    again = {d.period: d for d in connector.deliveries(EVER)}
    assert list(again) == ["2026-04", "2026-05", "2026-06"]
    changed = [d for d in again.values() if d.fingerprint != before[d.period]]
    assert [delivery.period for delivery in changed] == ["2026-05"]
    assert reads_of_data(proxy) == []
    assert total(read(connector, changed[0], tmp_path)) == 2
    assert len(reads_of_data(proxy)) == 1


@needs_s3
def test_nothing_but_the_months_asked_for_is_listed_or_read(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    for month in ("2026-04", "2026-05", "2026-06"):
        layout.overwrite(month, [focus_table(month, ["1"])])
    window = Window(date(2026, 5, 31), date(2026, 6, 1))
    connector = connect(proxy, bucket, tmp_path)
    assert [d.period for d in connector.deliveries(window)] == ["2026-05"]
    asked = [request.path for request in proxy.requests]
    assert all("prefix=exports%2Ffocus%2F" in p for p in asked if "list-type" in p)
    assert not any("2026-04" in path or "2026-06" in path for path in asked)
    assert len(asked) == 4  # months, manifest's place, manifest, data's place


@needs_s3
def test_a_month_among_a_thousand_leftovers_is_found(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    # A page of S3 has a thousand; in the fast layer the proxy makes it ten.
    proxy.page_size = None if IS_FULL else 10
    for number in range(1100 if IS_FULL else 25):
        key = f"exports/focus/data/BILLING_PERIOD=2026-05/a-{number:04d}.parquet"
        bucket.put(key, b"")
    layout.overwrite("2026-05", [focus_table("2026-05", ["5"])])
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    assert total(read(connector, delivery, tmp_path)) == 5
    assert any("continuation-token" in r.path for r in proxy.requests)


@needs_s3
def test_a_copied_bucket_is_read_from_where_it_lies_now(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path
) -> None:
    layout = ExportLayout(
        bucket, prefix="copies/data", copied_from="s3://original/data/daily/focus"
    )
    layout.overwrite("2026-05", [focus_table("2026-05", ["5"])])
    connector = connect(proxy, bucket, tmp_path, prefix="/copies/data/")
    (delivery,) = connector.deliveries(EVER)
    assert total(read(connector, delivery, tmp_path)) == 5


@needs_s3
@pytest.mark.parametrize("leftover", ["missing", "zero bytes"])
def test_a_named_object_that_is_missing_or_empty_keeps_the_month_out_but_no_other(
    proxy: FaultyProxy,
    bucket: Bucket,
    layout: ExportLayout,
    tmp_path: Path,
    leftover: str,
) -> None:
    layout.overwrite("2026-04", [focus_table("2026-04", ["1"])])
    tables = [focus_table("2026-05", ["1"]), focus_table("2026-05", ["2"])]
    _, broken = layout.overwrite("2026-05", tables)
    if leftover == "missing":
        bucket.client.delete_object(Bucket=bucket.name, Key=broken)
    else:
        bucket.put(broken, b"")
    connector = connect(proxy, bucket, tmp_path)
    april, may = connector.deliveries(EVER)
    assert total(read(connector, april, tmp_path)) == 1
    with pytest.raises(IncompleteDeliveryError, match=leftover) as caught:
        read(connector, may, tmp_path)
    assert f"s3://{bucket.name}/{broken}" in str(caught.value)
    assert not any("2026-05" in request.key for request in reads_of_data(proxy))


FILE = "s3://b/exports/focus/data/BILLING_PERIOD=2026-05/a.parquet"
COLUMNS = [{"name": "BilledCost"}]
BROKEN_MANIFESTS = {
    "not JSON": '{"dataFiles": [',
    "not a JSON object": "[]",
    "names no data files": {"columns": COLUMNS},
    "names no data files ": {"columns": COLUMNS, "dataFiles": []},
    "does not list the columns": {"columns": [{"name": "a"}], "dataFiles": [FILE]},
    "outside of": {"columns": COLUMNS, "dataFiles": ["s3://b/other/a.parquet"]},
    "outside of ": {
        "columns": COLUMNS,
        "dataFiles": [FILE.replace("a.parquet", "../../x.parquet")],
    },
    "of 2026-06": {"columns": COLUMNS, "dataFiles": [FILE.replace("05", "06")]},
    "unknown format": {"columns": COLUMNS, "dataFiles": [FILE + ".zip"]},
}


@pytest.mark.parametrize("words", BROKEN_MANIFESTS)
def test_a_manifest_that_cannot_be_understood_is_malformed(
    tmp_path: Path, words: str
) -> None:
    layout = ExportLayout(Folder(tmp_path / "copy"))
    key = layout.put_manifest("2026-05", BROKEN_MANIFESTS[words])
    options = {"path": "copy", "prefix": "exports", "export": "focus"}
    connector = connect_to(options, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    with pytest.raises(MalformedDeliveryError, match=words.strip()) as caught:
        read(connector, delivery, tmp_path)
    assert caught.value.where == f"copy/{key}"
    assert [finding.is_ok for finding in connector.check()] == [True, False]


def test_a_local_copy_is_read_where_it_lies(tmp_path: Path) -> None:
    layout = ExportLayout(Folder(tmp_path / "copy"), prefix="", export="daily")
    layout.create_new("2026-05", [focus_table("2026-05", ["9"])], execution="old")
    keys = layout.create_new(
        "2026-05", [focus_table("2026-05", ["5"])], execution="new"
    )
    connector = connect_to({"path": "copy", "export": "daily"}, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    (part,) = read(connector, delivery, tmp_path)
    assert part.path == tmp_path / "copy" / keys[0]
    assert not part.is_owned
    assert total([part]) == 5
    assert all(finding.is_ok for finding in connector.check())


def test_a_file_named_twice_counts_once(tmp_path: Path) -> None:
    layout = ExportLayout(Folder(tmp_path))
    layout.overwrite("2026-05", [focus_table("2026-05", ["5"])])
    manifest = tmp_path / "exports/focus/metadata/BILLING_PERIOD=2026-05"
    content = json.loads((manifest / "focus-Manifest.json").read_text())
    layout.put_manifest("2026-05", content | {"dataFiles": content["dataFiles"] * 2})
    options = {"path": ".", "prefix": "exports", "export": "focus"}
    connector = connect_to(options, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    assert total(read(connector, delivery, tmp_path)) == 5


def test_a_declared_table_is_enough_when_the_manifest_lists_no_columns(
    tmp_path: Path,
) -> None:
    layout = ExportLayout(Folder(tmp_path))
    layout.overwrite("2026-05", [cur2_table("2026-05", ["5"])])
    options = {"path": ".", "prefix": "exports", "export": "focus"}
    manifest = tmp_path / "exports/focus/metadata/BILLING_PERIOD=2026-05"
    content = json.loads((manifest / "focus-Manifest.json").read_text())
    mistaken = connect_to(options | {"table": "focus"}, tmp_path)
    with pytest.raises(MalformedDeliveryError, match="'aws_cur2', not of 'focus'"):
        read(mistaken, next(mistaken.deliveries(EVER)), tmp_path)
    layout.put_manifest("2026-05", {"dataFiles": content["dataFiles"]})
    connector = connect_to(options | {"table": "cur2"}, tmp_path)
    assert connector.streams() == ("aws_cur2",)
    assert [d.stream for d in connector.deliveries(EVER)] == ["aws_cur2"]


@pytest.mark.parametrize("has_partition", [True, False])
def test_an_export_without_a_manifest_is_not_taken_for_one_without_costs(
    tmp_path: Path, has_partition: bool
) -> None:
    if has_partition:
        folder = tmp_path / "exports/focus/metadata/BILLING_PERIOD=2026-05/execution"
        folder.mkdir(parents=True)
    options = {"path": ".", "prefix": "exports", "export": "focus"}
    connector = connect_to(options, tmp_path)
    with pytest.raises(FatalSourceError, match="no manifest"):
        list(connector.deliveries(EVER))
    (finding,) = connector.check()
    assert "24 hours" in finding.next_step


@needs_s3
def test_a_month_overwritten_while_it_is_read_is_read_again_from_the_start(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    tables = [focus_table("2026-05", ["1"]), focus_table("2026-05", ["2"])]
    layout.overwrite("2026-05", tables)
    newer = [focus_table("2026-05", ["10"]), focus_table("2026-05", ["20"])]
    overwrites = iter([newer])

    def overwrite(request: Request) -> None:
        if request.method == "GET" and "00002.snappy" in request.key:
            for tables in overwrites:
                layout.overwrite("2026-05", tables)

    connector = connect(proxy, bucket, tmp_path, max_parallel_downloads=1)
    (delivery,) = connector.deliveries(EVER)
    proxy.on_request = overwrite
    parts = read(connector, delivery, tmp_path)
    assert total(parts) == 30


@needs_s3
def test_a_month_whose_files_were_all_read_before_the_overwrite_is_read_again(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    layout.create_new("2026-05", [focus_table("2026-05", ["1"])], execution="first")
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    newer = iter(["second"])

    def deliver(request: Request) -> None:
        if request.method == "GET" and "snappy" in request.key:
            for execution in newer:
                tables = [focus_table("2026-05", ["8"])]
                layout.create_new("2026-05", tables, execution=execution)

    proxy.on_request = deliver
    assert total(read(connector, delivery, tmp_path)) == 8


@needs_s3
def test_a_month_that_is_overwritten_each_time_fails_as_transient(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    layout.overwrite("2026-05", [focus_table("2026-05", ["1"])])
    costs = iter(range(2, 100))

    def overwrite(request: Request) -> None:
        if request.method == "GET" and "snappy" in request.key:
            tables = [focus_table("2026-05", [str(next(costs))])]
            layout.overwrite("2026-05", tables)

    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    proxy.on_request = overwrite
    with pytest.raises(TransientSourceError, match="overwritten each time"):
        read(connector, delivery, tmp_path)
    assert next(costs) == 5  # Three attempts, one overwrite each.


@needs_s3
def test_slow_down_and_a_cut_connection_do_not_disturb_a_read(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    layout.overwrite("2026-05", [focus_table("2026-05", ["1", "2", "3"])])
    connector = connect(proxy, bucket, tmp_path)
    (delivery,) = connector.deliveries(EVER)
    faults = iter([Fault(503, "SlowDown"), Fault(503, "SlowDown"), Fault(keep_bytes=9)])
    proxy.on_request = lambda r: next(faults, None) if "snappy" in r.key else None
    assert total(read(connector, delivery, tmp_path)) == 6
    assert next(faults, None) is None


@needs_s3
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(403, "AccessDenied"), "s3:ListBucket"),
        (Fault(400, "ExpiredToken"), "credential chain"),
        (Fault(404, "NoSuchBucket"), "bucket does not exist"),
    ],
)
def test_a_refused_listing_fails_the_source_and_the_check_alike(
    proxy: FaultyProxy, bucket: Bucket, tmp_path: Path, fault: Fault, words: str
) -> None:
    proxy.on_request = lambda _: fault
    connector = connect(proxy, bucket, tmp_path)
    with pytest.raises(FatalSourceError, match=words):
        list(connector.deliveries(EVER))
    (finding,) = connector.check()
    assert not finding.is_ok
    assert words in finding.message
    assert finding.next_step


@needs_s3
def test_the_check_names_the_permission_that_reading_lacks(
    proxy: FaultyProxy, bucket: Bucket, layout: ExportLayout, tmp_path: Path
) -> None:
    layout.overwrite("2026-05", [focus_table("2026-05", ["1"])])
    connector = connect(proxy, bucket, tmp_path)
    assert [finding.is_ok for finding in connector.check()] == [True, True, True]
    assert reads_of_data(proxy) == []
    proxy.on_request = lambda r: Fault(403) if r.method == "HEAD" else None
    *_, finding = connector.check()
    assert not finding.is_ok
    assert "s3:GetObject" in finding.message
    proxy.on_request = lambda r: (
        Fault(403, "AccessDenied") if r.key.endswith("Manifest.json") else None
    )
    with pytest.raises(SourceAccessError, match="s3:GetObject"):
        list(connector.deliveries(EVER))


@pytest.fixture
def guarded(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GuardedExport]:
    """Lay an export for a user of this test's own, whom the server checks."""
    writer = client(endpoint)
    writer.create_bucket(Bucket="example-billing")
    layout = ExportLayout(Bucket(writer, "example-billing"))
    layout.overwrite("2026-05", [focus_table("2026-05", ["5"])])
    iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1")
    user = f"reader-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with checking_who_asks(endpoint) as check:
        yield GuardedExport(endpoint, iam, user, tmp_path, check)


@dataclass(frozen=True, slots=True)
class GuardedExport:
    url: str
    iam: Any
    user: str
    root: Path
    check_every_request: Callable[[], None]

    def connect(self, statements: list[dict[str, Any]]) -> AwsDataExports:
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.iam.put_user_policy(
            UserName=self.user,
            PolicyName="reading",
            PolicyDocument=json.dumps(policy),
        )
        self.check_every_request()
        options = {
            "bucket": "example-billing",
            "prefix": "exports",
            "export": "focus",
            "endpoint_url": self.url,
        }
        return connect_to(options, self.root)


def documented_policy() -> list[dict[str, Any]]:
    guide = (REPOSITORY / "docs/how_to/connect_aws.md").read_text()
    (policy,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    statements: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return statements


@needs_s3
def test_the_documented_policy_is_enough(
    guarded: GuardedExport, tmp_path: Path
) -> None:
    connector = guarded.connect(documented_policy())
    assert [finding.is_ok for finding in connector.check()] == [True, True, True]
    (delivery,) = connector.deliveries(EVER)
    assert total(read(connector, delivery, tmp_path)) == 5


@needs_s3
@pytest.mark.parametrize(
    ("missing", "action"), [(0, "s3:ListBucket"), (1, "s3:GetObject")]
)
def test_each_statement_of_the_documented_policy_is_needed(
    guarded: GuardedExport, missing: int, action: str
) -> None:
    statements = documented_policy()
    assert statements[missing]["Action"] == action
    resource = statements.pop(missing)["Resource"].removesuffix("*")
    connector = guarded.connect(statements)
    *_, finding = connector.check()
    assert not finding.is_ok
    assert f"lack {action} on {resource}" in finding.message
    bucket = resource.partition("/")[0]
    assert f"Allow {action} on {bucket}" in finding.next_step
    with pytest.raises(SourceAccessError, match=action):
        list(connector.deliveries(EVER))


@needs_s3
def test_a_wrong_secret_is_a_matter_of_credentials(
    guarded: GuardedExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-one")
    connector = guarded.connect(documented_policy())
    with pytest.raises(SourceAccessError, match="SignatureDoesNotMatch") as caught:
        list(connector.deliveries(EVER))
    assert "a-wrong-one" not in str(caught.value)


@needs_s3
def test_no_secret_reaches_a_log_even_at_the_most_talkative_level(
    proxy: FaultyProxy,
    bucket: Bucket,
    layout: ExportLayout,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    layout.overwrite("2026-05", [focus_table("2026-05", ["1"])])
    connector = connect(proxy, bucket, tmp_path)
    caplog.clear()
    (delivery,) = connector.deliveries(EVER)
    read(connector, delivery, tmp_path)
    assert ENVIRONMENT["AWS_SESSION_TOKEN"] in json.dumps(proxy.requests[0].headers)
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert ENVIRONMENT[name] not in caplog.text
        assert ENVIRONMENT[name] not in repr(delivery)


@pytest.mark.parametrize(
    "options",
    [
        {"export": "focus"},
        {"export": "focus", "bucket": "b", "path": "p"},
        {"bucket": "b"},
        {"export": "focus", "bucket": "b", "aws_secret_access_key": "hush-hush"},
        {"export": "focus", "bucket": "b", "endpoint_url": "http://k:hush-hush@h"},
        {"export": "focus", "bucket": "b", "max_parallel_downloads": 0},
    ],
)
def test_options_that_cannot_work_are_refused_without_repeating_a_secret(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as caught:
        AwsDataExportsConfig(name="aws", type="aws_data_exports", **options)
    assert "hush-hush" not in str(caught.value)


def test_it_follows_the_connector_protocol(tmp_path: Path) -> None:
    connector: Connector = connect_to({"path": ".", "export": "focus"}, tmp_path)
    assert isinstance(connector, Connector)
    assert connector.streams() == ("focus", "aws_cur2")


def contract_case(
    layout: ExportLayout, tables: Tables, options: dict[str, object], root: Path
) -> ConnectorCase:
    """Return an export of two months whose sums are plain to see."""

    def deliver(month: str, costs: list[str]) -> None:
        layout.overwrite(
            month, [tables.make(month, costs)], file_format=tables.file_format
        )

    def deliver_again() -> None:
        deliver("2026-04", ["10.25", "0.5", "-1"])
        deliver("2026-05", ["4", "5"])

    def deliver_late() -> dict[str, Decimal]:
        deliver("2026-05", ["4", "5", "0.125"])
        deliver("2026-06", ["100"])
        return {"USD": Decimal("118.875")}

    def deliver_hostile() -> int:
        good = tables.make("2026-06", ["1", "2", "3"])
        bad = tables.make("2026-06", ["7", "8"]).set_column(
            good.column_names.index(tables.currency),
            tables.currency,
            pa.array([None, "DOUBLOON"], pa.string()),
        )
        layout.overwrite(
            "2026-06",
            [pa.concat_tables([good, bad])],
            file_format=tables.file_format,
        )
        return 2

    deliver_again()
    return ConnectorCase(
        connector_type="aws_data_exports",
        options={"prefix": layout.prefix, "export": layout.export, **options},
        root=root,
        expected_rows=5,
        expected_money={"USD": Decimal("18.75")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=SECRETS,
    )


@dataclass(frozen=True, slots=True)
class Tables:
    make: Callable[[str, list[str]], pa.Table]
    currency: str
    file_format: str


FOCUS = Tables(focus_table, "BillingCurrency", "parquet")
CUR2 = Tables(cur2_table, "line_item_currency_code", "csv")


@needs_s3
class TestAwsDataExportsContract(ConnectorContract):
    """FOCUS as Parquet, over HTTP."""

    @pytest.fixture
    def case(
        self, layout: ExportLayout, endpoint: str, tmp_path: Path
    ) -> ConnectorCase:
        place = layout.place
        assert isinstance(place, Bucket)
        options: dict[str, object] = {"bucket": place.name, "endpoint_url": endpoint}
        return contract_case(layout, FOCUS, options, tmp_path)


@needs_s3
@pytest.mark.full
class TestAwsDataExportsCur2Contract(ConnectorContract):
    """CUR 2.0 as gzip CSV, over HTTP."""

    @pytest.fixture
    def case(self, bucket: Bucket, endpoint: str, tmp_path: Path) -> ConnectorCase:
        layout = ExportLayout(bucket, export="cur")
        options: dict[str, object] = {
            "bucket": bucket.name,
            "endpoint_url": endpoint,
            "table": "cur2",
        }
        return contract_case(layout, CUR2, options, tmp_path)


@pytest.mark.full
class TestAwsDataExportsCopyContract(ConnectorContract):
    """FOCUS as Parquet, from a copy on disk."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        layout = ExportLayout(Folder(tmp_path / "copy"))
        return contract_case(layout, FOCUS, {"path": "copy"}, tmp_path)


def wait_for_the_next_second() -> None:
    time.sleep(1.05 - time.time() % 1)


@needs_s3
class TestAwsDataExportsMisbehaviour(SurvivesS3Misbehaviour):
    """A bucket of FOCUS files."""

    @pytest.fixture
    def store(self, proxy: FaultyProxy) -> FaultyProxy:
        return proxy

    @pytest.fixture
    def case(self, bucket: Bucket, store: FaultyProxy, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {"bucket": bucket.name, "endpoint_url": store.url}
        return contract_case(ExportLayout(bucket), FOCUS, options, tmp_path)
