"""Rows come in batches of text, and only with the columns that their stream has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.reading.text_rows import text_rows
from ingest.streams import STREAMS

if TYPE_CHECKING:
    from ingest.reading.text_rows import Row


def test_a_column_that_a_row_has_not_is_empty_in_every_batch() -> None:
    rows: list[Row] = [{"deployment_id": str(number)} for number in range(5001)]
    part = text_rows("deployments", rows, "uri")
    batches = list(part.batches)
    assert [batch.num_rows for batch in batches] == [5000, 1]
    [last] = batches[1].to_pylist()
    columns = {column.name for column in STREAMS["deployments"].columns}
    assert last == {**dict.fromkeys(columns), "deployment_id": "5000"}


def test_a_column_that_the_stream_has_not_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError, match="author"):
        text_rows("deployments", [{"deployment_id": "1", "author": "x"}], "uri")
