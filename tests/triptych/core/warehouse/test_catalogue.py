"""The catalogue: one transaction a load, superseding, audit, quarantine."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from triptych.core.lake.catalogue import Catalogue
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.evidence_views import UnreadableLoadError
from triptych.core.lake.lake_log import StaleCatalogueError
from triptych.core.lake.loads import LoadTotal, NewLoad, QuarantinedRow, StreamView

if TYPE_CHECKING:
    from pathlib import Path

VIEW = StreamView("costs", (("amount", "DECIMAL(38, 18)"), ("label", "VARCHAR")))


def load(root: Path, load_id: str, amounts: list[str], *, scope: str = "a") -> NewLoad:
    """Write a one-file load into the lake and return its entry."""
    file = f"lake/costs/shop/all/{load_id}/part-00000.parquet"
    path = root / file
    path.parent.mkdir(parents=True)
    values = pa.array([Decimal(text) for text in amounts], pa.decimal128(10, 2))
    pq.write_table(pa.table({"amount": values}), path)
    total = sum((Decimal(text) for text in amounts), Decimal())
    projection = (
        '{"amount": "CAST(\\"amount\\" AS DECIMAL(38, 18))",'
        ' "label": "CAST(NULL AS VARCHAR)"}'
    )
    return NewLoad(
        load_id=load_id,
        run_id="run",
        stream="costs",
        source="shop",
        scope=scope,
        period="all",
        fingerprint=f"print of {load_id}",
        label=f"{scope}.parquet",
        files=(file,),
        origins=(file,),
        checksums=(f"sum of {load_id}",),
        byte_count=path.stat().st_size,
        projections=(projection,),
        spark_projections=(projection,),
        signatures=("s",),
        absent_columns=("label",),
        row_count=len(amounts),
        quarantined=(QuarantinedRow(file, 7, "unknown_currency", "{}"),),
        totals=(LoadTotal("2026-03", "EUR", len(amounts), (total, None)),),
    )


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path / "raw.duckdb", root=tmp_path, streams=[VIEW])


def ask(root: Path, sql: str) -> list[tuple[object, ...]]:
    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        return raw.execute(sql).fetchall()


def test_a_stream_without_loads_is_an_empty_typed_view(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.close()
    rows = ask(tmp_path, "DESCRIBE evidence.costs")
    assert [row[:2] for row in rows] == [
        ("amount", "DECIMAL(38,18)"),
        ("label", "VARCHAR"),
        ("_source", "VARCHAR"),
        ("_load_id", "VARCHAR"),
        ("_source_uri", "VARCHAR"),
    ]
    assert ask(tmp_path, "SELECT count(*) FROM evidence.costs") == [(0,)]


def test_a_load_supersedes_the_one_of_the_same_scope_and_no_other(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.commit([load(tmp_path, "l1", ["1.00", "2.00"])])
    catalogue.commit([load(tmp_path, "l2", ["10.00"], scope="b")])
    catalogue.commit([load(tmp_path, "l3", ["1.50"])])
    catalogue.close()
    assert ask(tmp_path, "SELECT sum(amount) FROM evidence.costs") == [
        (Decimal("11.50"),)
    ]
    assert ask(
        tmp_path,
        "SELECT load_id, status, superseded_by FROM catalogue.loads ORDER BY load_id",
    ) == [
        ("l1", "superseded", "l3"),
        ("l2", "current", None),
        ("l3", "current", None),
    ]
    assert (tmp_path / "lake/costs/shop/all/l1/part-00000.parquet").is_file()
    assert ask(tmp_path, "SELECT DISTINCT _load_id FROM evidence.costs ORDER BY 1") == [
        ("l2",),
        ("l3",),
    ]


def test_a_commit_that_fails_half_way_leaves_nothing(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.commit([load(tmp_path, "l1", ["1.00"])])
    broken = load(tmp_path, "l2", ["5.00"])
    (tmp_path / broken.files[0]).write_bytes(b"not Parquet")
    with pytest.raises(UnreadableLoadError, match="load l2"):
        catalogue.commit([broken])
    catalogue.close()
    assert ask(tmp_path, "SELECT load_id, status FROM catalogue.loads") == [
        ("l1", "current")
    ]
    assert ask(tmp_path, "SELECT sum(amount) FROM evidence.costs") == [(Decimal(1),)]
    assert ask(tmp_path, "SELECT count(*) FROM catalogue.quarantine") == [(1,)]


def test_files_of_different_shapes_stand_in_one_view(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    first = load(tmp_path, "l1", ["1.00"])
    second = load(tmp_path, "l2", ["2.00"], scope="b")
    pq.write_table(
        pa.table({"label": ["x"], "amount": ["2.25"]}), tmp_path / second.files[0]
    )
    text = '{"amount": "TRY_CAST(\\"amount\\" AS DECIMAL(38, 18))", "label": "label"}'
    catalogue.commit([first])
    catalogue.commit([_with(second, projections=(text,), signatures=("t",))])
    catalogue.close()
    assert ask(
        tmp_path, "SELECT amount, label FROM evidence.costs ORDER BY amount"
    ) == [(Decimal("1.00"), None), (Decimal("2.25"), "x")]


def test_the_audit_log_is_chained_by_hash(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.commit([load(tmp_path, "l1", ["1.00"])])
    catalogue.commit([load(tmp_path, "l2", ["2.00"])])
    catalogue.close()
    entries = ask(tmp_path, "SELECT * FROM catalogue.audit_log ORDER BY position")
    assert len(entries) == 2
    previous = ""
    for position, at, event, detail, given_previous, given_hash, _ in entries:
        assert given_previous == previous
        text = f"{position}\n{at.isoformat()}\n{event}\n{detail}\n{previous}"  # type: ignore[attr-defined]
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert given_hash == previous


def test_a_retry_makes_loads_with_quarantined_rows_new_again(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.commit([load(tmp_path, "l1", ["1.00"])])
    assert catalogue.forget_quarantined_fingerprints(source="elsewhere") == 0
    assert catalogue.forget_quarantined_fingerprints() == 1
    assert catalogue.current_fingerprints() == {("shop", "costs", "a"): ""}
    catalogue.close()


def test_refused_rows_go_to_quarantine_in_one_statement(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triptych.core.lake import bulk_rows, load_rows

    tables: list[str] = []
    insert = bulk_rows.insert_columns

    def noting(connection: object, table: str, columns: object) -> None:
        tables.append(table)
        insert(connection, table, columns)  # type: ignore[arg-type]

    monkeypatch.setattr(load_rows, "insert_columns", noting)
    refused = tuple(
        QuarantinedRow("bill.csv", number, "unknown_currency", f'{{"n": {number}}}')
        for number in range(1, 3_001)
    )
    catalogue.commit([_with(load(tmp_path, "l1", ["1.00"]), quarantined=refused)])
    catalogue.close()
    assert tables.count("catalogue.quarantine") == 1
    assert ask(
        tmp_path,
        "SELECT count(*), sum(row_number), count(DISTINCT row_content),"
        " min(quarantined_row_count)"
        " FROM catalogue.quarantine JOIN catalogue.loads USING (load_id)",
    ) == [(3_000, 3_000 * 3_001 // 2, 3_000, 3_000)]


def _with(entry: NewLoad, **changes: object) -> NewLoad:
    import dataclasses

    return dataclasses.replace(entry, **changes)  # type: ignore[arg-type]


def test_a_catalogue_of_another_version_is_made_whole_and_then_left_alone(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.close()
    raw = tmp_path / "raw.duckdb"
    with connect(raw, root=tmp_path) as connection:
        connection.execute("DROP TABLE catalogue.layout")
        connection.execute("DROP TABLE catalogue.renamed_loads")
        connection.execute("ALTER TABLE catalogue.audit_log DROP COLUMN seal")
        connection.execute("DROP VIEW evidence.costs")
    Catalogue(raw, root=tmp_path, streams=[VIEW]).close()
    assert ask(tmp_path, "SELECT count(*) FROM evidence.costs") == [(0,)]
    assert ask(tmp_path, "SELECT count(seal) FROM catalogue.audit_log") == [(0,)]
    assert ask(tmp_path, "SELECT count(*) FROM catalogue.renamed_loads") == [(0,)]
    as_it_is = raw.read_bytes()
    Catalogue(raw, root=tmp_path, streams=[VIEW]).close()
    assert raw.read_bytes() == as_it_is


def test_a_damaged_block_is_no_lock_of_another_process(tmp_path: Path) -> None:
    """Waited for as a lock, it would be told after twenty seconds, and wrongly."""
    path = tmp_path / "raw.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE loads AS SELECT range AS n FROM range(1000)")
    content = bytearray(path.read_bytes())
    for place in range(12_300, len(content), 100):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with (
        pytest.raises(StaleCatalogueError, match="block") as refused,
        connect(path, root=tmp_path),
    ):
        pass
    assert "triptych recover" in refused.value.next_step
