"""Columns that rules name travel among the tags of their row, entries of maps too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb

from triptych.core.file_names import literal, read_name
from triptych.core.lake.columns_named import with_named_columns
from triptych.core.lake.loads import StreamView

if TYPE_CHECKING:
    from pathlib import Path


def test_a_named_column_is_a_tag_of_its_row_and_so_is_an_entry_of_a_map(
    tmp_path: Path,
) -> None:
    """A cost category of AWS is an entry of a map; in any case, and empty is none."""
    file = str(tmp_path / "part.parquet")
    projection = json.dumps({"cost_category": "categories", "resource_tags": "tags"})
    view = StreamView("aws_cur2", (), named_into="resource_tags")
    names = ["cost_category.Team", "cost_category.Other", "X_COSTCENTER", "plain", "no"]
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT MAP {'Team': 'vision'} AS categories, MAP {'a': 'b'} AS tags,"
            f" 4711 AS x_CostCenter, '' AS plain) TO {literal(file)} (FORMAT parquet)"
        )
        items = json.loads(
            with_named_columns(connection, view, projection, file, names)
        )
        [(tags,)] = connection.execute(
            f"SELECT {items['resource_tags']} FROM read_parquet([{read_name(file)}])"
        ).fetchall()
    assert tags == {"a": "b", "cost_category.Team": "vision", "X_COSTCENTER": "4711"}
