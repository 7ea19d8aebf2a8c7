"""The name of a file means that file, whatever characters it has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from ingest.connector import FileFormat, FilePart, LandingOptions
from ingest.engine.landing import Lander
from ingest.sources.prometheus.recordings import Recordings
from ingest.storage.bucket_files import BucketAddress
from ingest.storage.files import LocalFiles
from ingest.streams import STREAMS
from triptych.core.file_names import search_path

if TYPE_CHECKING:
    from pathlib import Path

#: A name that a pattern would read as the other.
MISTAKEN = [("m[1]", "m1"), ("a*", "ab"), ("b?", "bc"), ("o'brien", "obrien")]
HEADER = "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargeCategory"
ROW = "{cost},1,EUR,2026-03-01,Usage"


def write(path: Path, cost: int) -> None:
    content = f"{HEADER},ChargePeriodStart,ChargePeriodEnd\n"
    content += f"{ROW.format(cost=cost)},2026-03-01,2026-03-02\n"
    if path.suffix == ".csv":
        path.write_text(content, encoding="utf-8")
        return
    plain = path.with_name("plain")
    plain.write_text(content, encoding="utf-8")
    target = str(path).replace("'", "''")
    with duckdb.connect() as connection:
        connection.sql(f"FROM read_csv('{plain}')").to_table("charges")
        format_ = "json" if path.suffix == ".jsonl" else "parquet"
        connection.execute(f"COPY charges TO '{target}' (FORMAT {format_})")
    plain.unlink()


@pytest.mark.parametrize(("name", "other"), MISTAKEN)
@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_a_file_is_read_and_not_one_that_its_name_would_match(
    tmp_path: Path, name: str, other: str, format_: FileFormat
) -> None:
    write(tmp_path / f"{name}.{format_}", 100)
    write(tmp_path / f"{other}.{format_}", 10)
    part = FilePart(tmp_path / f"{name}.{format_}", format_, "bill", is_owned=False)
    target = tmp_path / "lake [1]*" / "part-00000.parquet"
    target.parent.mkdir()
    with duckdb.connect() as connection:
        lander = Lander(connection, stream=STREAMS["focus"], options=LandingOptions())
        landed = lander.land(part, target)
    assert [total.amounts[0] for total in landed.totals] == [Decimal(100)]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("m[1].csv", ["m[1].csv"]),
        ("m[2].csv", None),  # not there, and m2.csv is another file
        ("a*.csv", ["a*.csv"]),  # there is such a file
        ("m*.csv", ["m1.csv", "m2.csv", "m[1].csv"]),
        ("m[*.csv", ["m[1].csv"]),
    ],
)
def test_a_path_is_a_pattern_only_where_it_has_a_wildcard_and_no_such_file_exists(
    tmp_path: Path, path: str, meant: list[str] | None
) -> None:
    for name in ("m[1].csv", "m1.csv", "m2.csv", "a*.csv", "ab.csv"):
        (tmp_path / name).touch()
    files = LocalFiles(path, root=tmp_path, source="bills")
    found = None
    if meant is not None:
        found = [file.path.name for file in files.found()]
    else:
        assert "does not exist" in files.check()[0].message
    assert found == meant


def test_recordings_and_objects_follow_the_same_rule(tmp_path: Path) -> None:
    for name in ("m[1].json", "m1.json", "a*.json", "ab.json"):
        (tmp_path / name).touch()

    def recorded(path: str) -> list[str]:
        found = Recordings(path, root=tmp_path, source="p").found()
        return [recording.path.name for recording in found]

    assert recorded("m[1].json") == ["m[1].json"]
    assert recorded("a*.json") == ["a*.json"]
    address = BucketAddress("costs", "m[1]*.csv")
    assert address.matches("m[1]a.csv")
    assert not address.matches("m1a.csv")


def test_a_folder_with_a_comma_is_reached_by_its_whole_name(tmp_path: Path) -> None:
    root = tmp_path / "a,b"
    for folder in (root, tmp_path / "a"):
        folder.mkdir()
    write(root / "bill.parquet", 7)
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = {search_path(root)}")
        rows = connection.sql("SELECT BilledCost FROM 'bill.parquet'").fetchall()
    assert rows == [(7,)]
