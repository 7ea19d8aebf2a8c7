from __future__ import annotations

import itertools
import json
import logging
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from ingest.connector import Connector, RowsPart, Window
from ingest.sources.google.connector import GcpBilling, GcpBillingConfig
from ingest.testing import ConnectorCase, ConnectorContract, _row_count
from tests.ingest.layouts.gcp_export_layout import (
    ACCOUNT,
    DETAILED,
    LABEL,
    PROJECT,
    TABLE,
    Workbench,
    credit,
    export_rows,
    row,
)
from tests.ingest.servers import loopback_bigquery as loopback
from tests.ingest.servers.http_server import (
    Fault,
    ScriptedServer,
    duplicate_page,
    looping_token,
    not_json,
    status,
    truncated_body,
)
from tests.ingest.suites.misbehaviour import (
    SurvivesMisbehaviour,
    assert_whole,
    first_failure,
    repeats,
)
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    SourceAccessError,
    SourceError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from google.cloud import bigquery

_dataset_numbers = itertools.count(1)
_MONEY = (
    "select strftime(invoice_month_start, '%Y-%m'), currency, sum(cost),"
    " sum(credits_amount), sum(promotion_amount), count(*)"
    " from evidence.gcp_billing_export group by all order by all"
)
_EXPECTED = [
    ("2026-06", "EUR", Decimal("15.08"), Decimal("-3.15"), Decimal("-1.10"), 6),
    ("2026-06", "USD", Decimal("5.00"), Decimal(0), Decimal(0), 1),
    ("2026-07", "EUR", Decimal("4.00"), Decimal("-0.50"), Decimal(0), 1),
]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not loopback.is_available():
        pytest.skip(loopback.MISSING_REASON)
    with loopback.running_bigquery(tmp_path_factory.mktemp("bigquery")) as address:
        yield address


@pytest.fixture(scope="module")
def writer(endpoint: str) -> bigquery.Client:
    return loopback.client(endpoint, PROJECT)


@pytest.fixture
def dataset() -> str:
    return f"billing_{next(_dataset_numbers)}"


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


@pytest.fixture
def table(writer: bigquery.Client, dataset: str) -> str:
    """Return the path of a table that holds the sample rows."""
    path = f"{PROJECT}.{dataset}.{TABLE}"
    loopback.create_table(writer, path, DETAILED)
    loopback.insert(writer, path, export_rows())
    return path


@pytest.fixture
def connect(endpoint: str, dataset: str, tmp_path: Path) -> Callable[..., GcpBilling]:
    def make(**options: object) -> GcpBilling:
        defaults = {
            "dataset": dataset,
            "billing_account": ACCOUNT,
            "api_endpoint": endpoint,
        }
        return source(tmp_path, **{**defaults, **options})

    return make


def source(root: Path, **options: object) -> GcpBilling:
    settings = {"name": "google", "type": "gcp_billing", "project": PROJECT, **options}
    return GcpBilling(GcpBillingConfig.model_validate(settings), root=root)


def scopes(connector: GcpBilling, window: Window | None = None) -> list[str]:
    return [d.scope.partition("/")[2] for d in connector.deliveries(window or Window())]


