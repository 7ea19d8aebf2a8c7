from __future__ import annotations

import csv
import gzip
import json
import os
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.connector import Window
from ingest.sources.google.connector import GcpBilling, GcpBillingConfig
from tests.ingest.layouts.gcp_export_layout import (
    NISE,
    Workbench,
    credit,
    export_rows,
    row,
)
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    (tmp_path / "drop").mkdir()
    return Workbench(tmp_path)


def files(root: Path, **options: object) -> GcpBilling:
    settings = {"name": "google", "type": "gcp_billing", "path": "drop", **options}
    return GcpBilling(GcpBillingConfig.model_validate(settings), root=root)


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(r) + "\n" for r in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode()))
    else:
        path.write_text(lines)


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write nested Parquet as a query engine does: timestamps and doubles typed."""
    source = path.with_suffix(".rows")
    write_json(source, rows)
    duckdb.connect().execute(
        f"copy (select * replace (cast(export_time as timestamptz) as export_time,"
        f" cast(usage_start_time as timestamptz) as usage_start_time,"
        f" cast(usage_end_time as timestamptz) as usage_end_time)"
        f" from read_json('{source}', format = 'newline_delimited'))"
        f" to '{path}' (format parquet)"
    )
    source.unlink()


def write_csv(
    path: Path, rows: list[dict[str, str]], delimiter: str = ",", mark: str = ""
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(mark)
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def cells(**changes: str) -> dict[str, str]:
    """Return a row as tools write it that flatten the export to CSV."""
    return {
        "billing_account_id": "01A2B3-C4D5E6-F7A8B9",
        "service.id": "6F81-5844-456A",
        "usage_start_time": "2026-06-28T00:00:00",
        "usage_end_time": "2026-06-28T01:00:00",
        "project.labels": '[{"key": "cost-center", "value": "4411"}]',
        "labels": '[{"key": "team", "value": "ranking"}]',
        "export_time": "2026-06-28T04:00:00",
        "cost": "2.50",
        "currency": "EUR",
        "credits": "[]",
        "invoice.month": "202606",
        "cost_type": "regular",
        **changes,
    }


def failure(bench: Workbench, connector: GcpBilling) -> str:
    report = bench.ingest(connector)
    (found,) = report.failures
    assert isinstance(found.error, MalformedDeliveryError)
    return str(found.error)


# --- totals ------------------------------------------------------------------------


@pytest.mark.skipif(not NISE.is_dir(), reason="shared sample data is not there")
def test_the_totals_of_a_generated_export_match_a_count_by_hand(
    tmp_path: Path,
) -> None:
    bench = Workbench(tmp_path)
    report = bench.ingest(files(tmp_path, path=str(NISE / "bucket")))

    report.raise_first_failure()
    assert report.quarantined_row_count == 0
    ((cost, credits_amount, promotions, rows, currencies),) = bench.query(
        "select sum(cost), sum(credits_amount), sum(promotion_amount), count(*),"
        " string_agg(distinct currency) from evidence.gcp_billing_export"
    )
    # 288 rows; 96 of them carry a credit of -0.55.
    assert rows == 288
    assert cost == Decimal("736.32")
    assert credits_amount == promotions == Decimal("-52.80") == 96 * Decimal("-0.55")
    assert cost + credits_amount == Decimal("683.52")
    assert currencies == "EUR"


@pytest.mark.parametrize("name", ["e.jsonl", "e.jsonl.gz", "e.ndjson", "e.parquet"])
def test_nested_files_give_the_totals_of_their_rows(
    name: str, bench: Workbench
) -> None:
    write = write_parquet if name.endswith("parquet") else write_json
    write(bench.root / "drop" / name, export_rows())

    bench.ingest(files(bench.root)).raise_first_failure()

    assert bench.query(_MONEY) == _EXPECTED
    assert bench.query(
        "select labels['team'], labels['note'], project_labels['cost-center'],"
        " resource_name, adjustment_reason, credits ->> '$[0].type'"
        " from evidence.gcp_billing_export where cost in (10.25, -0.4) order by cost"
    ) == [
        (None, None, None, None, "metering", None),
        ("ranking", 'a "quoted" \\ note', "4411", "gpu-1", None, "PROMOTION"),
    ]


def test_repeated_fields_as_bigquery_writes_them_to_parquet_are_read(
    bench: Workbench,
) -> None:
    label = pa.struct([("key", pa.string()), ("value", pa.string())])
    amount = pa.struct([("type", pa.string()), ("amount", pa.float64())])

    def repeated(type_: pa.DataType) -> pa.DataType:
        return pa.struct([("list", pa.list_(pa.struct([("element", type_)])))])

    def wrapped(*items: dict[str, Any]) -> dict[str, Any]:
        return {"list": [{"element": item} for item in items]}

    moment = pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [
            ("cost", pa.float64()),
            ("currency", pa.string()),
            ("cost_type", pa.string()),
            ("invoice", pa.struct([("month", pa.string())])),
            ("usage_start_time", moment),
            ("usage_end_time", moment),
            ("labels", repeated(label)),
            ("credits", repeated(amount)),
        ]
    )
    start = 1_782_604_800_000_000  # 2026-06-28T00:00:00Z in microseconds
    one = {
        "cost": 0.1,
        "currency": "EUR",
        "cost_type": "regular",
        "invoice": {"month": "202606"},
        "usage_start_time": start,
        "usage_end_time": start,
        "labels": wrapped({"key": "team", "value": "ranking"}),
        "credits": wrapped(
            {"type": "PROMOTION", "amount": -0.03},
            {"type": "DISCOUNT", "amount": -0.01},
        ),
    }
    table = pa.Table.from_pylist([one] * 3, schema=schema)
    pq.write_table(table, bench.root / "drop" / "e.parquet")

    bench.ingest(files(bench.root)).raise_first_failure()

    june = ("2026-06", "EUR", Decimal("0.3"), Decimal("-0.12"), Decimal("-0.09"), 3)
    assert bench.query(_MONEY) == [june]
    assert bench.query(
        "select distinct labels['team'] from evidence.gcp_billing_export"
    ) == [("ranking",)]


def test_text_amounts_keep_every_digit_that_was_delivered(bench: Workbench) -> None:
    digits = row(0.0, "2026-06-28T00:00:00Z") | {"cost": "0.123456789012345678"}
    write_json(bench.root / "drop" / "e.jsonl", [digits])

    bench.ingest(files(bench.root)).raise_first_failure()

    assert bench.query("select cost from evidence.gcp_billing_export") == [
        (Decimal("0.123456789012345678"),)
    ]


def test_times_as_bigquery_writes_them_to_json_are_utc(bench: Workbench) -> None:
    moment = {"usage_start_time": "2026-06-27 22:00:00 UTC"}
    write_json(
        bench.root / "drop" / "e.jsonl",
        [row(1.0, "2026-06-28 04:00:00.5 UTC", **moment)],
    )

    bench.ingest(files(bench.root)).raise_first_failure()

    assert bench.query(
        "select usage_start_time::varchar, export_time::varchar"
        " from evidence.gcp_billing_export"
    ) == [("2026-06-27 22:00:00", "2026-06-28 04:00:00.5")]


def test_a_row_without_credits_has_credits_of_zero_and_keeps_its_cost(
    bench: Workbench,
) -> None:
    bare = row(1.5, "2026-06-28T00:00:00Z")
    del bare["credits"], bare["labels"], bare["project"]
    write_json(
        bench.root / "drop" / "e.jsonl", [bare, row(1.0, "2026-06-28T00:00:00Z")]
    )

    bench.ingest(files(bench.root)).raise_first_failure()

    assert bench.query(
        "select cost, credits_amount from evidence.gcp_billing_export order by cost"
    ) == [(Decimal(1), Decimal(0)), (Decimal("1.5"), Decimal(0))]


# --- CSV ---------------------------------------------------------------------------


def test_credits_are_read_as_json_and_as_a_literal_alike(bench: Workbench) -> None:
    entries = [credit(-0.1, "PROMOTION"), credit(-0.2, "FREE_TIER")]
    write_csv(
        bench.root / "drop" / "e.csv",
        [cells(credits=json.dumps(entries)), cells(credits=repr(entries))],
        mark="\ufeff",
    )

    bench.ingest(files(bench.root)).raise_first_failure()

    june = ("2026-06", "EUR", Decimal(5), Decimal("-0.6"), Decimal("-0.2"), 2)
    assert bench.query(_MONEY) == [june]
    assert bench.query(
        "select distinct credits ->> '$[1].type', labels['team'],"
        " project_labels['cost-center'] from evidence.gcp_billing_export"
    ) == [("FREE_TIER", "ranking", "4411")]


def test_a_credits_cell_that_is_a_program_is_never_run(
    bench: Workbench, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    program = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    write_csv(bench.root / "drop" / "e.csv", [cells(), cells(), cells(credits=program)])

    report = bench.ingest(files(bench.root))

    assert not trace.exists()
    assert report.quarantined_row_count == 1


@pytest.mark.parametrize(
    "broken",
    ["[{'amount': oops}]", '[{"amount": "much"}]', "-0.5", "[{'amount': 1e999}]", "["],
)
def test_a_row_whose_credits_cannot_be_read_is_quarantined_whole(
    broken: str, bench: Workbench
) -> None:
    write_csv(bench.root / "drop" / "e.csv", [cells(), cells(), cells(credits=broken)])

    report = bench.ingest(files(bench.root))

    report.raise_first_failure()
    assert report.quarantined_row_count == 1
    assert bench.query(
        "select reason, position('unreadable credits' in row_content) > 0"
        " from catalogue.quarantine"
    ) == [("cost_unreadable", True)]
    assert bench.query("select sum(cost) from evidence.gcp_billing_export") == [
        (Decimal(5),)
    ]


def test_nested_credits_that_are_no_number_quarantine_their_row(
    bench: Workbench,
) -> None:
    broken = row(1.0, "2026-06-28T00:00:00Z", credits=[{"amount": "much"}])
    write_json(bench.root / "drop" / "e.jsonl", [*export_rows(), broken])

    report = bench.ingest(files(bench.root))

    report.raise_first_failure()
    assert report.quarantined_row_count == 1
    assert bench.query(_MONEY) == _EXPECTED


def test_rows_that_cannot_count_are_quarantined_and_the_others_land(
    bench: Workbench,
) -> None:
    hostile = [
        cells(cost="a lot"),
        cells(cost="NaN"),
        cells(currency="XXZ"),
        cells(**{"invoice.month": "June"}),
        cells(usage_start_time="yesterday"),
    ]
    write_csv(bench.root / "drop" / "e.csv", [cells()] * 6 + hostile)

    report = bench.ingest(files(bench.root))

    report.raise_first_failure()
    assert report.quarantined_row_count == len(hostile)
    assert bench.query("select sum(cost) from evidence.gcp_billing_export") == [
        (6 * Decimal("2.50"),)
    ]


def test_a_file_that_someone_laid_flat_already_is_read_too(bench: Workbench) -> None:
    flat = {
        "cost": "3",
        "currency": "eur",
        "cost_type": "regular",
        "invoice_month_start": "2026-06-01",
        "usage_start_time": "2026-06-28T00:00:00Z",
        "usage_end_time": "2026-06-28T01:00:00Z",
        "credits_amount": "-1",
        "promotion_amount": "0",
        "project_labels": '{"cost-center": "4411"}',
    }
    write_csv(bench.root / "drop" / "e.csv", [flat])

    bench.ingest(files(bench.root)).raise_first_failure()

    assert bench.query(_MONEY) == [
        ("2026-06", "EUR", Decimal(3), Decimal(-1), Decimal(0), 1)
    ]


# --- deliveries --------------------------------------------------------------------


def test_a_touched_file_is_not_new_and_a_changed_one_replaces_its_rows(
    bench: Workbench,
) -> None:
    path = bench.root / "drop" / "e.csv"
    write_csv(path, [cells()])
    bench.ingest(files(bench.root))
    os.utime(path, (1, 1))
    touched = bench.ingest(files(bench.root))
    write_csv(path, [cells(), cells(cost="4")])
    changed = bench.ingest(files(bench.root))

    assert not touched.committed
    assert len(changed.committed) == 1
    assert bench.query("select sum(cost) from evidence.gcp_billing_export") == [
        (Decimal("6.50"),)
    ]


def test_each_file_is_a_delivery_named_by_its_place(bench: Workbench) -> None:
    (bench.root / "drop" / "2026").mkdir()
    write_csv(bench.root / "drop" / "2026" / "06.csv", [cells()])
    write_json(bench.root / "drop" / "late.jsonl", export_rows())

    found = [
        (d.scope, d.stream, d.label) for d in files(bench.root).deliveries(Window())
    ]

    assert found == [
        ("2026/06.csv", "gcp_billing_export", "drop/2026/06.csv"),
        ("late.jsonl", "gcp_billing_export", "drop/late.jsonl"),
    ]


def test_focus_files_are_handed_over_untouched(bench: Workbench) -> None:
    path = bench.root / "drop" / "focus.csv"
    path.write_text(
        "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
        "ChargePeriodStart,ChargePeriodEnd,ChargeCategory\n"
        "1.5,1.25,EUR,2026-06-01,2026-06-28,2026-06-29,Usage\n"
    )

    connector = files(bench.root, export="focus")
    bench.ingest(connector).raise_first_failure()

    assert connector.streams() == ("focus",)
    assert bench.query("select BilledCost, EffectiveCost from evidence.focus") == [
        (Decimal("1.5"), Decimal("1.25"))
    ]


# --- broken files ------------------------------------------------------------------


def test_a_wrong_delimiter_is_named(bench: Workbench) -> None:
    write_csv(bench.root / "drop" / "e.csv", [cells()], delimiter=";")

    assert "';'" in failure(bench, files(bench.root))
    bench.ingest(files(bench.root, delimiter=";")).raise_first_failure()


@pytest.mark.parametrize("name", ["e.csv.gz", "e.jsonl.gz"])
def test_a_truncated_gzip_is_refused_and_what_was_loaded_stays(
    name: str, bench: Workbench
) -> None:
    path = bench.root / "drop" / name
    if "csv" in name:
        plain = bench.root / "plain.csv"
        write_csv(plain, [cells(cost=str(n)) for n in range(1, 500)])
        whole = gzip.compress(plain.read_bytes())
    else:
        write_json(path, [row(n, "2026-06-28T00:00:00Z") for n in range(1, 500)])
        whole = path.read_bytes()
    path.write_bytes(whole)
    bench.ingest(files(bench.root)).raise_first_failure()
    path.write_bytes(whole[: len(whole) // 2])

    message = failure(bench, files(bench.root))

    assert "cut off" in message or "cannot be read" in message
    # 1 + 2 + … + 499
    assert bench.query("select sum(cost) from evidence.gcp_billing_export") == [
        (Decimal(124_750),)
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.parquet", b"PAR1 but not really"),
        ("e.jsonl", b'{"cost": 1}\n{"cost": \n'),
        ("e.csv", b"cost,currency\n\xff\xfe\x00,EUR\n"),
        ("e.csv", b"when,how much\n1,2\n"),
    ],
)
def test_a_file_that_is_no_export_is_refused_with_its_name(
    name: str, content: bytes, bench: Workbench
) -> None:
    (bench.root / "drop" / name).write_bytes(content)

    assert failure(bench, files(bench.root)).startswith(f"drop/{name}: ")


def test_a_missing_mandatory_column_is_named(bench: Workbench) -> None:
    bare = cells()
    del bare["cost_type"]
    write_csv(bench.root / "drop" / "e.csv", [bare])

    assert "cost_type" in failure(bench, files(bench.root))


def test_check_says_when_there_is_no_file(bench: Workbench) -> None:
    (nothing,) = files(bench.root).check()
    write_csv(bench.root / "drop" / "e.csv", [cells()])
    (something,) = files(bench.root).check()

    assert not nothing.is_ok
    assert something.is_ok
