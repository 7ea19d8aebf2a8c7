"""Public marts lie ready for BI tools, and no client can harm a figure."""

from __future__ import annotations

import json
import stat
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from triptych.core.settings import BiSettings
from triptych.core.warehouse.bi_files import BiFilesError, BiFolder
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

BOTH = BiSettings(formats=("parquet", "duckdb"))


def publish_run(root: Path, run_id: str, *, cost: str = "0.1234567891") -> Path:
    """Write a published file of two marts, of which ``cost.costs`` has one row."""
    folder = root / "warehouse" / "published"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA cost; CREATE SCHEMA core; CREATE SCHEMA raw")
        connection.execute(
            "CREATE TABLE cost.costs AS SELECT CAST(? AS DECIMAL(28, 10)) AS billed,"
            " 'a' AS model_id, 0.1::DOUBLE AS ratio, DATE '2026-01-31' AS day",
            [cost],
        )
        connection.execute("CREATE TABLE core.teams AS SELECT 'ü' AS team_id")
        connection.execute("CREATE TABLE raw.secret AS SELECT 1 AS a")
    (root / "warehouse" / "CURRENT").write_text(f"published/{run_id}.duckdb\n")
    return path


def folder_of(root: Path, settings: BiSettings = BOTH, keep_runs: int = 2) -> BiFolder:
    return BiFolder(root / "published", settings, keep_runs)