def first_error(connector: GcpBilling, root: Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_all(connector, root)
    return caught.value


def read_all(connector: GcpBilling, root: Path) -> None:
    for delivery in connector.deliveries(Window()):
        for part in connector.read(delivery, root):
            assert isinstance(part, RowsPart)
            list(part.batches)


# --- the rows and their money ------------------------------------------------------


def test_the_connector_follows_the_protocol(tmp_path: Path) -> None:
    assert isinstance(source(tmp_path, path="."), Connector)


@pytest.mark.emulator
def test_cost_credits_and_promotions_sum_per_invoice_month_and_currency(
    bench: Workbench, table: str, connect: Callable[..., GcpBilling]
) -> None:
    report = bench.ingest(connect())

    report.raise_first_failure()
    assert table
    assert len(report.committed) == 3
    assert bench.query(_MONEY) == _EXPECTED


@pytest.mark.full
@pytest.mark.emulator
def test_nested_fields_labels_and_nulls_arrive_flat(
    bench: Workbench, table: str, connect: Callable[..., GcpBilling]
) -> None:
    bench.ingest(connect()).raise_first_failure()

    assert table
    assert bench.query(
        "select service_id, project_id, location_region, resource_name, usage_amount,"
        " usage_start_time, labels['team'], labels['note'],"
        " project_labels['cost-center'] from evidence.gcp_billing_export"
        " where cost = 10.25"
    ) == [
        (
            "6F81-5844-456A",
            "ml-prod",
            "us-central1",
            "gpu-1",
            Decimal(3600),
            datetime(2026, 6, 27, 22),  # noqa: DTZ001  (UTC, as all evidence)
            "ranking",
            'a "quoted" \\ note',
            "4411",
        )
    ]
    assert bench.query(
        "select cost_type, cost, project_id, labels, adjustment_reason"
        " from evidence.gcp_billing_export where cost_type <> 'regular' order by cost"
    ) == [
        ("adjustment", Decimal("-0.40"), None, None, "metering"),
        ("tax", Decimal("1.93"), None, None, None),
    ]


@pytest.mark.full
@pytest.mark.emulator
def test_every_credit_stays_readable_beside_their_sum(
    bench: Workbench, table: str, connect: Callable[..., GcpBilling]
) -> None:
    bench.ingest(connect()).raise_first_failure()

    assert table
    assert bench.query(
        "select credits ->> '$[1].type', credits ->> '$[1].amount'"
        " from evidence.gcp_billing_export where cost = 10.25"
    ) == [("COMMITTED_USAGE_DISCOUNT", "-2.05")]


@pytest.mark.emulator
def test_amounts_are_decimals_before_they_are_added(
    table: str, connect: Callable[..., GcpBilling], tmp_path: Path
) -> None:
    connector = connect()
    delivery = next(iter(connector.deliveries(Window())))
    (part,) = connector.read(delivery, tmp_path)

    assert table
    assert isinstance(part, RowsPart)
    rows = pa.Table.from_batches(part.batches, part.schema)
    assert part.schema.field("cost").type == pa.decimal128(38, 9)
    small = [c for c in rows["cost"].to_pylist() if c < 1]
    assert sum(small) == Decimal("0.3")  # 0.1 + 0.2 as floats is not
    assert "a_column_of_the_future" not in part.schema.names


@pytest.mark.full
@pytest.mark.emulator
def test_amounts_of_a_billionth_are_kept(
    bench: Workbench,
    writer: bigquery.Client,
    dataset: str,
    connect: Callable[..., GcpBilling],
) -> None:
    path = f"{PROJECT}.{dataset}.{TABLE}"
    loopback.create_table(writer, path, DETAILED)
    tiny = credit(-0.000000002, "FREE_TIER")
    loopback.insert(
        writer, path, [row(10.000000007, "2026-06-28T00:00:00Z", credits=[tiny] * 2)]
    )

    bench.ingest(connect()).raise_first_failure()

    assert bench.query(
        "select cost, credits_amount from evidence.gcp_billing_export"
    ) == [(Decimal("10.000000007"), Decimal("-0.000000004"))]


@pytest.mark.full
@pytest.mark.emulator
def test_a_tag_key_that_comes_twice_is_kept_once(
    bench: Workbench,
    writer: bigquery.Client,
    table: str,
    connect: Callable[..., GcpBilling],
) -> None:
    tags = [
        {"key": "env", "value": "dev", "inherited": True, "namespace": "1"},
        {"key": "env", "value": "prod", "inherited": False, "namespace": "2"},
    ]
    loopback.insert(writer, table, [row(7.0, "2026-07-09T00:00:00Z", tags=tags)])

    bench.ingest(connect()).raise_first_failure()

    assert bench.query(
        "select tags::varchar from evidence.gcp_billing_export where cost = 7"
    ) == [("{env=prod}",)]


@pytest.mark.full
@pytest.mark.emulator
def test_a_standard_export_without_the_newer_columns_is_read_as_well(
    bench: Workbench,
    writer: bigquery.Client,
    dataset: str,
    connect: Callable[..., GcpBilling],
) -> None:
    newer = {"resource", "tags", "adjustment_info", "a_column_of_the_future"}
    path = f"{PROJECT}.{dataset}.gcp_billing_export_v1_{ACCOUNT.replace('-', '_')}"
    loopback.create_table(writer, path, [f for f in DETAILED if f[0] not in newer])
    loopback.insert(
        writer,
        path,
        [{k: v for k, v in r.items() if k not in newer} for r in export_rows()],
    )

    bench.ingest(connect(export="standard")).raise_first_failure()

    assert bench.query(_MONEY) == _EXPECTED
    assert bench.query(
        "select count(resource_name), count(tags) from evidence.gcp_billing_export"
    ) == [(0, 0)]


@pytest.mark.full
@pytest.mark.emulator
def test_rows_that_cannot_count_go_to_quarantine_beside_good_ones(
    bench: Workbench,
    writer: bigquery.Client,
    table: str,
    connect: Callable[..., GcpBilling],
) -> None:
    day = "2026-06-28T12:00:00Z"
    broken = [
        row(None, day),
        row(1.0, day, currency="XXZ"),
        row(1.0, day, invoice={"month": "soon", "publisher_type": None}),
    ]
    loopback.insert(writer, table, broken)

    report = bench.ingest(connect())

    report.raise_first_failure()
    assert report.quarantined_row_count == len(broken)
    assert bench.query(_MONEY) == _EXPECTED


# --- export days -------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.emulator
def test_each_export_day_is_a_delivery_whatever_month_its_rows_are_of(
    table: str, connect: Callable[..., GcpBilling]
) -> None:
    found = list(connect().deliveries(Window()))

    assert [(d.scope, d.period) for d in found] == [
        (f"{TABLE}/2026-06-28", "2026-06"),
        (f"{TABLE}/2026-06-29", "2026-06"),
        (f"{TABLE}/2026-07-02", "2026-07"),
    ]
    assert found[0].label == f"{table}/2026-06-28"


@pytest.mark.full
@pytest.mark.emulator
def test_a_second_ingest_of_the_same_table_reads_nothing(
    bench: Workbench, table: str, connect: Callable[..., GcpBilling]
) -> None:
    bench.ingest(connect())
    again = bench.ingest(connect())

    assert table
    assert not again.committed
    assert again.skipped_count == 3


@pytest.mark.emulator
def test_late_rows_of_a_closed_month_replace_only_the_day_they_were_exported_on(
    bench: Workbench,
    writer: bigquery.Client,
    table: str,
    connect: Callable[..., GcpBilling],
) -> None:
    bench.ingest(connect())
    late = [
        row(0.75, "2026-07-02T23:00:00Z"),
        row(2.25, "2026-07-15T10:00:00Z", credits=[credit(-0.25, "FREE_TIER")]),
    ]
    loopback.insert(writer, table, late)

    report = bench.ingest(connect())

    report.raise_first_failure()
    assert [load.label.rpartition("/")[2] for load in report.committed] == [
        "2026-07-02",
        "2026-07-15",
    ]
    # 15.08 + 0.75 + 2.25 and -3.15 - 0.25
    june = ("2026-06", "EUR", Decimal("18.08"), Decimal("-3.40"), Decimal("-1.10"), 8)
    assert bench.query(_MONEY) == [june, *_EXPECTED[1:]]


@pytest.mark.full
@pytest.mark.emulator
def test_a_credit_that_changes_nothing_else_makes_its_day_new(
    writer: bigquery.Client, table: str, connect: Callable[..., GcpBilling]
) -> None:
    before = {d.scope: d.fingerprint for d in connect().deliveries(Window())}
    zero = row(0.0, "2026-06-28T01:00:00Z", credits=[credit(-1.0, "DISCOUNT")])
    loopback.insert(writer, table, [zero])
    after = {d.scope: d.fingerprint for d in connect().deliveries(Window())}

    changed = {scope for scope in after if after[scope] != before.get(scope)}
    assert changed == {f"{TABLE}/2026-06-28"}


@pytest.mark.full
@pytest.mark.emulator
def test_a_window_also_looks_at_the_lag_days_before_it(
    table: str, connect: Callable[..., GcpBilling]
) -> None:
    july = Window(date(2026, 7, 1), date(2026, 8, 1))

    assert table
    assert scopes(connect(), july) == ["2026-06-28", "2026-06-29", "2026-07-02"]
    assert scopes(connect(lag_days=2), july) == ["2026-06-29", "2026-07-02"]
    assert scopes(connect(lag_days=0), july) == ["2026-07-02"]
    assert scopes(connect(start_date="2026-06-29")) == ["2026-06-29", "2026-07-02"]
    assert scopes(connect(), Window(None, date(2026, 6, 29))) == ["2026-06-28"]


@pytest.mark.full
@pytest.mark.emulator
@pytest.mark.parametrize("partitioned_by", ["export_time", "usage_start_time", None])
def test_however_the_table_is_partitioned_the_totals_are_the_same(
    partitioned_by: str | None,
    bench: Workbench,
    writer: bigquery.Client,
    dataset: str,
    connect: Callable[..., GcpBilling],
) -> None:
    path = f"{PROJECT}.{dataset}.my_export"
    loopback.create_table(writer, path, DETAILED, partitioned_by=partitioned_by)
    loopback.insert(writer, path, export_rows())

    bench.ingest(connect(table="my_export")).raise_first_failure()

    assert bench.query(_MONEY) == _EXPECTED


@pytest.mark.full
@pytest.mark.emulator
def test_a_row_without_export_time_is_not_lost(
    bench: Workbench,
    writer: bigquery.Client,
    table: str,
    connect: Callable[..., GcpBilling],
) -> None:
    undated = {**row(9.0, ""), "export_time": None}
    loopback.insert(writer, table, [undated])

    bench.ingest(connect()).raise_first_failure()

    assert scopes(connect())[0] == "no-date"
    assert bench.query(
        "select sum(cost) from evidence.gcp_billing_export where currency = 'EUR'"
    ) == [(Decimal("28.08"),)]


@pytest.mark.emulator
def test_an_answer_of_many_pages_arrives_whole(
    bench: Workbench,
    writer: bigquery.Client,
    dataset: str,
    connect: Callable[..., GcpBilling],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.sources.google.billing_table._ROWS_PER_PAGE", 7)
    path = f"{PROJECT}.{dataset}.{TABLE}"
    loopback.create_table(writer, path, DETAILED)
    many = [row(n / 100, "2026-06-28T00:00:00Z") for n in range(1, 51)]
    loopback.insert(writer, path, many)

    bench.ingest(connect()).raise_first_failure()

    # 0.01 + 0.02 + … + 0.50 = 50 · 51 / 2 / 100
    assert bench.query(
        "select count(*), sum(cost) from evidence.gcp_billing_export"
    ) == [(50, Decimal("12.75"))]


# --- the FOCUS export --------------------------------------------------------------

FOCUS_FIELDS: list[Any] = [
    ("BilledCost", "NUMERIC"),
    ("EffectiveCost", "FLOAT"),
    ("ListUnitPrice", "FLOAT"),
    ("BillingCurrency", "STRING"),
    ("BillingPeriodStart", "TIMESTAMP"),
    ("BillingPeriodEnd", "TIMESTAMP"),
    ("ChargePeriodStart", "TIMESTAMP"),
    ("ChargePeriodEnd", "TIMESTAMP"),
    ("ChargeCategory", "STRING"),
    ("ServiceName", "STRING"),
    ("SubAccountId", "STRING"),
    ("Tags", "REPEATED", LABEL),
    ("x_ExportTime", "TIMESTAMP"),
]


def focus_row(
    billed: str, month: int, exported: str, **changes: object
) -> dict[str, Any]:
    return {
        "BilledCost": billed,
        "EffectiveCost": float(billed),
        "ListUnitPrice": 1.25e-11,
        "BillingCurrency": "EUR",
        "BillingPeriodStart": f"2026-{month:02}-01T00:00:00Z",
        "BillingPeriodEnd": f"2026-{month + 1:02}-01T00:00:00Z",
        "ChargePeriodStart": "2026-06-28T00:00:00Z",
        "ChargePeriodEnd": "2026-06-29T00:00:00Z",
        "ChargeCategory": "Usage",
        "ServiceName": "Vertex AI",
        "SubAccountId": "ml-prod",
        "Tags": [{"key": "team", "value": "ranking"}],
        "x_ExportTime": exported,
        **changes,
    }


@pytest.fixture
def focus(
    writer: bigquery.Client, dataset: str, connect: Callable[..., GcpBilling]
) -> tuple[GcpBilling, str]:
    account = ACCOUNT.replace("-", "_")
    path = f"{PROJECT}.{dataset}.gcp_billing_export_focus_{account}"
    loopback.create_table(writer, path, FOCUS_FIELDS)
    loopback.insert(
        writer,
        path,
        [
            focus_row("10.000000001", 6, "2026-07-01T00:00:00Z"),
            focus_row("2.5", 6, "2026-07-01T00:00:00Z", BillingCurrency="USD"),
            focus_row("4", 7, "2026-07-02T00:00:00Z"),
        ],
    )
    return connect(export="focus"), path


@pytest.mark.full
@pytest.mark.emulator
def test_the_focus_export_is_delivered_by_billing_month(
    focus: tuple[GcpBilling, str], bench: Workbench
) -> None:
    connector, _ = focus

    bench.ingest(connector).raise_first_failure()

    assert connector.streams() == ("focus",)
    assert scopes(connector) == ["2026-06", "2026-07"]
    assert bench.query(
        "select strftime(BillingPeriodStart, '%Y-%m'), BillingCurrency,"
        " sum(BilledCost), sum(EffectiveCost), any_value(Tags['team'])"
        " from evidence.focus group by all order by all"
    ) == [
        ("2026-06", "EUR", Decimal("10.000000001"), Decimal("10.000000001"), "ranking"),
        ("2026-06", "USD", Decimal("2.5"), Decimal("2.5"), "ranking"),
        ("2026-07", "EUR", Decimal(4), Decimal(4), "ranking"),
    ]


@pytest.mark.full
@pytest.mark.emulator
def test_a_unit_price_below_a_billionth_keeps_its_digits(
    focus: tuple[GcpBilling, str], bench: Workbench
) -> None:
    bench.ingest(focus[0]).raise_first_failure()

    assert bench.query("select distinct ListUnitPrice from evidence.focus") == [
        (Decimal("0.0000000000125"),)
    ]


@pytest.mark.full
@pytest.mark.emulator
def test_a_correction_in_the_focus_export_renews_its_month_only(
    focus: tuple[GcpBilling, str], bench: Workbench, writer: bigquery.Client
) -> None:
    connector, path = focus
    bench.ingest(connector)
    loopback.insert(writer, path, [focus_row("-1", 6, "2026-07-20T00:00:00Z")])

    report = bench.ingest(connector)

    assert [load.label.rpartition("/")[2] for load in report.committed] == ["2026-06"]
    assert bench.query(
        "select sum(BilledCost) from evidence.focus where BillingCurrency = 'EUR'"
    ) == [(Decimal("13.000000001"),)]


# --- what can go wrong -------------------------------------------------------------


@pytest.mark.full
@pytest.mark.emulator
def test_a_table_that_does_not_exist_is_named_with_the_setting_to_look_at(
    connect: Callable[..., GcpBilling], tmp_path: Path, dataset: str
) -> None:
    error = first_error(connect(), tmp_path)

    assert type(error) is FatalSourceError
    assert f"{PROJECT}.{dataset}.{TABLE}" in str(error)
    assert "Billing export" in error.next_step


@pytest.mark.full
@pytest.mark.emulator
def test_a_table_that_is_no_export_is_refused_by_its_columns(
    writer: bigquery.Client,
    dataset: str,
    connect: Callable[..., GcpBilling],
    tmp_path: Path,
) -> None:
    path = f"{PROJECT}.{dataset}.prices"
    loopback.create_table(writer, path, [("sku", "STRING")], partitioned_by=None)

    error = first_error(connect(table="prices"), tmp_path)

    assert isinstance(error, MalformedDeliveryError)
    assert "export_time, cost" in error.what


def test_denied_access_names_the_roles_that_are_needed(tmp_path: Path) -> None:
    with loopback.refusing_bigquery(
        403, reason="accessDenied", message="Access Denied: no tables.getData"
    ) as (address, _):
        error = first_error(
            source(tmp_path, dataset="b", table="t", api_endpoint=address), tmp_path
        )

    assert isinstance(error, SourceAccessError)
    assert "roles/bigquery.dataViewer" in error.next_step
    assert "roles/bigquery.jobUser" in error.next_step


_JOBS = f"bigquery.jobs.create on project {PROJECT}"
_T = f"{PROJECT}.b.t"


@pytest.mark.parametrize(
    ("message", "says", "grant"),
    [
        (
            f"Access Denied: Project {PROJECT}: User does not have bigquery.jobs.create"
            f" permission in project {PROJECT}.",
            f"the credentials lack {_JOBS}.",
            f"Grant roles/bigquery.jobUser in project {PROJECT}.",
        ),
        (
            f"Access Denied: Table {PROJECT}:b.t: Permission bigquery.tables.get denied"
            f" on table {PROJECT}:b.t (or it may not exist).",
            f"the credentials lack bigquery.tables.get on table {_T}.",
            f"Grant roles/bigquery.dataViewer on the dataset {PROJECT}.b.",
        ),
        (
            f"Access Denied: Table {PROJECT}:b.t: User does not have permission to"
            f" query table {PROJECT}:b.t, or perhaps it does not exist.",
            f"the credentials lack bigquery.tables.getData on table {_T}.",
            f"Grant roles/bigquery.dataViewer on the dataset {PROJECT}.b.",
        ),
        (
            "Access Denied: bigquery.readsessions.create is missing",
            "the credentials lack bigquery.readsessions.create on what was asked for.",
            "roles/bigquery.jobUser",
        ),
        (
            "VPC Service Controls: Request is prohibited by organization's policy.",
            f"policy. It takes {_JOBS}, bigquery.tables.get on table {_T}, bigquery",
            "roles/bigquery.jobUser",
        ),
    ],
)
def test_the_check_names_the_exact_permission_that_is_missing(
    tmp_path: Path, message: str, says: str, grant: str
) -> None:
    with loopback.refusing_bigquery(403, reason="accessDenied", message=message) as (
        address,
        _,
    ):
        connector = source(tmp_path, dataset="b", table="t", api_endpoint=address)
        (finding,) = connector.check()
        error = first_error(connector, tmp_path)

    assert not finding.is_ok
    assert says in finding.message
    assert grant in finding.next_step
    assert says in error.what


@pytest.mark.parametrize(
    ("status", "reason"),
    [(503, "backendError"), (500, "internalError"), (403, "rateLimitExceeded")],
)
def test_a_failing_service_is_tried_again_and_then_given_up_in_time(
    status: int, reason: str, tmp_path: Path
) -> None:
    started = time.monotonic()
    with loopback.refusing_bigquery(status, reason=reason, message="later") as (
        address,
        asked,
    ):
        error = first_error(
            source(
                tmp_path,
                dataset="b",
                table="t",
                api_endpoint=address,
                timeout_seconds=2,
            ),
            tmp_path,
        )

    assert isinstance(error, TransientSourceError)
    assert error.is_retryable
    assert len(asked) > 1
    assert time.monotonic() - started < 20


@pytest.mark.full
@pytest.mark.emulator
def test_a_service_that_recovers_is_read_as_if_nothing_had_been(
    endpoint: str,
    table: str,
    connect: Callable[..., GcpBilling],
    bench: Workbench,
) -> None:
    with loopback.refusing_bigquery(
        503, reason="backendError", message="later", fail_only=1, then=endpoint
    ) as (address, asked):
        bench.ingest(connect(api_endpoint=address)).raise_first_failure()

    assert table
    assert len(asked) > 1
    assert bench.query(_MONEY) == _EXPECTED


def test_a_server_that_is_not_there_is_given_up_in_time(tmp_path: Path) -> None:
    connector = source(
        tmp_path,
        dataset="b",
        table="t",
        api_endpoint=f"http://{loopback.dead_address()}",
        timeout_seconds=2,
    )
    started = time.monotonic()

    error = first_error(connector, tmp_path)

    assert isinstance(error, TransientSourceError)
    assert time.monotonic() - started < 20


def test_without_credentials_the_next_step_is_to_get_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key_file = tmp_path / "key.json"
    key_file.write_text('{"type": "service_account", "private_key": "s3cret-key"}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
    caplog.set_level(logging.DEBUG)

    connector = source(tmp_path, dataset="b", table="t")
    error = first_error(connector, tmp_path)
    (finding,) = connector.check()

    assert isinstance(error, SourceAccessError)
    assert "gcloud auth application-default login" in error.next_step
    assert not finding.is_ok
    for text in (str(error), repr(error), finding.message, caplog.text):
        assert "s3cret-key" not in text


# --- check -------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.emulator
def test_check_tells_how_fresh_the_export_is(
    writer: bigquery.Client, dataset: str, connect: Callable[..., GcpBilling]
) -> None:
    path = f"{PROJECT}.{dataset}.{TABLE}"
    loopback.create_table(writer, path, DETAILED)
    now = datetime.now(UTC)
    (empty,) = connect().check()
    loopback.insert(writer, path, [row(1.0, (now - timedelta(days=5)).isoformat())])
    (late,) = connect().check()
    loopback.insert(writer, path, [row(1.0, (now - timedelta(hours=3)).isoformat())])
    (fresh,) = connect().check()

    assert not empty.is_ok
    assert "no row of the last 60 days" in empty.message
    assert not late.is_ok
    assert "More than 48 hours" in late.message
    assert fresh.is_ok, fresh
    assert f"{now - timedelta(hours=3):%Y-%m-%d %H:%M}" in fresh.message


@pytest.mark.full
@pytest.mark.emulator
def test_check_names_the_next_step_for_a_missing_table(
    connect: Callable[..., GcpBilling],
) -> None:
    (finding,) = connect().check()

    assert not finding.is_ok
    assert "Billing export" in finding.next_step


# --- options -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs 'dataset'"),
        ({"dataset": "b"}, "'billing_account' or 'table'"),
        ({"dataset": "b", "table": "t", "path": "x"}, "either 'dataset' or 'path'"),
        ({"dataset": "b", "billing_account": "123"}, "01A2B3-C4D5E6-F7A8B9"),
        ({"dataset": "b", "table": "t` where true --"}, "not a valid name"),
        ({"dataset": "b`.c", "table": "t"}, "not a valid name"),
        ({"path": "x", "api_endpoint": "http://example.com"}, "must be https"),
        ({"path": "x", "api_endpoint": "https://u:p@example.com"}, "must be https"),
        ({"path": "x", "service_account_key": "…"}, "Extra inputs"),
        ({"path": "x", "price_currency": "euro"}, "price_currency"),
    ],
)
def test_options_that_cannot_work_are_refused(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match=message):
        source(tmp_path, **options)


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (
            {"export": "standard"},
            f"{PROJECT}.b.gcp_billing_export_v1_01A2B3_C4D5E6_F7A8B9",
        ),
        ({"export": "detailed"}, f"{PROJECT}.b.{TABLE}"),
        ({"dataset": "other-project.b"}, f"other-project.b.{TABLE}"),
        ({"table": "a_view"}, f"{PROJECT}.b.a_view"),
    ],
)
def test_the_table_has_the_name_that_google_gives_it(
    options: dict[str, Any], path: str
) -> None:
    settings: dict[str, Any] = {"dataset": "b", "billing_account": ACCOUNT.lower()}
    settings |= options
    config = GcpBillingConfig(
        name="google", type="gcp_billing", project=PROJECT, **settings
    )

    assert config.table_name().path == path


