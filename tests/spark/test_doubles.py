"""Both engines read the shortest decimal that rounds to it out of a DOUBLE."""

from __future__ import annotations

import random
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING

import pytest

from ingest.connector import LandingOptions
from ingest.engine.projection import project
from ingest.engine.spark_projection import spark_columns
from ingest.streams import STREAMS
from tests.spark.servers import (
    JAVA_MISSING,
    SAIL_MISSING,
    has_java,
    has_sail,
    running_sail,
    running_spark_connect,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.spark.servers import Server

_WRITTEN = ("1.1", "123456789.12", "-0.07", "999999999.999999", "2.5e-7", "4e-13", "0")


def amounts() -> list[float]:
    draw = random.Random(18)
    drawn = [draw.randrange(10**15) / 10 ** draw.randrange(2, 14) for _ in range(500)]
    return [*map(float, _WRITTEN), *drawn]


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support")
@pytest.mark.parametrize(
    "running",
    [
        pytest.param(
            running_sail, marks=pytest.mark.skipif(not has_sail(), reason=SAIL_MISSING)
        ),
        pytest.param(
            running_spark_connect,
            marks=pytest.mark.skipif(not has_java(), reason=JAVA_MISSING),
        ),
    ],
)
def test_spark_reads_the_shortest_decimal_out_of_a_double(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Server]]
) -> None:
    from pyspark.sql import SparkSession

    stream = STREAMS["focus"]
    physical = {column.name: "VARCHAR" for column in stream.columns}
    projection = project(stream, physical | {"BilledCost": "DOUBLE"}, LandingOptions())
    value = spark_columns(projection)["BilledCost"]
    rows = ", ".join(f"({number}, {each!r}D)" for number, each in enumerate(amounts()))
    with running(tmp_path) as server:
        session = SparkSession.builder.remote(server.address).getOrCreate()
        try:
            found = session.sql(
                f"SELECT {value} FROM VALUES {rows} AS t(n, BilledCost) ORDER BY n"
            ).collect()
        finally:
            session.stop()
    assert [amount for (amount,) in found] == [
        Decimal(repr(each)).quantize(Decimal("1e-18"), ROUND_HALF_UP, Context(prec=60))
        for each in amounts()
    ]
