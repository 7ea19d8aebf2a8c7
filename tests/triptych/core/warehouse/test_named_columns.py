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


def test_a_named_entry_of_json_is_a_tag_and_one_of_no_column_is_not(
    tmp_path: Path,
) -> None:
    file = str(tmp_path / "part.parquet")
    items = {"details": "details", "absent": "CAST(NULL AS VARCHAR)", "tags": "tags"}
    types = (("details", "VARCHAR"), ("absent", "VARCHAR"))
    view = StreamView("focus", types, named_into="tags")
    names = ["details.ModelId", "absent.ModelId"]
    rows = """VALUES ('{"ModelId": "eta-2"}'), ('no JSON'), (NULL)"""
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT details, MAP {{'a': 'b'}} AS tags FROM ({rows}) t(details))"
            f" TO {literal(file)} (FORMAT parquet)"
        )
        text = with_named_columns(connection, view, json.dumps(items), file, names)
        found = connection.execute(
            f"SELECT {json.loads(text)['tags']} FROM read_parquet([{read_name(file)}])"
        ).fetchall()
    assert "absent.ModelId" not in text
    assert found == [({"a": "b", "details.ModelId": "eta-2"},), *[({"a": "b"},)] * 2]


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