# --- the contract ------------------------------------------------------------------


def contract_case(
    root: Path, deliver: Callable[[list[dict[str, Any]]], object], **options: object
) -> ConnectorCase:
    """Return a source with the sample rows, and ``deliver`` to add rows to it."""
    now = datetime.now(UTC).isoformat()
    fresh = row(1.0, now)
    deliver([*export_rows(), fresh])

    def late() -> dict[str, Decimal]:
        deliver([row(0.75, "2026-07-02T23:00:00Z"), row(2.25, "2026-07-15T10:00:00Z")])
        return {"EUR": Decimal("23.08"), "USD": Decimal("5.00")}

    def hostile() -> int:
        broken = [
            row(None, "2026-07-16T00:00:00Z"),
            row(1.0, "2026-07-16T00:00:00Z", currency="XXZ"),
        ]
        deliver([*broken, *(row(1.0, "2026-07-16T01:00:00Z") for _ in range(3))])
        return len(broken)

    return ConnectorCase(
        connector_type="gcp_billing",
        options=dict(options),
        root=root,
        expected_rows=9,
        # 10.25 + 0.1 + 0.2 + 1.93 - 0.4 + 3 + 4 + 1
        expected_money={"EUR": Decimal("20.08"), "USD": Decimal("5.00")},
        deliver_again=lambda: None,
        deliver_late=late,
        deliver_hostile=hostile,
        secrets=("s3cret-key",),
    )


