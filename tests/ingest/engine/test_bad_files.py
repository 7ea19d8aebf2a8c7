"""A file that cannot be read stops its own delivery, with a sentence, and no other."""

from __future__ import annotations

import gzip
import os
import re
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from ingest.connector import FilePart, Window
from ingest.engine.delivery_landing import EngineLimits
from ingest.engine.runner import IngestRunner, LakePlaces
from ingest.reading import unpacked
from ingest.reading.malformed import BAD_DATA, as_failed, read_header
from ingest.sources.tables.connector import TablesConfig
from ingest.sources.tables.focus_files import FocusFiles, FocusFilesConfig
from ingest.storage.files import LONGEST_LINE, LocalFiles, distinct_names
from triptych.core.errors import MalformedDeliveryError
from triptych.core.lake.catalogue_file import connect
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.engine.report import IngestReport

HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory"
)
BILL = HEADER.split(",")
ROW = "{cost},1,EUR,2026-03-01,2026-03-01,2026-03-02,Usage"


def bill(*costs: int, more: str = "", value: str = "") -> bytes:
    rows = [ROW.format(cost=cost) + value for cost in costs]
    return "\n".join([HEADER + more, *rows, ""]).encode()


def damaged(path: Path) -> None:
    content = bytearray(gzip.compress(bill(*range(2000))))
    content[len(content) // 2] ^= 0xFF
    path.with_suffix(".csv.gz").write_bytes(content)


def cut_off(path: Path) -> None:
    content = gzip.compress(bill(*range(2000)))
    path.with_suffix(".csv.gz").write_bytes(content[: len(content) // 2])


def blown_up(path: Path) -> None:
    content = gzip.compress(bill(*[1] * 2000))
    path.with_suffix(".csv.gz").write_bytes(content)


def with_a_name_that_is_no_text(path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff.csv"))).write_bytes(bill(5))


def with_200_000_columns(path: Path) -> None:
    path.write_bytes(",".join(f"c{n}" for n in range(200_000)).encode())


def with_an_endless_line(path: Path) -> None:
    path.write_bytes(b"x" * (LONGEST_LINE + 10))


def with_a_day_beyond_the_calendar(path: Path) -> None:
    moment = pa.scalar(2**61, pa.int64()).cast(pa.timestamp("us"))
    table = pa.table(
        {name: [moment if "Period" in name else "1"] for name in HEADER.split(",")}
    )
    pq.write_table(table, path.with_suffix(".parquet"))


def with_more_money_than_there_is(path: Path) -> None:
    path.write_bytes(bill(*[5 * 10**18] * 30))


def in_parquet(path: Path, columns: dict[str, pa.Array]) -> None:
    table = {name: ["2026-03-01" if "Period" in name else "1"] for name in BILL}
    table |= {"BillingCurrency": ["EUR"], **columns}
    pq.write_table(pa.table(table), path.with_suffix(".parquet"))


def with_2_001_columns_in_parquet(path: Path) -> None:
    in_parquet(path, {f"c{n}": pa.array([1]) for n in range(2_001 - len(BILL))})


def with_two_kinds_of_line_breaks(path: Path) -> None:
    path.write_bytes(bill(2).replace(b"\n", b"\r\n", 1) + bill(3).split(b"\n")[1])


def with_an_endless_cell_in_parquet(path: Path) -> None:
    in_parquet(path, {"Tags": pa.array(["x" * (16 * 1024**2 + 1)])})


def with_an_endless_category_in_parquet(path: Path) -> None:
    endless = pa.array(["x" * (16 * 1024**2 + 1)] * 2)
    in_parquet(path, {"Tags": endless.dictionary_encode().slice(0, 1)})


def with_many_levels_in_parquet(path: Path) -> None:
    nested = pa.array([1])
    for _ in range(40):
        nested = pa.StructArray.from_arrays([nested], ["deeper"])
    in_parquet(path, {"Tags": nested})


def with_a_billion_rows_in_parquet(path: Path) -> None:
    """Eleven million here; one value that is repeated takes no room."""
    same = pa.array(["1"]).take(pa.array(np.zeros(11_000_000, np.int32)))
    pq.write_table(pa.table({"BilledCost": same}), path.with_suffix(".parquet"))


def ingest(root: Path) -> IngestReport:
    config = FocusFilesConfig(name="bills", type="focus_files", path="bills")
    places = LakePlaces(
        root=root,
        lake=root / "lake",
        staging=root / "lake" / ".staging",
        raw_database=root / "raw.duckdb",
    )
    runner = IngestRunner(
        places,
        run_id="run",
        limits=EngineLimits("1GB", 1),
        progress=SilentProgress(),
    )
    return runner.run([FocusFiles(config, root=root)], Window())


BAD: list[tuple[Callable[[Path], None], str, str]] = [
    (damaged, "bad.csv.gz", "compressed file is damaged"),
    (cut_off, "bad.csv.gz", "cut off on the way"),
    (blown_up, "bad.csv.gz", "more than 3 times as large"),
    (with_a_name_that_is_no_text, r"\xff.csv", "name of the file is not UTF-8"),
    (with_two_kinds_of_line_breaks, "bad.csv", "some in CR LF, others in LF"),
    (with_200_000_columns, "bad.csv", "200,000 columns"),
    (with_an_endless_line, "bad.csv", "more than 2,000,000 characters"),
    (with_a_day_beyond_the_calendar, "bad.parquet", "."),
    (with_more_money_than_there_is, "bad.csv", "more than any bill does"),
    (with_2_001_columns_in_parquet, "bad.parquet", "2,001 columns, and at most 2,000"),
    (with_an_endless_cell_in_parquet, "bad.parquet", "cell of column 'Tags' is larger"),
    (with_an_endless_category_in_parquet, "bad.parquet", "column 'Tags' is larger"),
    (with_many_levels_in_parquet, "bad.parquet", "nested in more than 32 levels"),
    (with_a_billion_rows_in_parquet, "bad.parquet", "announces 11,000,000 rows in"),
]


@pytest.mark.parametrize(("write", "name", "words"), BAD)
def test_a_bad_file_stops_its_own_delivery_and_no_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], None],
    name: str,
    words: str,
) -> None:
    monkeypatch.setattr(unpacked, "_HARMLESS_BYTES", 10_000)
    monkeypatch.setattr(
        unpacked, "_MOST_TIMES_LARGER", 3 if write is blown_up else 1_000
    )
    bills = tmp_path / "bills"
    bills.mkdir()
    (bills / "a.csv").write_bytes(bill(1))
    write(bills / "bad.csv")
    (bills / "z.csv").write_bytes(bill(20))
    for path in bills.iterdir():
        # Only of a file that was not written to just now is its content kept in mind.
        os.utime(path, (1_700_000_000, 1_700_000_000))

    report = ingest(tmp_path)

    [failure] = report.failures
    assert re.search(words, str(failure.error)), failure.error
    assert name in failure.error.where
    assert failure.error.next_step
    assert "\n" not in failure.error.what
    assert amounts(tmp_path) == [1, 20]


def amounts(root: Path) -> list[int]:
    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        rows = raw.execute(
            'SELECT CAST("BilledCost" AS INTEGER) FROM evidence.focus ORDER BY 1'
        ).fetchall()
    return [amount for (amount,) in rows]


@pytest.mark.parametrize(
    "column",
    ["filename", "file_row_number", "_delivered", "_reject_reason", "_row_content"],
)
def test_a_column_may_have_any_name(tmp_path: Path, column: str) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    content = bill(1, 2, more=f",{column}", value=",x")
    (bills / "a.csv").write_bytes(content + ROW.format(cost="ten").encode() + b",x\n")
    assert ingest(tmp_path).failures == []
    assert amounts(tmp_path) == [1, 2]


def test_a_parquet_file_may_have_a_column_called_filename(tmp_path: Path) -> None:
    bills = tmp_path / "bills"
    bills.mkdir()
    values = {
        name: [text]
        for name, text in zip(
            HEADER.split(","), ROW.format(cost=7).split(","), strict=True
        )
    }
    pq.write_table(pa.table({**values, "filename": ["x"]}), bills / "a.parquet")
    assert ingest(tmp_path).failures == []
    assert amounts(tmp_path) == [7]


def test_names_of_many_columns_are_told_apart_in_a_moment() -> None:
    """At the square of their number it would take minutes."""
    names = [f"Column{n}" for n in range(20_000)]
    started = time.process_time()
    assert distinct_names(names) == names
    assert distinct_names(["a", "A", "a_1", "_Own"], ["_own"]) == [
        *("a", "A_1", "a_1_1", "_Own_1"),
    ]
    assert time.process_time() - started < 1


def test_an_endless_line_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    path.write_bytes(b"x" * 64_000_000)
    part = FilePart(path, "csv", "endless.csv", is_owned=False)
    tracemalloc.start()
    with pytest.raises(MalformedDeliveryError, match="characters"):
        read_header(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32_000_000


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RecursionError("maximum"), "nested too deeply"),
        (MemoryError(), "more memory"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (EOFError("Compressed file ended"), "damaged"),
        (zlib.error("Error -3"), "damaged"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "encoding"),
        (ValueError("no number"), "form that was not expected: no number"),
        (pa.ArrowInvalid("no Parquet"), "no Parquet"),
        (duckdb.ConversionException("Date out of range"), "Date out of range"),
    ],
)
def test_whatever_a_library_raises_has_a_place_and_a_next_step(
    error: Exception, words: str
) -> None:
    assert isinstance(error, BAD_DATA)
    failed = as_failed(error, "bills/a.csv")
    assert words in failed.what
    assert failed.where == "bills/a.csv"
    assert failed.next_step


@pytest.mark.parametrize(
    "option",
    [
        {"delimiter": ";;"},
        {"delimiter": '"'},
        {"delimiter": ""},
        {"encoding": "klingon"},
        {"encoding": "cp1252"},
        {"encoding": "a\0b"},
    ],
)
def test_a_delimiter_or_an_encoding_that_is_none_is_refused_with_the_settings(
    option: dict[str, str],
) -> None:
    own: dict[str, Any] = {"name": "bills", "type": "focus_files", "path": "bills"}
    own |= option
    with pytest.raises(ValidationError, match=r"use|give one character"):
        FocusFilesConfig(**own)


def test_an_encoding_is_known_by_each_of_its_names() -> None:
    own = {"name": "t", "type": "tables", "path": "x", "stream": "budgets"}
    for name in ("ISO-8859-1", "latin1", "latin-1"):
        assert TablesConfig(**{**own, "encoding": name}).encoding == "latin-1"


def test_a_path_that_is_too_long_for_a_name_is_told_as_one_that_is_not_there(
    tmp_path: Path,
) -> None:
    files = LocalFiles("x" * 5_000, root=tmp_path, source="bills")
    assert "does not exist" in files.check()[0].message
