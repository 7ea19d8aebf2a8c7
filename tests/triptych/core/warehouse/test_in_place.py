"""A load in place as relations: of Spark by names, of DuckDB as a refusal or files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.triptych.core.warehouse.test_catalogue import VIEW, ask, load
from triptych.core.lake.catalogue import Catalogue
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.in_place import refusal_in
from triptych.core.warehouse.spark_evidence import read_loaded_files

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.lake.loads import NewLoad

FOLDER = "s3://bills/focus/data/BILLING_PERIOD=2026-03"


def in_bucket(root: Path, names: list[str]) -> NewLoad:
    one = load(root, "load-1", ["1.00"])
    count = len(names)
    return replace(
        one,
        files=tuple(names),
        projections=one.projections * count,
        spark_projections=one.spark_projections * count,
        signatures=one.signatures * count,
    )


def commit(root: Path, new: NewLoad) -> None:
    with Catalogue(root / "raw.duckdb", root=root, streams=[VIEW]) as catalogue:
        catalogue.commit([new])


def test_spark_is_given_every_name_in_place_once_and_no_folder(tmp_path: Path) -> None:
    """What was copied is a relation of its own: a server may read one place of two."""
    names = [f"{FOLDER}/export-{n:05d}.snappy.parquet" for n in range(1, 301)]
    other = f"{FOLDER}/another-execution/export-00001.snappy.parquet"
    rewritten = "lake/costs/shop/all/load-1/part-00000.parquet"
    commit(tmp_path, in_bucket(tmp_path, [*names, other, rewritten]))
    with connect(tmp_path / "raw.duckdb", root=tmp_path, read_only=True) as raw:
        files, copied = read_loaded_files(
            raw, root=tmp_path, streams={VIEW.name}, months={"2026-03"}
        )
        others = read_loaded_files(
            raw, root=tmp_path, streams={VIEW.name}, months={"2026-04"}
        )
    assert files.locations == tuple(
        f"s3a{name.removeprefix('s3')}" for name in (*names, other)
    )
    assert copied.locations == (str(tmp_path / rewritten),)
    assert files.view != copied.view
    assert others == []


@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM evidence.costs",
        "SELECT count(*) FROM evidence.costs",
        "SELECT sum(amount) FROM evidence.costs WHERE label = 'eta'",
        "SELECT sum(amount) FROM evidence.costs WHERE label IS NULL",
        "SELECT 1 FROM evidence.costs LIMIT 1",
    ],
)
def test_the_embedded_engine_never_answers_from_a_part_of_the_evidence(
    tmp_path: Path, question: str
) -> None:
    commit(tmp_path, in_bucket(tmp_path, [f"{FOLDER}/a.parquet"]))
    commit(
        tmp_path,
        replace(load(tmp_path, "load-2", ["2.00"], scope="b"), source="local"),
    )
    with pytest.raises(duckdb.InvalidInputException) as error:
        ask(tmp_path, question)
    told = refusal_in(str(error.value))
    assert told is not None
    assert "'shop' stay in its bucket" in told
    of_another = "SELECT sum(amount) FROM evidence.costs WHERE _source = 'local'"
    assert str(ask(tmp_path, of_another)[0][0]).startswith("2.00")