def test_parquet_and_duckdb_hold_each_public_mart_to_the_last_digit(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    folder.refresh(publish_run(tmp_path, "run-1"))

    expected = PublishedReader(tmp_path).snapshot().query("FROM cost.costs").to_pylist()
    current = folder.current
    assert pq.read_table(current / "cost" / "costs.parquet").to_pylist() == expected
    assert pl.read_parquet(current / "cost/costs.parquet").to_dicts() == expected
    with duckdb.connect(current / "triptych.duckdb", read_only=True) as connection:
        assert (
            connection.sql("FROM cost.costs").to_arrow_table().to_pylist() == expected
        )
    assert expected[0]["billed"] == Decimal("0.1234567891")
    files = {path.relative_to(current).as_posix() for path in current.rglob("*.*")}
    assert files == {
        *("cost/costs.parquet", "core/teams.parquet"),
        *("tables.json", "triptych.duckdb"),
    }


def test_csv_holds_every_digit_and_no_formula(tmp_path: Path) -> None:
    published = publish_run(tmp_path, "run-1")
    with duckdb.connect(published) as connection:
        connection.execute(
            "INSERT INTO cost.costs VALUES (12345678901234567.1234567891, '=1+1', 1e-7,"
            " NULL), (-1.5, 'say \"hi\", ' || chr(10) || 'twice', NULL, NULL),"
            " (NULL, NULL, NULL, NULL), (0, '', 0, NULL)"
        )
        connection.execute("CREATE TABLE core.lists AS SELECT ['=a', 'b'] AS names")
    folder = folder_of(tmp_path, BiSettings(formats=("csv",)))
    folder.refresh(published)

    assert (folder.current / "cost" / "costs.csv").read_text("utf-8") == (
        'billed,"model_id",ratio,day\n'
        '0.1234567891,"a",0.1,2026-01-31\n'
        '12345678901234567.1234567891,"\'=1+1",1e-07,\n'
        '-1.5000000000,"say ""hi"", \ntwice",,\n'
        ",,,\n"
        '0.0000000000,"",0.0,\n'
    )
    assert (folder.current / "core" / "lists.csv").read_text("utf-8") == (
        '"names"\n"[""=a"",""b""]"\n'
    )
    described = json.loads((folder.current / "tables.json").read_text("utf-8"))
    assert list(described["marts"]["core.teams"]["files"]) == ["core/teams.csv"]


def test_whatever_is_no_number_and_no_time_is_text_in_csv(tmp_path: Path) -> None:
    published = publish_run(tmp_path, "run-1")
    with duckdb.connect(published) as connection:
        connection.execute(
            "CREATE TABLE core.types AS SELECT '=1+1'::ENUM ('=1+1') AS word,"
            " union_value(text := '=2')::UNION(text VARCHAR) AS either,"
            " '=3'::BLOB AS bytes, '\"=4\"'::JSON AS json, 5::UTINYINT AS number,"
            " '2026-01-01 00:00+02'::TIMESTAMPTZ AS moment"
        )
    folder = folder_of(tmp_path, BiSettings(formats=("csv",)))
    folder.refresh(published)

    assert (folder.current / "core" / "types.csv").read_text("utf-8") == (
        '"word","either","bytes","json",number,moment\n'
        '"\'=1+1","{""text"":""=2""}","\'=3","""=4""",5,2025-12-31 22:00:00+00\n'
    )


def test_the_duckdb_file_has_the_storage_that_duckdb_1_0_introduced(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    for number in (1, 2):  # written whole, and as a copy in which one table changed
        folder.refresh(publish_run(tmp_path, f"run-{number}", cost=f"{number}"))
        content = (folder.current / "triptych.duckdb").read_bytes()
        # Magic bytes stand behind an eight-byte checksum, the version after them.
        assert content[8:12] == b"DUCK"
        assert int.from_bytes(content[12:20], "little") == 64


def test_only_what_changed_is_written_again(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    folder.refresh(publish_run(tmp_path, "run-1"))
    before = inodes(folder)

    folder.refresh(publish_run(tmp_path, "run-2", cost="0.1234567892"))

    after = inodes(folder)
    assert after["core/teams.parquet"] == before["core/teams.parquet"]
    assert after["cost/costs.parquet"] != before["cost/costs.parquet"]
    with duckdb.connect(folder.current / "triptych.duckdb", read_only=True) as reader:
        rows = reader.sql("SELECT billed FROM cost.costs").fetchall()
        assert rows == [(Decimal("0.1234567892"),)]
        assert reader.sql("SELECT team_id FROM core.teams").fetchall() == [("ü",)]


def inodes(folder: BiFolder) -> dict[str, int]:
    current = folder.current
    return {
        path.relative_to(current).as_posix(): path.stat().st_ino
        for path in current.rglob("*.parquet")
    }


def test_a_file_that_was_cut_short_or_changed_is_not_taken_over(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    folder.refresh(publish_run(tmp_path, "run-1"))
    teams = folder.current / "core" / "teams.parquet"
    teams.chmod(0o600)
    teams.write_bytes(b"")
    database = folder.current / "triptych.duckdb"
    database.chmod(0o600)
    with duckdb.connect(database) as client:
        client.execute("UPDATE core.teams SET team_id = 'forged'")

    folder.refresh(publish_run(tmp_path, "run-2"))

    table = pq.read_table(folder.current / "core" / "teams.parquet")
    assert table.to_pylist() == [{"team_id": "ü"}]
    with duckdb.connect(folder.current / "triptych.duckdb", read_only=True) as reader:
        assert reader.sql("SELECT team_id FROM core.teams").fetchall() == [("ü",)]


def test_a_client_that_opens_the_file_to_write_stops_neither_readers_nor_runs(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    folder.refresh(publish_run(tmp_path, "run-1"))
    database = folder.current.resolve() / "triptych.duckdb"
    database.chmod(0o600)  # as a superuser may
    with duckdb.connect(database) as client:
        client.execute("UPDATE cost.costs SET billed = 0")

        reader = PublishedReader(tmp_path)
        rows = reader.snapshot().query("SELECT billed FROM cost.costs").to_pylist()
        assert rows == [{"billed": Decimal("0.1234567891")}]
        folder.refresh(publish_run(tmp_path, "run-2"))

    with duckdb.connect(
        folder.current / "triptych.duckdb", read_only=True
    ) as connection:
        figures = connection.sql("SELECT billed FROM cost.costs").fetchall()
    assert figures == [(Decimal("0.1234567891"),)]


@pytest.mark.parametrize(
    ("readable_by", "file_mode", "folder_mode"),
    [("owner", 0o400, 0o700), ("group", 0o440, 0o750)],
)
def test_files_are_read_by_whom_the_setting_says_and_written_by_none(
    tmp_path: Path, readable_by: str, file_mode: int, folder_mode: int
) -> None:
    settings = BiSettings.model_validate(
        {"formats": ["parquet", "duckdb"], "readable_by": readable_by}
    )
    folder = folder_of(tmp_path, settings)
    folder.refresh(publish_run(tmp_path, "run-1"))

    for path in (folder.root, *folder.current.resolve().rglob("*")):
        wanted = folder_mode if path.is_dir() else file_mode
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


@pytest.mark.parametrize(("before", "after"), [("group", "owner"), ("owner", "group")])
def test_who_reads_the_files_changes_though_no_run_is_new(
    tmp_path: Path, before: str, after: str
) -> None:
    published = publish_run(tmp_path, "run-1")
    for readers in (before, after):
        settings = BiSettings.model_validate(
            {"formats": ["parquet"], "readable_by": readers}
        )
        folder = folder_of(tmp_path, settings)
        folder.refresh(published)
    for path in (folder.root, folder.current, folder.current / "cost/costs.parquet"):
        is_read_by_group = bool(path.stat().st_mode & stat.S_IRGRP)
        assert is_read_by_group == (after == "group")


def test_a_folder_that_was_shown_stays_for_as_long_as_runs_are_kept(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path, keep_runs=2)
    for number in (1, 2, 3):
        folder.refresh(publish_run(tmp_path, f"run-{number}", cost=f"{number}"))

    kept = sorted(path.name for path in (folder.root / "runs").iterdir())
    assert kept == ["run-2", "run-3"]
    assert folder.current.resolve().name == "run-3"


def test_a_run_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    published = publish_run(tmp_path, "run-1")
    folder.refresh(published)
    shown = folder.current.resolve().stat().st_ino

    folder.refresh(published)
    assert folder.current.resolve().stat().st_ino == shown


def test_other_formats_of_one_run_leave_readers_the_folder_they_are_in(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path, keep_runs=1)
    published = publish_run(tmp_path, "run-1")
    folder.refresh(published)
    read = folder.current.resolve()

    for formats in (("parquet",), ("csv",), ("parquet", "csv")):
        folder_of(tmp_path, BiSettings(formats=formats), keep_runs=1).refresh(published)
        assert (read / "triptych.duckdb").exists()
        assert not (folder.current / "triptych.duckdb").exists()
        is_there = (folder.current / "cost" / "costs.parquet").exists()
        assert is_there == ("parquet" in formats)

    folder_of(tmp_path, keep_runs=1).refresh(publish_run(tmp_path, "run-2"))
    kept = [path.name for path in (folder.root / "runs").iterdir()]
    assert kept == ["run-2"]


def test_what_a_killed_run_left_half_written_is_swept(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    folder.refresh(publish_run(tmp_path, "run-1"))
    half = folder.root / "runs" / ".run-2"
    half.mkdir()
    (half / "tables.json").write_text("{")

    folder.refresh(publish_run(tmp_path, "run-2"))

    assert not half.exists()
    description = json.loads((folder.current / "tables.json").read_text("utf-8"))
    assert description["run_id"] == "run-2"
    columns = {
        column["name"] for column in description["marts"]["cost.costs"]["columns"]
    }
    assert columns == {"billed", "model_id", "ratio", "day"}


def test_files_that_cannot_be_written_are_named_and_the_old_ones_stay(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    folder.root.mkdir()
    folder.current.mkdir()  # somebody's own folder

    with pytest.raises(BiFilesError, match="run-1 is published") as caught:
        folder.refresh(publish_run(tmp_path, "run-1"))
    assert caught.value.exit_code == 4


def test_nothing_is_written_where_no_format_is_asked_for(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, BiSettings())
    folder.refresh(publish_run(tmp_path, "run-1"))
    assert not folder.root.exists()