@pytest.mark.emulator
@pytest.mark.full
class TestGcpBillingContract(ConnectorContract):
    @pytest.fixture
    def case(
        self, endpoint: str, writer: bigquery.Client, dataset: str, tmp_path: Path
    ) -> ConnectorCase:
        path = f"{PROJECT}.{dataset}.{TABLE}"
        loopback.create_table(writer, path, DETAILED)
        return contract_case(
            tmp_path,
            lambda rows: loopback.insert(writer, path, rows),
            project=PROJECT,
            dataset=dataset,
            billing_account=ACCOUNT,
            api_endpoint=endpoint,
        )


class TestGcpBillingFilesContract(ConnectorContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        path = tmp_path / "export" / "rows.jsonl"
        path.parent.mkdir()

        def append(rows: list[dict[str, Any]]) -> None:
            with path.open("a") as file:
                file.writelines(json.dumps(r) + "\n" for r in rows)

        case = contract_case(tmp_path, append, path="export")
        case.deliver_again = path.touch
        return case


@pytest.mark.full
@pytest.mark.full
@pytest.mark.emulator
class TestGcpBillingMisbehaviour(SurvivesMisbehaviour):
    """BigQuery through a server that misbehaves, with Google's own client.

    Rows of an answer have no key, so that a page which comes twice is noticed by
    their number. The client waits longer each time, and not as long as a header says.
    """

    names_credential = "GOOGLE_APPLICATION_CREDENTIALS"

    @pytest.fixture
    def server(
        self, endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[ScriptedServer]:
        from google.cloud import bigquery

        quick = bigquery.DEFAULT_RETRY.with_delay(initial=0.1, maximum=0.5)
        monkeypatch.setattr(bigquery, "DEFAULT_RETRY", quick)
        monkeypatch.setattr("ingest.sources.google.billing_table._ROWS_PER_PAGE", 2)
        with ScriptedServer() as running:
            loopback.forward(running, endpoint)
            yield running

    @pytest.fixture
    def case(
        self,
        server: ScriptedServer,
        writer: bigquery.Client,
        dataset: str,
        tmp_path: Path,
    ) -> ConnectorCase:
        path = f"{PROJECT}.{dataset}.{TABLE}"
        loopback.create_table(writer, path, DETAILED)
        case = contract_case(
            tmp_path,
            lambda rows: loopback.insert(writer, path, rows),
            project=PROJECT,
            dataset=dataset,
            billing_account=ACCOUNT,
            api_endpoint=server.url,
            timeout_seconds=8,
        )
        return replace(case, secrets=("ya29.a0-made-up-token",))

    def test_a_server_that_asks_to_wait_is_given_the_time(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        server.faults += [status(429, retry_after="1")]
        assert_whole(case)
        assert repeats(server)

    @pytest.mark.parametrize("faults", [[not_json()]], ids=["no JSON"])
    def test_an_answer_of_a_proxy_is_said_and_the_next_run_is_whole(
        self, case: ConnectorCase, server: ScriptedServer, faults: list[Fault]
    ) -> None:
        server.faults += faults
        error = first_failure(case)
        assert isinstance(error, TransientSourceError)
        assert "did not answer" in str(error)
        assert_whole(case)

    @pytest.mark.parametrize(
        "faults",
        [
            pytest.param([status(500), status(500)], id="500 twice"),
            # Google's client gives 504 up at once; the next run reads what it left.
            pytest.param([status(503), status(502)], id="5xx"),
            pytest.param([truncated_body()], id="truncated body"),
        ],
    )
    def test_what_passes_is_tried_again_and_nothing_is_lost(
        self, case: ConnectorCase, server: ScriptedServer, faults: list[Fault]
    ) -> None:
        super().test_what_passes_is_tried_again_and_nothing_is_lost(
            case, server, faults
        )

    def test_pages_that_go_in_a_circle_end_with_a_clear_message(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        assert_refused_by_its_count(case, server, looping_token())

    def test_a_page_that_comes_twice_counts_once(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        assert_refused_by_its_count(case, server, duplicate_page())


def assert_refused_by_its_count(
    case: ConnectorCase, server: ScriptedServer, fault: Fault
) -> None:
    server.faults += [fault]

    error = first_failure(case)

    assert isinstance(error, TransientSourceError)
    assert "a page was repeated, left out, or loops" in str(error)
    assert _row_count(case) == 0

    server.page_fault = None
    assert_whole(case)
