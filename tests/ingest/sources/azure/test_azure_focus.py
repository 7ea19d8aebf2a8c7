"""Azure exports: from a container over HTTP, with the real client, and from a copy."""

from __future__ import annotations

import csv
import json
import os
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

import ingest.storage.azure_blobs
from ingest.connector import FilePart, Window
from ingest.sources.azure.focus import AzureFocus, AzureFocusConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.layouts.azure_export_layout import (
    SUBSCRIPTION,
    ExportLayout,
    Folder,
    focus_table,
)
from tests.ingest.servers.loopback_blobs import (
    ACCOUNT_KEY,
    AZURITE,
    AZURITE_MISSING,
    CONTAINER,
    LIBRARY_MISSING,
    BlobWriter,
    Fault,
    LoopbackBlobs,
    Request,
    has_library,
    signature,
)
from tests.ingest.suites.store_misbehaviour import SurvivesBlobMisbehaviour
from triptych.core.errors import (
    FatalSourceError,
    IncompleteDeliveryError,
    MalformedDeliveryError,
    SourceAccessError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest.connector import Delivery

REPOSITORY = Path(__file__).resolve().parents[4]
NISE = REPOSITORY.parent / "shared" / "data" / "nise" / "azure" / "container"
FOCUS_SETS = REPOSITORY.parent / "shared" / "data" / "focus"
EVER = Window()
BEHAVIOURS = ["CreateNewReport", "OverwritePreviousReport"]

needs_library = pytest.mark.skipif(not has_library(), reason=LIBRARY_MISSING)
needs_azurite = pytest.mark.skipif(not AZURITE.exists(), reason=AZURITE_MISSING)


@pytest.fixture
def layout(tmp_path: Path) -> ExportLayout:
    return ExportLayout(Folder(tmp_path / "copy"))


def connect(root: Path, **options: Any) -> AzureFocus:
    options = {"path": "copy", "prefix": "costs", "export": "focus", **options}
    config = AzureFocusConfig(name="azure", type="azure_focus", **options)
    return AzureFocus(config, root=root)


def read(connector: AzureFocus, delivery: Delivery, workdir: Path) -> list[FilePart]:
    return list(connector.read(delivery, workdir / uuid.uuid4().hex))


def case_of(root: Path, **options: Any) -> ConnectorCase:
    """Return a case that is only ingested, with expectations of the test's own."""
    options = {"path": "copy", "prefix": "costs", "export": "focus", **options}
    return ConnectorCase("azure_focus", options, root, 0, {}, dict, dict, lambda: 0)


def billed(case: ConnectorCase) -> Decimal:
    report = case.ingest()
    assert report.failures == []
    [(amount,)] = case.query('SELECT sum("BilledCost") FROM evidence.focus')
    return Decimal(str(amount))


# ------------------------------------------------------------- runs and manifests


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_of_each_month_the_newest_run_is_the_whole_month(
    layout: ExportLayout, tmp_path: Path, behaviour: str
) -> None:
    layout.behaviour = behaviour
    for costs in (["1"], ["1", "2"], ["1", "2", "4"]):
        layout.deliver("2026-05", [focus_table("2026-05", costs)])
    layout.deliver("2026-06", [focus_table("2026-06", ["10"])])
    deliveries = list(connect(tmp_path).deliveries(EVER))
    assert [(d.scope, d.period) for d in deliveries] == [
        ("focus/2026-05", "2026-05"),
        ("focus/2026-06", "2026-06"),
    ]
    assert billed(case_of(tmp_path)) == 17


def test_the_time_of_the_run_decides_and_not_the_name_of_its_folder(
    layout: ExportLayout, tmp_path: Path
) -> None:
    for cost in ("1", "2", "4"):
        layout.deliver("2026-05", [focus_table("2026-05", [cost])])
    manifests = sorted((tmp_path / "copy").rglob("manifest.json"))
    content = json.loads(manifests[0].read_text())
    content["runInfo"]["submittedTime"] = "2026-05-30T00:00:00Z"
    manifests[0].write_text(json.dumps(content))
    assert billed(case_of(tmp_path)) == 1


PARTS = {
    "a week": {"startDate": "2026-05-08T00:00:00", "endDate": "2026-05-14T00:00:00"},
    "days chosen later": {
        "endDate": "2026-05-10T00:00:00",
        "submittedTime": "2026-07-01T00:00:00Z",
    },
}


def _run_of(manifest: Path, **run: str) -> None:
    """Let a run be of other days."""
    content = json.loads(manifest.read_text())
    content["runInfo"] |= {"submittedTime": "2026-05-29T00:00:00Z"} | run
    manifest.write_text(json.dumps(content))


@pytest.mark.parametrize("run", PARTS.values(), ids=PARTS)
def test_a_later_run_of_some_days_never_replaces_the_whole_month(
    layout: ExportLayout, tmp_path: Path, run: dict[str, str]
) -> None:
    for costs in (["10", "5"], ["5"]):
        layout.deliver("2026-05", [focus_table("2026-05", costs)])
    _, newest = sorted((tmp_path / "copy").rglob("manifest.json"))
    _run_of(newest, **run)
    assert billed(case_of(tmp_path)) == 15


@pytest.mark.parametrize("run", PARTS.values(), ids=PARTS)
def test_a_month_of_which_only_some_days_were_exported_is_refused(
    layout: ExportLayout, tmp_path: Path, run: dict[str, str]
) -> None:
    layout.deliver("2026-05", [focus_table("2026-05", ["5"])])
    (manifest,) = (tmp_path / "copy").rglob("manifest.json")
    _run_of(manifest, **run)
    (failure,) = case_of(tmp_path).ingest().failures
    assert isinstance(failure.error, IncompleteDeliveryError)
    days = f"{run.get('startDate', '2026-05-01')[:10]} to {run['endDate'][:10]}"
    assert f"is of {days}, only a part" in str(failure.error)


def test_a_week_to_date_is_no_month_though_it_begins_with_it(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-06", [focus_table("2026-06", ["5"])])
    (manifest,) = (tmp_path / "copy").rglob("manifest.json")
    content = json.loads(manifest.read_text())
    content["exportConfig"]["timeFrame"] = "WeekToDate"
    manifest.write_text(json.dumps(content))
    (failure,) = case_of(tmp_path).ingest().failures
    assert "only a part of the month" in str(failure.error)


def test_a_billing_month_may_begin_on_any_day(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-05", [focus_table("2026-05", ["5"])])
    (manifest,) = (tmp_path / "copy").rglob("manifest.json")
    _run_of(manifest, startDate="2026-05-14T00:00:00", endDate="2026-06-13T00:00:00")
    assert billed(case_of(tmp_path)) == 5


def test_a_run_without_its_manifest_has_not_ended_and_does_not_count(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-05", [focus_table("2026-05", ["1"])])
    layout.deliver("2026-05", [focus_table("2026-05", ["2"])], has_manifest=False)
    layout.deliver("2026-06", [focus_table("2026-06", ["4"])], has_manifest=False)
    assert [d.period for d in connect(tmp_path).deliveries(EVER)] == ["2026-05"]
    assert billed(case_of(tmp_path)) == 1
    assert all(finding.is_ok for finding in connect(tmp_path).check())


def test_another_version_of_the_data_set_replaces_the_one_before(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.version = "1.0"
    layout.deliver("2026-05", [focus_table("2026-05", ["1"])])
    case = case_of(tmp_path)
    assert billed(case) == 1
    layout.version = "1.2-preview"
    layout.deliver("2026-05", [focus_table("2026-05", ["2"])])
    assert billed(case) == 2


def test_exports_of_two_scopes_in_one_place_are_told_apart_by_their_scope(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-05", [focus_table("2026-05", ["1"])])
    other = ExportLayout(Folder(tmp_path / "copy"), scope=f"{SUBSCRIPTION}2")
    next(other.runs)
    other.deliver("2026-05", [focus_table("2026-05", ["2"])])
    with pytest.raises(FatalSourceError, match="2 scopes write to one place"):
        list(connect(tmp_path).deliveries(EVER))
    assert billed(case_of(tmp_path / "1", path="../copy", scope=SUBSCRIPTION)) == 1
    scope = f"{SUBSCRIPTION}2".upper()
    assert billed(case_of(tmp_path / "2", path="../copy", scope=scope)) == 2


def test_only_the_months_asked_for_are_offered(
    layout: ExportLayout, tmp_path: Path
) -> None:
    for month in ("2026-04", "2026-05", "2026-06"):
        layout.deliver(month, [focus_table(month, ["1"])])
    window = Window(date(2026, 5, 31), date(2026, 6, 1))
    deliveries = list(connect(tmp_path).deliveries(window))
    assert [delivery.period for delivery in deliveries] == ["2026-05"]


@pytest.mark.parametrize("file_format", ["csv", "gzip", "parquet"])
@pytest.mark.parametrize("has_counts", [True, False])
def test_all_files_of_a_run_are_read_in_each_format(
    layout: ExportLayout, tmp_path: Path, file_format: str, has_counts: bool
) -> None:
    layout.has_counts = has_counts
    tables = [focus_table("2026-05", ["1", "2"]), focus_table("2026-05", ["4"])]
    layout.deliver("2026-05", tables, file_format=file_format)
    assert billed(case_of(tmp_path)) == 7


def test_a_copy_under_another_directory_is_read_where_it_lies(tmp_path: Path) -> None:
    layout = ExportLayout(
        Folder(tmp_path / "copy"), prefix="", export="daily", copied_from="was/there"
    )
    keys = layout.deliver("2026-05", [focus_table("2026-05", ["5"])])
    connector = connect(tmp_path, prefix="", export="daily")
    (delivery,) = connector.deliveries(EVER)
    (part,) = read(connector, delivery, tmp_path)
    assert part.path == tmp_path / "copy" / keys[0]
    assert not part.is_owned
    assert part.row_count == 1


# ------------------------------------------------------------- what is not whole


def test_a_file_with_fewer_rows_than_its_manifest_announces_is_refused(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-05", [focus_table("2026-05", ["1", "2"])])
    case = case_of(tmp_path)
    assert billed(case) == 3
    (key,) = layout.deliver("2026-05", [focus_table("2026-05", ["1", "2", "4"])])
    path = tmp_path / "copy" / key
    path.write_bytes(path.read_bytes().rsplit(b"\n", 2)[0] + b"\n")
    report = case.ingest()
    (failure,) = report.failures
    assert isinstance(failure.error, IncompleteDeliveryError)
    assert "2 rows" in str(failure.error)
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [(3,)]


def test_without_row_counts_the_size_in_bytes_must_fit(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.has_counts = False
    (key,) = layout.deliver("2026-05", [focus_table("2026-05", ["1", "2"])])
    path = tmp_path / "copy" / key
    path.write_bytes(path.read_bytes()[:-5])
    connector = connect(tmp_path)
    (delivery,) = connector.deliveries(EVER)
    with pytest.raises(IncompleteDeliveryError, match="bytes and not"):
        read(connector, delivery, tmp_path)


@pytest.mark.parametrize("leftover", ["missing", "zero bytes"])
def test_a_file_that_is_missing_or_empty_keeps_the_month_out_but_no_other(
    layout: ExportLayout, tmp_path: Path, leftover: str
) -> None:
    layout.deliver("2026-04", [focus_table("2026-04", ["1"])])
    tables = [focus_table("2026-05", ["1"]), focus_table("2026-05", ["2"])]
    broken = layout.deliver("2026-05", tables)[1]
    path = tmp_path / "copy" / broken
    path.unlink() if leftover == "missing" else path.write_bytes(b"")
    case = case_of(tmp_path)
    (failure,) = case.ingest().failures
    assert isinstance(failure.error, IncompleteDeliveryError)
    assert leftover in str(failure.error)
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [(1,)]
    *_, finding = connect(tmp_path).check()
    assert not finding.is_ok


BLOB = {"blobName": "costs/focus/20260501-20260531/1/a/part.csv", "byteCount": 5}
RUN = {"startDate": "2026-05-01T00:00:00", "endDate": "2026-05-31T00:00:00"}
BROKEN_MANIFESTS = {
    "not JSON": '{"blobs": [',
    "not a JSON object": [],
    "no 'runInfo.startDate'": {"blobs": [BLOB]},
    "no 'runInfo.startDate' ": {"runInfo": {"startDate": "May"}, "blobs": [BLOB]},
    "more than a month": {
        "runInfo": RUN | {"endDate": "2026-07-31T00:00:00"},
        "blobs": [BLOB],
    },
    "names no data files": {"runInfo": RUN},
    "announces 2 data files": {"runInfo": RUN, "blobCount": 2, "blobs": [BLOB]},
    "that is none": {"runInfo": RUN, "blobs": ["part.csv"]},
    "that is none ": {"runInfo": RUN, "blobs": [{"blobName": "../../x.csv"}]},
    "unknown format": {"runInfo": RUN, "blobs": [{"blobName": "x.zip"}]},
}


@pytest.mark.parametrize("words", BROKEN_MANIFESTS)
def test_a_manifest_that_cannot_be_understood_is_malformed(
    tmp_path: Path, words: str
) -> None:
    content = BROKEN_MANIFESTS[words]
    text = content if isinstance(content, str) else json.dumps(content)
    key = "costs/focus/20260501-20260531/202605300000/r/manifest.json"
    Folder(tmp_path / "copy").put(key, text.encode())
    connector = connect(tmp_path)
    (delivery,) = connector.deliveries(EVER)
    assert delivery.period == "2026-05"
    with pytest.raises(MalformedDeliveryError, match=words.strip()) as caught:
        read(connector, delivery, tmp_path)
    assert caught.value.where == f"copy/{key}"
    assert [finding.is_ok for finding in connector.check()] == [True, False]


def test_a_file_that_is_no_cost_file_is_refused(
    layout: ExportLayout, tmp_path: Path
) -> None:
    layout.deliver("2026-05", [pa.table({"MeterId": ["m"], "UnitPrice": ["1"]})])
    connector = connect(tmp_path)
    (delivery,) = connector.deliveries(EVER)
    with pytest.raises(MalformedDeliveryError, match="neither of FOCUS"):
        read(connector, delivery, tmp_path)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("AmortizedCost", "repeats the charges"), ("PriceSheet", "holds no charges")],
)
def test_other_data_sets_are_skipped_with_the_reason(
    layout: ExportLayout, tmp_path: Path, kind: str, words: str
) -> None:
    layout.kind = kind
    layout.deliver("2026-05", [pa.table({"MeterId": ["m"]})])
    report = case_of(tmp_path).ingest()
    assert report.failures == []
    assert report.committed == []
    assert words in report.notes[0]
    assert not connect(tmp_path).check()[-1].is_ok


def test_a_place_without_any_month_is_not_taken_for_one_without_costs(
    tmp_path: Path,
) -> None:
    (tmp_path / "copy" / "costs" / "focus").mkdir(parents=True)
    with pytest.raises(FatalSourceError, match="no month") as caught:
        list(connect(tmp_path).deliveries(EVER))
    assert "24 hours" in caught.value.next_step
    (tmp_path / "copy/costs/focus/20260501-20260531").mkdir()
    (finding,) = connect(tmp_path).check()[1:]
    assert "No run" in finding.message


# ------------------------------------------------------- what Microsoft writes


def test_a_price_of_zero_for_what_costs_something_is_unknown(
    layout: ExportLayout, tmp_path: Path
) -> None:
    """Microsoft writes 0 for null; a saving against it would be negative."""
    table = focus_table("2026-05", ["5", "0"])
    layout.deliver("2026-05", [table])
    layout.deliver("2026-06", [focus_table("2026-06", ["5"])], file_format="parquet")
    case = case_of(tmp_path)
    case.ingest()
    rows = case.query(
        'SELECT "BilledCost", "ContractedCost", "ListCost" FROM evidence.focus'
        " ORDER BY ALL"
    )
    assert rows == [
        (Decimal(0), Decimal(0), Decimal(0)),
        (Decimal(5), None, Decimal(5)),
        (Decimal(5), None, Decimal(5)),
    ]


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_ids_come_in_one_case_and_columns_with_a_name_of_microsofts_are_found(
    layout: ExportLayout, tmp_path: Path, file_format: str
) -> None:
    table = focus_table("2026-05", ["5"]).append_column("x_InvoiceId", [["G01"]])
    layout.deliver("2026-05", [table], file_format=file_format)
    case = case_of(tmp_path)
    case.ingest()
    rows = case.query(
        'SELECT "ResourceId", "InvoiceId", "SkuPriceDetails", "Tags"'
        " FROM evidence.focus"
    )
    assert rows == [
        (
            f"{SUBSCRIPTION}/resourcegroups/ml/n-0",
            "G01",
            '{"VCPUs": 8}',
            {"model": "eta-v2"},
        )
    ]


def test_tags_without_their_braces_are_read(
    layout: ExportLayout, tmp_path: Path
) -> None:
    table = focus_table("2026-05", ["1", "2", "3"])
    tags = ['"model": "eta-v2", "team": "ml"', "", '{"model": "rank"}']
    position = table.column_names.index("Tags")
    layout.deliver("2026-05", [table.set_column(position, "Tags", [tags])])
    case = case_of(tmp_path)
    case.ingest()
    rows = case.query('SELECT "Tags" FROM evidence.focus ORDER BY "BilledCost"')
    assert rows == [
        ({"model": "eta-v2", "team": "ml"},),
        (None,),
        ({"model": "rank"},),
    ]


@pytest.mark.skipif(not FOCUS_SETS.exists(), reason="the shared samples are absent")
def test_the_generated_azure_set_sums_to_its_known_total(tmp_path: Path) -> None:
    source = FOCUS_SETS / "focus_1_2_cost_and_usage_azure.csv"
    table = _text_table(source)
    months = sorted({row[:7] for row in table["BillingPeriodStart"].to_pylist()})
    layout = ExportLayout(Folder(tmp_path / "copy"))
    for month in months:
        chosen = [s[:7] == month for s in table["BillingPeriodStart"].to_pylist()]
        layout.deliver(month, [table.filter(pa.array(chosen))])
    assert billed(case_of(tmp_path)) == Decimal("15402.10411084430400")


def _text_table(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return pa.table({name: [row[name] for row in rows] for name in rows[0]})


# --------------------------------------------------------------- native cost details


@pytest.mark.skipif(not NISE.exists(), reason="the shared samples are absent")
def test_native_cost_details_without_a_manifest_sum_to_what_the_files_say(
    tmp_path: Path,
) -> None:
    expected: dict[str, Decimal] = {}
    for path in NISE.rglob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                month = row["BillingPeriodStartDate"][:7]
                amount = Decimal(row["CostInBillingCurrency"]).quantize(
                    Decimal("1e-18")
                )
                expected[month] = expected.get(month, Decimal(0)) + amount
    assert sorted(expected) == ["2026-06", "2026-07"]
    assert round(sum(expected.values()), 9) == Decimal("2.864313502")

    relative = os.path.relpath(NISE, tmp_path)
    case = case_of(tmp_path, path=relative, prefix="exp", export="cost")
    assert case.ingest().failures == []
    rows = case.query(
        """SELECT strftime("BillingPeriodStart", '%Y-%m'), sum("BilledCost")"""
        " FROM evidence.focus GROUP BY 1"
    )
    assert dict(rows) == expected  # type: ignore[arg-type]
    [(ends, days, tagged, kinds, issuer)] = case.query(
        """SELECT list_sort(list(DISTINCT strftime("BillingPeriodEnd", '%Y-%m-%d'))),
        count(*) FILTER ("ChargePeriodEnd" = "ChargePeriodStart" + INTERVAL 1 DAY),
        sum("BilledCost") FILTER ("Tags"['model'] = 'chat-70b') > 0,
        list_sort(list(DISTINCT
             "ChargeCategory" || "ChargeFrequency" || "ServiceName")),
        any_value("InvoiceIssuerName")
        FROM evidence.focus"""
    )
    # The last day of a period is inclusive there, and exclusive in FOCUS.
    assert ends == ["2026-07-01", "2026-08-01"]
    assert days == 18
    assert tagged
    assert kinds == ["UsageUsage-BasedStorage", "UsageUsage-BasedVirtual Machines"]
    assert issuer == "Microsoft"


def test_of_files_without_a_manifest_the_newest_of_a_month_counts(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "copy" / "costs" / "focus" / "20260501-20260531"
    folder.mkdir(parents=True)
    for number, cost in enumerate(["5", "7"]):
        path = folder / f"focus_{9 - number}.csv"
        path.write_text(_details([("Usage", cost, "OnDemand")]))
        os.utime(path, (1_780_000_000 + number, 1_780_000_000 + number))
    assert billed(case_of(tmp_path)) == 7


def test_a_file_of_a_week_without_a_manifest_is_no_month(tmp_path: Path) -> None:
    folder = tmp_path / "copy" / "costs" / "focus" / "20260508-20260514"
    folder.mkdir(parents=True)
    (folder / "focus_1.csv").write_text(_details([("Usage", "5", "OnDemand")]))
    (failure,) = case_of(tmp_path).ingest().failures
    assert "is of 2026-05-08 to 2026-05-14" in str(failure.error)


CLASSES = [
    ("Usage", "OnDemand", ("Usage", None, None, "Standard")),
    ("Usage", "Reservation", ("Usage", None, "Used", "Committed")),
    ("usage", "SavingsPlan", ("Usage", None, "Used", "Committed")),
    ("UnusedReservation", "Reservation", ("Usage", None, "Unused", "Committed")),
    ("Purchase", "Reservation", ("Purchase", None, None, "Committed")),
    ("Refund", "Reservation", ("Purchase", "Correction", None, "Committed")),
    ("Usage", "Spot", ("Usage", None, None, "Dynamic")),
    ("Tax", "", ("Tax", None, None, None)),
    ("RoundingAdjustment", "", ("Adjustment", None, None, None)),
]


def test_charges_of_each_kind_become_what_focus_calls_them(tmp_path: Path) -> None:
    rows = [(kind, str(n + 1), model) for n, (kind, model, _) in enumerate(CLASSES)]
    _put_details(tmp_path, _details(rows))
    case = case_of(tmp_path)
    case.ingest()
    found = case.query(
        'SELECT "ChargeCategory", "ChargeClass", "CommitmentDiscountStatus",'
        ' "PricingCategory" FROM evidence.focus ORDER BY "BilledCost"'
    )
    assert found == [expected for *_, expected in CLASSES]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("100 Hours", "Hours"),
        ("1 GB/Month", "GB/Month"),
        ("10K", None),
        ("1M Tokens", "Tokens"),
        ("1/Month", "Month"),
        ("Hours", "Hours"),
    ],
)
def test_a_quantity_counts_units_and_not_blocks_of_them(
    tmp_path: Path, unit: str, expected: str | None
) -> None:
    _put_details(tmp_path, _details([("Usage", "1", "OnDemand")], unit=unit))
    case = case_of(tmp_path)
    case.ingest()
    assert case.query(
        'SELECT "ConsumedQuantity", "ConsumedUnit", "PricingUnit" FROM evidence.focus'
    ) == [(Decimal(3), expected, unit)]


def test_the_spellings_of_an_older_agreement_are_understood(tmp_path: Path) -> None:
    _put_details(
        tmp_path,
        "date,billingCurrencyCode,costInBillingCurrency,billingPeriodStartDate,"
        "billingPeriodEndDate,chargeType,meterCategory,instanceId,tags\n"
        "05/31/2026,EUR,1.50,05/01/2026,05/31/2026,Usage,Azure OpenAI,/S/A,"
        '"""model"": ""chat"""\n',
    )
    case = case_of(tmp_path)
    case.ingest()
    assert case.query(
        'SELECT "BilledCost", "BillingCurrency", "BillingPeriodEnd"::VARCHAR,'
        ' "ChargePeriodStart"::VARCHAR, "ChargePeriodEnd"::VARCHAR, "ServiceName",'
        """ "ResourceId", "Tags"['model'] FROM evidence.focus"""
    ) == [
        (
            Decimal("1.5"),
            "EUR",
            "2026-06-01 00:00:00",
            "2026-05-31 00:00:00",
            "2026-06-01 00:00:00",
            "Azure OpenAI",
            "/s/a",
            "chat",
        )
    ]


def _put_details(root: Path, content: str) -> None:
    key = "costs/focus/20260501-20260531/focus_1.csv"
    Folder(root / "copy").put(key, content.encode())


def _details(rows: Sequence[tuple[str, str, str]], *, unit: str = "1 Hour") -> str:
    header = (
        "SubscriptionId,Date,MeterId,MeterCategory,Quantity,UnitOfMeasure,"
        "CostInBillingCurrency,BillingCurrency,BillingPeriodStartDate,"
        "BillingPeriodEndDate,ChargeType,PricingModel,Frequency,Tags\n"
    )
    return header + "".join(
        f"s-1,2026-05-03,m-1,Virtual Machines,3,{unit},{cost},EUR,2026-05-01,"
        f"2026-05-31,{kind},{model},UsageBased,\n"
        for kind, cost, model in rows
    )


# ------------------------------------------------------------------ over HTTP


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackBlobs]:
    monkeypatch.setattr(ingest.storage.azure_blobs, "FIRST_WAIT_SECONDS", 0)
    monkeypatch.delenv("AZURE_STORAGE_KEY", raising=False)
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature())
    with LoopbackBlobs() as server:
        yield server


def remote(url: str, root: Path) -> AzureFocus:
    config = AzureFocusConfig(
        name="azure",
        type="azure_focus",
        account_url=url,
        container=CONTAINER,
        prefix="costs",
        export="focus",
    )
    return AzureFocus(config, root=root)


@needs_library
def test_what_was_not_asked_for_is_neither_listed_nor_read(
    blobs: LoopbackBlobs, tmp_path: Path
) -> None:
    layout = ExportLayout(BlobWriter(blobs.url))
    for month in ("2026-04", "2026-05"):
        layout.deliver(month, [focus_table(month, ["1"])])
    blobs.requests.clear()
    connector = remote(blobs.url, tmp_path)
    window = Window(date(2026, 5, 1), date(2026, 5, 2))
    (delivery,) = connector.deliveries(window)
    asked = [request.query.get("prefix", request.key) for request in blobs.requests]
    assert asked[0] == "costs/focus/"
    assert not any("20260401" in text for text in asked)
    (part,) = read(connector, delivery, tmp_path)
    assert part.is_owned


@needs_library
def test_a_month_overwritten_while_it_is_read_is_read_again_from_the_start(
    blobs: LoopbackBlobs, tmp_path: Path
) -> None:
    layout = ExportLayout(BlobWriter(blobs.url), behaviour="OverwritePreviousReport")
    tables = [focus_table("2026-05", ["1"]), focus_table("2026-05", ["2"])]
    layout.deliver("2026-05", tables)
    newer = iter([[focus_table("2026-05", ["10"]), focus_table("2026-05", ["20"])]])
    connector = remote(blobs.url, tmp_path)
    (delivery,) = connector.deliveries(EVER)

    def overwrite(request: Request) -> None:
        if request.method == "GET" and request.key.endswith("part_1_0001.csv"):
            blobs.on_request = lambda _: None
            for tables in newer:
                layout.deliver("2026-05", tables)

    blobs._lock = _NoLock()  # type: ignore[assignment]
    blobs.on_request = overwrite
    parts = read(connector, delivery, tmp_path)
    assert sum("10" in p.path.read_text() or "20" in p.path.read_text() for p in parts)
    assert [p.path.read_text().count("\n") for p in parts] == [2, 2]
    assert next(newer, None) is None


class _NoLock:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@needs_library
@pytest.mark.parametrize(("permissions", "needed"), [("r", "'l'"), ("l", "'r'")])
def test_the_check_names_the_permission_that_is_missing(
    blobs: LoopbackBlobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    permissions: str,
    needed: str,
) -> None:
    ExportLayout(BlobWriter(blobs.url)).deliver(
        "2026-05", [focus_table("2026-05", ["1"])]
    )
    assert all(finding.is_ok for finding in remote(blobs.url, tmp_path).check())
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature(permissions))
    *_, finding = remote(blobs.url, tmp_path).check()
    assert not finding.is_ok
    assert "Storage Blob Data Reader" in finding.next_step
    assert needed in finding.next_step


@needs_library
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(503, "ServerBusy"), TransientSourceError),
        (Fault(403, "AuthenticationFailed"), SourceAccessError),
    ],
)
def test_a_source_that_stays_down_keeps_the_old_load_current(
    blobs: LoopbackBlobs, tmp_path: Path, fault: Fault, kind: type[Exception]
) -> None:
    layout = ExportLayout(BlobWriter(blobs.url))
    layout.deliver("2026-05", [focus_table("2026-05", ["1"])])
    options = {"account_url": blobs.url, "container": CONTAINER, "path": None}
    case = case_of(tmp_path, **options)
    assert billed(case) == 1
    layout.deliver("2026-05", [focus_table("2026-05", ["2"])])
    blobs.on_request = lambda _: fault
    (failure,) = case.ingest().failures
    assert isinstance(failure.error, kind)
    assert case.query('SELECT sum("BilledCost") FROM evidence.focus') == [(1,)]
    blobs.on_request = lambda _: None
    assert billed(case) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"export": "focus"},
        {"export": "focus", "account_url": "https://a.example", "path": "p"},
        {"export": "focus", "account_url": "https://a.example"},
        {"export": "focus", "container": "c"},
        {"path": "p"},
        {"export": "focus", "path": "p", "sas_token": "hush-hush"},
        {
            "export": "focus",
            "container": "c",
            "account_url": "https://a.example/?sig=hush-hush",
        },
        {"export": "focus", "container": "c", "account_url": "http://a.example"},
    ],
)
def test_options_that_cannot_work_are_refused_without_repeating_a_secret(
    options: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as caught:
        AzureFocusConfig(name="azure", type="azure_focus", **options)
    assert "hush-hush" not in str(caught.value)


# ---------------------------------------------------------------- the contract


def contract_case(
    layout: ExportLayout, options: dict[str, object], root: Path, file_format: str
) -> ConnectorCase:
    """Return an export of two months whose sums are plain to see."""

    def deliver(month: str, costs: list[str]) -> None:
        layout.deliver(month, [focus_table(month, costs)], file_format=file_format)

    def deliver_again() -> None:
        deliver("2026-04", ["10.25", "0.5", "-1"])
        deliver("2026-05", ["4", "5"])

    def deliver_late() -> dict[str, Decimal]:
        deliver("2026-05", ["4", "5", "0.125"])
        deliver("2026-06", ["100"])
        return {"EUR": Decimal("118.875")}

    def deliver_hostile() -> int:
        good = focus_table("2026-06", ["1", "2", "3"])
        bad = focus_table("2026-06", ["7", "8"])
        currencies = pa.array([None, "DOUBLOON"], pa.string())
        bad = bad.set_column(4, "BillingCurrency", currencies)
        layout.deliver(
            "2026-06", [pa.concat_tables([good, bad])], file_format=file_format
        )
        return 2

    deliver_again()
    return ConnectorCase(
        connector_type="azure_focus",
        options={"prefix": layout.prefix, "export": layout.export, **options},
        root=root,
        expected_rows=5,
        expected_money={"EUR": Decimal("18.75")},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(ACCOUNT_KEY, "sig="),
    )


@pytest.mark.parametrize(
    ("behaviour", "file_format"),
    [
        pytest.param(BEHAVIOURS[0], "gzip", marks=pytest.mark.full),
        (BEHAVIOURS[1], "parquet"),
    ],
)
class TestAzureFocusCopyContract(ConnectorContract):
    """A copy on disk, in both ways of delivering."""

    @pytest.fixture
    def case(self, tmp_path: Path, behaviour: str, file_format: str) -> ConnectorCase:
        layout = ExportLayout(Folder(tmp_path / "copy"), behaviour=behaviour)
        return contract_case(layout, {"path": "copy"}, tmp_path, file_format)


@needs_library
@pytest.mark.full
class TestAzureFocusBlobContract(ConnectorContract):
    """A container, over HTTP."""

    @pytest.fixture
    def case(self, blobs: LoopbackBlobs, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {"account_url": blobs.url, "container": CONTAINER}
        layout = ExportLayout(
            BlobWriter(blobs.url), behaviour="OverwritePreviousReport"
        )
        return contract_case(layout, options, tmp_path, "parquet")


@needs_library
@needs_azurite
@pytest.mark.full
class TestAzureFocusAzuriteContract(ConnectorContract):
    """A container of Azurite."""

    @pytest.fixture
    def case(
        self, azurite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> ConnectorCase:
        monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", signature())
        writer = BlobWriter(azurite)
        writer.clear()
        options: dict[str, object] = {"account_url": azurite, "container": CONTAINER}
        return contract_case(ExportLayout(writer), options, tmp_path, "csv")


@needs_library
class TestAzureFocusMisbehaviour(SurvivesBlobMisbehaviour):
    """A container, over HTTP."""

    @pytest.fixture
    def store(self, blobs: LoopbackBlobs) -> LoopbackBlobs:
        return blobs

    @pytest.fixture
    def case(self, store: LoopbackBlobs, tmp_path: Path) -> ConnectorCase:
        options: dict[str, object] = {"account_url": store.url, "container": CONTAINER}
        layout = ExportLayout(BlobWriter(store.url))
        return contract_case(layout, options, tmp_path, "parquet")
