"""Whatever lists sources of bills and meters is derived from their folders."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.docs.reference_pages import MACROS, ROOT, STAGING
from tests.docs.source_macros import macros
from triptych.core.warehouse.bills import (
    BILL_STREAMS,
    LINE_ITEM_TABLES,
    read_bill_streams,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITTEN = ("bill_streams.sql", "meter_sources.sql")
SOURCES = sorted(path.parent.name for path in STAGING.glob("*/bill.toml"))


def test_dbt_knows_the_bills_and_meters_that_the_folders_have() -> None:
    for name, text in macros(STAGING).items():
        assert (MACROS / name).read_text("utf-8") == text, "run `make reference`"
    assert read_bill_streams(STAGING) == BILL_STREAMS


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_moves_out_and_in_again_changes_nothing_outside_its_folder(
    tmp_path: Path, source: str
) -> None:
    staging = tmp_path / "staging"
    shutil.copytree(STAGING, staging)
    (staging / source).rename(tmp_path / source)
    without = "".join(macros(staging).values())
    assert f"stg_{source}__" not in without
    assert all(f"stg_{source}__" not in each.staging_views[-1] for each in
               read_bill_streams(staging))  # fmt: skip
    (tmp_path / source).rename(staging / source)
    assert macros(staging) == {
        name: (MACROS / name).read_text("utf-8") for name in WRITTEN
    }


def test_the_tables_over_line_items_are_those_that_folders_declare() -> None:
    own = [table for bill in BILL_STREAMS for table in bill.line_item_tables]
    assert own == ["stg_aws_data_exports__split_usage"]
    assert own == [name for name in LINE_ITEM_TABLES if name.startswith("stg_")]
    for table in own:
        assert list(STAGING.glob(f"*/{table}.sql"))


def test_no_file_written_by_hand_names_a_staging_model_of_a_source_of_bills() -> None:
    listed = re.compile(rf"\bstg_(?:{'|'.join(SOURCES)})__\w+")
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in _written_by_hand()
        if listed.search(path.read_text("utf-8"))
    }
    assert naming == set()


def _written_by_hand() -> Iterator[Path]:
    for folder in ("triptych", "ingest", "attribution", "dashboard", "dbt_project"):
        for path in (ROOT / folder).rglob("*"):
            is_ours = path.suffix in {".py", ".sql", ".yml", ".toml"}
            is_derived = path.parent == MACROS and path.name in WRITTEN
            is_build = {"target", "logs"} & set(path.parts)
            if is_ours and not (is_derived or is_build or STAGING in path.parents):
                yield path
