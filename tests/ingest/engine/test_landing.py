"""How one part of a delivery comes to rest, and when it is refused."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.connector import FilePart, LandingOptions, RestingPlace
from ingest.engine.landed_loads import _merged
from ingest.engine.landing import LandedPart, Lander
from ingest.engine.parquet_at_rest import ParquetAtRest, PartTotal
from ingest.storage.files import distinct_names
from ingest.streams import STREAMS
from triptych.core.errors import IncompleteDeliveryError, MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,user:Team,user:team\n"
)
ROW = "{cost},1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,search,chat\n"


def text_part(folder: Path, *costs: str, **options: object) -> FilePart:
    path = folder / "bill.csv"
    path.write_text(HEADER + "".join(ROW.format(cost=cost) for cost in costs))
    return FilePart(path, "csv", "bill.csv", is_owned=False, **options)  # type: ignore[arg-type]


def land(
    part: FilePart,
    folder: Path,
    options: LandingOptions | None = None,
    *,
    stream: str = "focus",
) -> LandedPart:
    with duckdb.connect() as connection:
        lander = Lander(
            connection,
            stream=STREAMS[stream],
            options=options or LandingOptions(),
        )
        return lander.land(part, folder / "part-00000.parquet")


def test_a_file_with_as_many_rows_as_its_manifest_announces_is_taken(
    tmp_path: Path,
) -> None:
    landed = land(text_part(tmp_path, "1", "twelve", "2", row_count=3), tmp_path)
    assert landed.totals[0].row_count == 2
    assert len(landed.rejected) == 1


@pytest.mark.parametrize("announced", [2, 4])
def test_a_file_with_another_number_of_rows_than_announced_is_refused(
    tmp_path: Path, announced: int
) -> None:
    part = text_part(tmp_path, "1", "2", "3", row_count=announced)
    with pytest.raises(IncompleteDeliveryError, match=f"3 rows.*{announced}"):
        land(part, tmp_path)


@pytest.mark.parametrize(
    ("rest", "is_whole"),
    [
        ('3,1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,"sea', False),
        (
            '3,1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,"sea,chat\n' + "x\n" * 9,
            False,
        ),
        ('3,1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,"a"b,chat\n', True),
        ('3,1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,"a"b,chat', True),
        ('3,1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,"a\nb",chat\n', True),
        ('3,1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage,a"b,chat\n', True),
    ],
    ids=["cut off", "open", "after a quote", "last", "lines in quotes", "inside"],
)
def test_a_quote_that_is_never_closed_refuses_the_file(
    tmp_path: Path, rest: str, *, is_whole: bool
) -> None:
    part = text_part(tmp_path, "1", "2")
    with part.path.open("a") as file:
        file.write(rest)
    if is_whole:
        landed = land(part, tmp_path)
        assert landed.totals[0].row_count + len(landed.rejected) == 3
        return
    with pytest.raises(MalformedDeliveryError, match="never closed") as refused:
        land(part, tmp_path)
    assert refused.value.where == "bill.csv:4"


@pytest.mark.parametrize("is_quoted", [False, True])
@pytest.mark.parametrize("crlf_count", [1, 2])
def test_mixed_line_ends_are_no_open_quote(
    tmp_path: Path, crlf_count: int, *, is_quoted: bool
) -> None:
    part = text_part(tmp_path, "1", "2", "3")
    content = part.path.read_bytes()
    if is_quoted:
        content = content.replace(b"Usage", b'"Usage"').replace(b"chat", b'"chat"')
    part.path.write_bytes(content.replace(b"\n", b"\r\n", crlf_count))
    with pytest.raises(MalformedDeliveryError, match="do not all end alike"):
        land(part, tmp_path)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    if form == "csv":
        part = text_part(tmp_path, "1", "2")
    else:
        path = tmp_path / "bill.parquet"
        landed = land(text_part(tmp_path, "1", "2"), tmp_path)
        landed.path.rename(path)
        place = RestingPlace(str(path), "v1")
        part = FilePart(path, "parquet", path.name, is_owned=False, in_place=place)
    assess = ParquetAtRest.assess

    def growing(self: ParquetAtRest, *given: Any) -> Any:
        answer = assess(self, *given)
        with part.path.open("ab") as file:
            file.write(b"3,1,EUR")
        return answer

    monkeypatch.setattr(ParquetAtRest, "assess", growing)
    with pytest.raises(IncompleteDeliveryError, match="written to while it was read"):
        land(part, tmp_path)


def test_the_rows_of_parquet_are_counted_like_those_of_text(tmp_path: Path) -> None:
    landed = land(text_part(tmp_path, "1", "2"), tmp_path)
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(landed.path.read_bytes())
    part = FilePart(copy, "parquet", "copy", is_owned=False, row_count=3)
    with pytest.raises(IncompleteDeliveryError, match=r"2 rows.*3"):
        land(part, tmp_path)


def test_a_file_may_bring_the_way_in_which_it_is_read(tmp_path: Path) -> None:
    own = LandingOptions(mapping={"BilledCost": '"BilledCost"::DECIMAL(9, 2) * 10'})
    part = text_part(tmp_path, "1.25", landing=own)
    landed = land(part, tmp_path, LandingOptions(mapping={"BilledCost": "'7'"}))
    assert landed.totals[0].amounts[0] == Decimal("12.5")


def test_text_read_in_another_way_is_other_content(tmp_path: Path) -> None:
    """Else a corrected mapping would be taken for a delivery of nothing new."""
    part = text_part(tmp_path, "1")
    mapped = LandingOptions(mapping={"BilledCost": "EffectiveCost"})
    checksums = [land(part, tmp_path, options).checksum for options in (None, mapped)]
    assert checksums[0] != checksums[1]
    assert land(part, tmp_path, mapped).checksum == checksums[1]


def test_columns_whose_names_differ_only_by_case_are_all_kept(tmp_path: Path) -> None:
    landed = land(text_part(tmp_path, "1"), tmp_path)
    kept: pa.Table = pq.read_table(landed.path)
    assert kept["user:Team"].to_pylist() == ["search"]
    assert kept["user:team_1"].to_pylist() == ["chat"]


def test_names_are_made_distinct_without_meeting_one_that_is_there() -> None:
    assert distinct_names(["a", "b"]) == ["a", "b"]
    assert distinct_names(["a", "A", "a_1", "a"]) == ["a", "A_1", "a_1_1", "a_2"]


def refused(
    part: FilePart, folder: Path, stream: str = "focus"
) -> list[tuple[str, str | None, str | None, bool]]:
    with duckdb.connect() as connection:
        lander = Lander(connection, stream=STREAMS[stream], options=LandingOptions())
        landed = lander.land(part, folder / "part-00000.parquet")
    return [
        (row.reason, row.billing_month, row.subject, row.is_charge)
        for row in landed.rejected
    ]


def test_a_refused_charge_says_of_which_month_and_of_what_it_is(tmp_path: Path) -> None:
    header = HEADER.replace("user:Team", "SkuId").replace("user:team", "ServiceName")
    row = "{cost},1,EUR,{month},2026-03-01,2026-03-02,Usage,{sku},{service}\n"
    text = header + "".join(
        row.format(cost=cost, month=month, sku=sku, service=service)
        for cost, month, sku, service in (
            ("1", "2026-03-01", "a100", "GPU"),
            ("", "2026-03-01", "a100", "GPU"),
            ("", "2026-04-01", "", "Mail"),
            ("1", "soon", "h100", "GPU"),
            ("1", "1970-01-01", "", ""),
        )
    )
    (tmp_path / "bill.csv").write_text(text + "1,1\n")
    bill = FilePart(tmp_path / "bill.csv", "csv", "bill.csv", is_owned=False)
    expected = [
        ("BilledCost_missing", "2026-03", "a100", True),
        ("BilledCost_missing", "2026-04", "Mail", True),
        ("BillingPeriodStart_unreadable", None, "h100", True),
        ("date_out_of_range", None, None, True),
    ]
    *rows, line = refused(bill, tmp_path)
    assert rows == expected
    assert line == ("missing_columns", None, None, True)
    names = header.strip().split(",")
    cells = [
        [cell or None for cell in one.split(",")] for one in text.split("\n")[1:-1]
    ]
    again = tmp_path / "again.parquet"
    table = pa.table(dict(zip(names, map(list, zip(*cells, strict=True)), strict=True)))
    pq.write_table(table, again)
    part = FilePart(again, "parquet", "again", is_owned=False)
    assert refused(part, tmp_path) == expected


def test_a_refused_charge_states_its_amount_or_is_bounded_by_its_like(
    tmp_path: Path,
) -> None:
    """Nineteen rows of a100 cost 1 to 19, one of disk 40; the file has no other.

    A row of a100 costs 19 at most, a row of an item that has none like it 40. One that
    states its list price, 5, costs no more than that. A line that is no row, and a
    currency that is none, are compared with all that the file has in its one currency.
    """
    head = HEADER.replace("user:Team", "SkuId").replace("user:team", "ListCost")
    row = "{},{},{},2026-03-01,2026-03-01,2026-03-02,Usage,{},{}\n".format
    good = "".join(row(cost, cost, "EUR", "a100", "") for cost in range(1, 20))
    good += row(40, 40, "EUR", "disk", "")
    bad = row("", "", "EUR", "a100", "") + row("", "", "EUR", "h100", "")
    bad += row("", 3, "EUR", "h100", 5) + row(7, 7, "XXQ", "a100", "") + "1,1\n"

    def bounds(text: str) -> list[tuple[object, ...]]:
        (tmp_path / "bill.csv").write_text(head + text)
        bill = FilePart(tmp_path / "bill.csv", "csv", "bill.csv", is_owned=False)
        found = land(bill, tmp_path).rejected
        return [(one.amount, one.amount_basis, one.compared_row_count) for one in found]

    assert bounds(good + bad) == [
        (19, "item", 19),
        (40, "file", 20),
        (5, "row", None),
        (19, "item", 19),
        (40, "file", 20),
    ]
    few = good.split("\n", 2)[2]
    assert [found[:2] for found in bounds(few + bad)] == [
        (None, None),
        (None, None),
        (5, "row"),
        (None, None),
        (None, None),
    ]
    dollars = row(9, 9, "USD", "a100", "")
    assert [one[1] for one in bounds(good + dollars + bad)] == [
        "item",
        "file",
        "row",
        None,
        None,
    ]


def test_a_refused_charge_is_compared_with_rows_of_each_month_that_it_may_be_of(
    tmp_path: Path,
) -> None:
    """March has twenty rows of 1 to 20, April as many of 101 to 120, or one of 500.

    A row of March costs 20 at most and none of April. One whose month cannot be read
    costs 120 at most; beside a single row of April nothing is known of it.
    """
    row = "{0},{0},EUR,{1},2026-03-01,2026-03-02,Usage,,\n".format
    march = "".join(row(cost, "2026-03-01") for cost in range(1, 21))
    april = "".join(row(cost, "2026-04-01") for cost in range(101, 121))
    bad = row("x", "2026-03-01") + row("x", "soon")

    def bounds(text: str) -> list[tuple[object, ...]]:
        (tmp_path / "bill.csv").write_text(HEADER + text)
        bill = FilePart(tmp_path / "bill.csv", "csv", "bill.csv", is_owned=False)
        found = land(bill, tmp_path).rejected
        return [(one.amount, one.compared_row_count) for one in found]

    assert bounds(march + april + bad) == [(20, 20), (120, 20)]
    assert bounds(march + row(500, "2026-04-01") + bad) == [(20, 20), (None, None)]


@pytest.mark.parametrize("as_parquet", [False, True])
def test_a_sign_counts_only_in_a_row_of_its_currency(
    tmp_path: Path, *, as_parquet: bool
) -> None:
    """Twenty currencies have $ for a sign: in no row but of USD is it believed."""
    row = "{},1,{},2026-03-01,2026-03-01,2026-03-02,Usage,,\n".format
    text = row("$5.00", "USD") + row("$6.00", "EUR") + row("-$7", "CAD")
    text += row("€8", "EUR") + row("9", "EUR") + row('"$1,000.50"', "usd")
    path = tmp_path / "bill.csv"
    path.write_text(HEADER + text)
    part = FilePart(path, "csv", "bill.csv", is_owned=False)
    if as_parquet:
        with duckdb.connect() as engine:
            engine.execute(
                f"COPY (FROM read_csv('{path}', all_varchar = true))"
                f" TO '{path.with_suffix('.parquet')}'"
            )
        part = FilePart(
            path.with_suffix(".parquet"), "parquet", "bill.parquet", is_owned=False
        )
    landed = land(part, tmp_path)
    assert [(t.currency, t.amounts[0]) for t in landed.totals] == [
        ("EUR", Decimal(9)),
        ("USD", Decimal("1005.50")),
    ]
    assert [(bad.row_number, bad.reason, bad.amount) for bad in landed.rejected] == [
        (2, "BilledCost_in_another_currency", None),
        (3, "BilledCost_in_another_currency", None),
        (4, "BilledCost_unreadable", 1),
    ]


def test_a_refused_reading_of_a_meter_is_no_charge(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("model_id,period_start,period_end,requests\neta,soon,later,1\n")
    part = FilePart(path, "csv", "usage.csv", is_owned=False)
    [(reason, month, subject, is_charge)] = refused(part, tmp_path, "model_usage")
    assert reason.endswith("_unreadable")
    assert (month, subject, is_charge) == (None, None, False)


def test_an_optional_amount_that_cannot_be_read_refuses_its_row(tmp_path: Path) -> None:
    """An amount that is not there is none; one that nobody can read is not nothing."""
    path = tmp_path / "invoices.csv"
    head = "invoice_id,billing_period_start,currency,invoiced_amount,tax_amount\n"
    rows = ("one,{},EUR,119,19", "two,{},EUR,100,", "three,{},EUR,9,VAT")
    path.write_text(head + "".join(f"{row}\n".format("2026-03-01") for row in rows))
    part = FilePart(path, "csv", "invoices.csv", is_owned=False)
    [(reason, month, _, is_charge)] = refused(part, tmp_path, "invoices")
    assert (reason, month, is_charge) == ("tax_amount_unreadable", "2026-03", True)


@pytest.mark.parametrize(
    "name", ["meter.csv", pytest.param("meter.csv.gz", marks=pytest.mark.full)]
)
def test_rows_that_several_threads_read_keep_their_order_and_numbers(
    tmp_path: Path, name: str
) -> None:
    """Of 400,000 counts n, each 37,000th is no number: those from row 37,000 on."""
    bad = set(range(37_000, 400_001, 37_000))
    lines = (
        f"2026-03-01,eta,{'none' if number in bad else number}\n"
        for number in range(1, 400_001)
    )
    text = "date,model_id,requests\n" + "".join(lines)
    path = tmp_path / name
    path.write_bytes(
        gzip.compress(text.encode(), 1) if name[-1] == "z" else text.encode()
    )
    with duckdb.connect() as connection:
        connection.execute("SET threads = 4")
        lander = Lander(
            connection, stream=STREAMS["model_usage"], options=LandingOptions()
        )
        part = FilePart(path, "csv", name, is_owned=False, row_count=400_000)
        landed = lander.land(part, tmp_path / "part-00000.parquet")
    assert [row.row_number for row in landed.rejected] == sorted(bad)
    assert {row.reason for row in landed.rejected} == {"requests_unreadable"}
    counts = pq.read_table(landed.path, columns=["requests"])["requests"]
    whole = counts.cast(pa.int64())  # which refuses what has a fraction
    assert whole.to_pylist() == [n for n in range(1, 400_001) if n not in bad]


def rates(folder: Path, *rows: str) -> FilePart:
    path = folder / "rates.csv"
    header = "date,from_currency,to_currency,rate,rate_origin"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return FilePart(path, "csv", "rates.csv", is_owned=False)


def test_two_rates_for_one_day_are_refused_by_name(tmp_path: Path) -> None:
    part = rates(tmp_path, "2026-03-02,USD,EUR,0.9,", "2026-03-02,USD,EUR,0.91,")
    with pytest.raises(MalformedDeliveryError) as refused:
        land(part, tmp_path, stream="fx_rates")
    assert refused.value.what == (
        "Two rows for 2026-03-02 00:00:00 USD EUR have rate 0.9 and 0.91."
    )


def test_the_same_rate_twice_and_one_of_each_origin_are_taken(tmp_path: Path) -> None:
    rows = ["2026-03-02,USD,EUR,0.9,"] * 2 + ["2026-03-02,USD,EUR,0.91,market"]
    landed = land(rates(tmp_path, *rows), tmp_path, stream="fx_rates")
    assert landed.rejected == ()


def test_a_rate_of_a_currency_to_itself_goes_to_quarantine(tmp_path: Path) -> None:
    part = rates(tmp_path, "2026-03-02,USD,EUR,0.9,", "2026-03-02,EUR,eur,1.1,")
    landed = land(part, tmp_path, stream="fx_rates")
    assert [row.reason for row in landed.rejected] == ["currency_to_itself"]


def test_parts_of_a_month_are_added_to_the_last_of_their_digits() -> None:
    """The sum has 37 digits; arithmetic of the usual 28 would round it."""
    amounts = Decimal("1000000000000000000.000000000000000001"), Decimal("1e-18")
    totals = [PartTotal("2026-03", "USD", 1, 1, (amount, None)) for amount in amounts]
    total = Decimal("1000000000000000000.000000000000000002")
    assert _merged(totals).amounts == (total, None)


@pytest.mark.parametrize("cost", ["1.5", "much"])
def test_each_part_of_a_delivery_that_stays_in_a_bucket_is_sketched(
    tmp_path: Path, cost: str
) -> None:
    """One of them is copied, for it has a row that cannot count."""
    header, row = HEADER.split(",user", maxsplit=1)[0], ROW.rsplit(",", 2)[0]
    text = "\n".join([header, row.format(cost="2.5"), row.format(cost=cost)])
    (tmp_path / "bill.csv").write_text(text)
    with duckdb.connect() as engine:
        bill = engine.read_csv(str(tmp_path / "bill.csv"), all_varchar=True)
        bill.write_parquet(str(tmp_path / "bill.parquet"))
    place = RestingPlace("s3://bucket/bill.parquet", "v1")
    part = FilePart(
        tmp_path / "bill.parquet", "parquet", place.uri, is_owned=False, in_place=place
    )
    landed = land(part, tmp_path)
    assert (landed.in_place is None) == (cost == "much")
    assert len(landed.totals[0].sketch) == landed.totals[0].row_count


def test_text_is_read_once_and_what_it_became_twice(tmp_path: Path) -> None:
    """Each reading of text costs more than all that is asked of the Parquet file."""
    part = text_part(tmp_path, "1", "2", "3")
    with duckdb.connect() as connection:
        connection.execute("CALL enable_logging('QueryLog')")
        lander = Lander(connection, stream=STREAMS["focus"], options=LandingOptions())
        lander.land(part, tmp_path / "part-00000.parquet")
        asked = connection.execute(
            "SELECT count(*) FILTER (contains(message, 'read_csv(')),"
            " count(*) FILTER (contains(message, 'FROM read_parquet(')"
            " AND NOT starts_with(message, 'DESCRIBE'))"
            " FROM duckdb_logs WHERE type = 'QueryLog'"
            " AND NOT contains(message, 'duckdb_logs')"
        ).fetchone()
    assert asked == (1, 2)


def test_what_a_bill_does_not_have_is_no_column_of_what_it_becomes(
    tmp_path: Path,
) -> None:
    landed = land(text_part(tmp_path, "1", "twelve"), tmp_path)
    names = set(pq.read_schema(landed.path).names)
    delivered = set(HEADER.strip().split(",")) - {"user:team"} | {"user:team_1"}
    assert names - {"_reject_reason", "_row_content"} == delivered
    assert "ListCost" in landed.projection.absent_columns
    [refused] = landed.rejected
    assert refused.amount == 1  # its EffectiveCost: ListCost is not there to state it
