"""How numbers and dates are written: declared, told by the file, or refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.connector import FilePart, LandingOptions
from ingest.engine.landing import LandedPart, Lander
from ingest.engine.projection import project
from ingest.engine.row_checks import flagged_columns
from ingest.notation import Notation
from ingest.streams import STREAMS, TAGS, TEXT
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

METER = ("date", "model_id", "gpu_hours")
DAY = "2026-04-01"


def land(
    folder: Path,
    rows: Sequence[Sequence[str]],
    *,
    notation: Notation | None = None,
    header: Sequence[str] = METER,
    as_parquet: bool = False,
) -> LandedPart:
    """Bring a table of texts to rest as model usage."""
    if as_parquet:
        path = folder / "meter.parquet"
        columns = zip(*rows, strict=True)
        pq.write_table(pa.table([list(c) for c in columns], names=list(header)), path)
    else:
        path = folder / "meter.csv"
        lines = [";".join(row) for row in (header, *rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    format_ = "parquet" if as_parquet else "csv"
    part = FilePart(path, format_, path.name, is_owned=False, delimiter=";")  # type: ignore[arg-type]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        lander = Lander(
            connection,
            stream=STREAMS["model_usage"],
            options=LandingOptions(notation=notation or Notation()),
        )
        return lander.land(part, folder / "part-00000.parquet")


def hours(landed: LandedPart) -> list[Decimal]:
    return [value for (value,) in _read(landed, "gpu_hours")]


def days(landed: LandedPart) -> list[date]:
    return [moment.date() for (moment,) in _read(landed, "period_start")]


def _read(landed: LandedPart, column: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {column} FROM (SELECT {landed.projection.select_list()},"
            f" file_row_number AS n FROM read_parquet('{landed.path}',"
            " file_row_number = true)) ORDER BY n"
        ).fetchall()


def of(*amounts: str) -> list[tuple[str, str, str]]:
    return [(DAY, "eta", amount) for amount in amounts]


@pytest.mark.parametrize("as_parquet", [False, True])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # 0,125 and 2,5 can only have decimal commas, and so 12,345 has one.
        (["0,125", "12,345", "2,5", "7"], ["0.125", "12.345", "2.5", "7"]),
        (["1.234,5", "12.345", "-1"], ["1234.5", "12345"]),
        # 0.125 and 1,234.5 can only have decimal points.
        (["0.125", "12,345"], ["0.125", "12345"]),
        (["1,234.5", "12,345"], ["1234.5", "12345"]),
        (["1,234,567", "12,345"], ["1234567", "12345"]),
        (["1234.567", "1e-3", "5"], ["1234.567", "0.001", "5"]),
    ],
)
def test_the_values_of_a_file_tell_what_separates_decimals(
    tmp_path: Path, written: list[str], meant: list[str], *, as_parquet: bool
) -> None:
    landed = land(tmp_path, of(*written), as_parquet=as_parquet)
    assert hours(landed) == [Decimal(text) for text in meant]
    assert len(landed.rejected) == len(written) - len(meant)  # -1 is less than none


@pytest.mark.parametrize("written", ["0,125", "2,5", "12,3456", "1,50"])
def test_no_number_with_a_decimal_comma_is_one_with_groups(
    tmp_path: Path, written: str
) -> None:
    declared = Notation(decimal="point")
    landed = land(tmp_path, of(written, "1", "2"), notation=declared)
    assert hours(landed) == [Decimal(1), Decimal(2)]


@pytest.mark.parametrize("as_parquet", [False, True])
@pytest.mark.parametrize(
    ("decimal", "meant"), [("comma", "12.345"), ("point", "12345")]
)
def test_what_no_value_decides_is_refused_until_the_source_declares_it(
    tmp_path: Path, decimal: str, meant: str, *, as_parquet: bool
) -> None:
    with pytest.raises(MalformedDeliveryError) as refused:
        land(tmp_path, of("12,345", "7"), as_parquet=as_parquet)
    assert "gpu_hours '12,345'" in refused.value.what
    assert "'decimal: comma' or 'decimal: point'" in refused.value.next_step
    declared = Notation(decimal=decimal)  # type: ignore[arg-type]
    landed = land(tmp_path, of("12,345", "7"), notation=declared, as_parquet=as_parquet)
    assert hours(landed) == [Decimal(meant), Decimal(7)]


def test_a_meter_that_is_no_number_goes_to_quarantine_with_its_reason(
    tmp_path: Path,
) -> None:
    junk = ("2,5", "two", "NaN", "1_0", "$3")
    landed = land(tmp_path, of("1.5", *junk, "", "3", "4", "5", "6"))
    assert hours(landed) == [Decimal("1.5"), None, *map(Decimal, (3, 4, 5, 6))]
    assert [(row.row_number, row.reason) for row in landed.rejected] == [
        (number, "gpu_hours_unreadable") for number in range(2, 7)
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["01/04/2026", "13/04/2026"], ["2026-04-01", "2026-04-13"]),
        (["01/04/2026", "01/13/2026"], ["2026-01-04", "2026-01-13"]),
        (["01.04.2026", "02.04.26"], ["2026-04-01", "2026-04-02"]),
        (["03/03/2026"], ["2026-03-03"]),  # means one day only
        (["2026-04-01", "2026-04"], ["2026-04-01", "2026-04-01"]),
    ],
)
def test_the_dates_of_a_file_tell_whether_the_day_or_the_month_is_first(
    tmp_path: Path, written: list[str], meant: list[str]
) -> None:
    landed = land(tmp_path, [(day, "eta", "1") for day in written])
    assert days(landed) == [date.fromisoformat(day) for day in meant]


@pytest.mark.parametrize(
    ("dates", "meant"), [("day first", "2026-04-01"), ("month first", "2026-01-04")]
)
def test_dates_that_can_mean_two_days_are_refused_until_their_order_is_declared(
    tmp_path: Path, dates: str, meant: str
) -> None:
    rows = [("01/04/2026", "eta", "1"), ("02/05/2026", "eta", "1")]
    with pytest.raises(MalformedDeliveryError) as refused:
        land(tmp_path, rows)
    assert "period_start '01/04/2026'" in refused.value.what
    assert "'dates: day first' or 'dates: month first'" in refused.value.next_step
    landed = land(tmp_path, rows, notation=Notation(dates=dates))  # type: ignore[arg-type]
    assert days(landed)[0] == date.fromisoformat(meant)


def test_dates_that_contradict_each_other_are_refused_row_by_row(
    tmp_path: Path,
) -> None:
    written = [
        "13/04/2026",
        "04/13/2026",
        *[f"2026-04-{day:02}" for day in range(1, 9)],
    ]
    landed = land(tmp_path, [(day, "eta", "1") for day in written])
    assert [row.row_number for row in landed.rejected] == [1, 2]


@pytest.mark.parametrize(
    ("written", "is_a_moment"),
    [
        ("2026-04-01T00:00:00+02:00", True),
        ("2026-04-01T00:00:00-0930", True),
        ("2026-04-01 00:00:00+14", True),
        ("2026-04-01T00:00:00.123Z", True),
        ("2026-04-01T00:00:00+99:00", False),
        ("2026-04-01T00:00:00-15:00", False),
        ("2026-04-01 00:00+02:75", False),
        ("2026-04-01 00:00-99", False),
    ],
)
def test_only_offsets_of_clocks_are_read(
    tmp_path: Path, written: str, *, is_a_moment: bool
) -> None:
    rows = [(written, "eta", "1"), (DAY, "eta", "1"), (DAY, "eta", "1")]
    landed = land(tmp_path, rows)
    reasons = [row.reason for row in landed.rejected]
    assert reasons == ([] if is_a_moment else ["period_start_unreadable"])


def test_an_empty_text_is_no_value_in_a_file_with_types_either(tmp_path: Path) -> None:
    landed = land(tmp_path, of("1.5", "", "2"), as_parquet=True)
    assert hours(landed) == [Decimal("1.5"), None, Decimal(2)]
    assert landed.rejected == ()


def test_a_named_zone_is_not_passed_over(tmp_path: Path) -> None:
    for written in ("2026-04-01 0:00 CET", "2026-04-01 00:00:00 CET"):
        landed = land(tmp_path, [(written, "eta", "1")])
        assert days(landed) == [date(2026, 3, 31)]  # an hour before midnight in UTC


def test_whatever_is_computed_with_is_readable_or_refused_in_every_stream() -> None:
    """A value that cannot be read never passes for one that was not delivered."""
    for stream in STREAMS.values():
        computed = {
            column.name
            for column in stream.columns
            if column.type not in {TEXT, TAGS} and not column.is_list_price
        }
        as_text = {column.name: TEXT for column in stream.columns}
        projection = project(stream, as_text, LandingOptions())
        assert computed <= set(flagged_columns(projection)), stream.name
        assert any(column.is_required for column in stream.columns)
