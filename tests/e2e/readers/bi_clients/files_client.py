"""Clients of files: DuckDB, pandas and polars over Parquet, LibreOffice over CSV.

Prints answers until it is told to stop, then writes the rows of each mart.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.readers.bi_clients.asking import QUESTION, ask_until, digest_of
from tests.e2e.readers.bi_clients.libre_office import LibreOfficeClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Rows = list[tuple[Any, ...]]


class DuckDbClient:
    """Opens the database anew for each question, by its stable name."""

    def __init__(self, current: str) -> None:
        import duckdb

        self._connect: Callable[[], Any] = partial(
            duckdb.connect, f"{current}/triptych.duckdb", read_only=True
        )

    def ask(self) -> tuple[object, ...]:
        with self._connect() as connection:
            row: tuple[object, ...] = connection.execute(QUESTION).fetchall()[0]
            return row

    def marts(self) -> Iterator[tuple[str, Rows]]:
        with self._connect() as connection:
            tables = connection.execute(
                "SELECT DISTINCT schema_name, table_name FROM duckdb_tables()"
            ).fetchall()
            for schema, table in tables:
                rows = connection.execute(f'FROM "{schema}"."{table}"').fetchall()
                yield f"{schema}.{table}", rows


class ParquetClient:
    """Reads files of one folder, which it finds by resolving the stable name."""

    def __init__(
        self, rows_of: Callable[[str], list[dict[str, Any]]], current: str
    ) -> None:
        self._rows, self._current = rows_of, current

    def ask(self) -> tuple[object, ...]:
        # By the stable name a file is there at any time, of whichever run.
        self._rows(f"{self._current}/cost/mart_cost_waterfall.parquet")
        folder = os.path.realpath(self._current)
        [run] = self._rows(f"{folder}/core/mart_run.parquet")
        daily = self._rows(f"{folder}/cost/fct_daily_model_costs.parquet")
        waterfall = self._rows(f"{folder}/cost/mart_cost_waterfall.parquet")
        ledger = (row for row in waterfall if row["step"] == "ledger")
        return run["run_id"], _billed(daily), _billed(ledger)

    def marts(self) -> Iterator[tuple[str, Rows]]:
        for path in Path(os.path.realpath(self._current)).glob("*/*.parquet"):
            rows = self._rows(str(path))
            yield f"{path.parent.name}.{path.stem}", [tuple(r.values()) for r in rows]


def _rows_of_pandas(path: str) -> list[dict[str, Any]]:
    """Read a file as the how-to has it."""
    import pandas as pd
    import pyarrow as pa

    frame = pd.read_parquet(path, dtype_backend="pyarrow")
    lists = {str(name): pa.array(frame[name]).to_pylist() for name in frame}
    return [
        dict(zip(lists, values, strict=True))
        for values in zip(*lists.values(), strict=True)
    ]


def _rows_of_polars(path: str) -> list[dict[str, Any]]:
    """Read a file as the how-to has it."""
    import polars as pl

    return pl.read_parquet(path).to_dicts()


def _billed(rows: Any) -> Decimal:
    return sum((row["billed_cost"] for row in rows), Decimal())


CLIENTS: dict[str, Any] = {
    "duckdb": DuckDbClient,
    "pandas": partial(ParquetClient, _rows_of_pandas),
    "polars": partial(ParquetClient, _rows_of_polars),
    "libreoffice": LibreOfficeClient,
}


def main(name: str, current: str, stop: str, out: str) -> None:
    client = CLIENTS[name](current)
    ask_until(stop, client.ask)
    content = {mart: digest_of(rows) for mart, rows in client.marts()}
    Path(out).write_text(json.dumps({"marts": content}), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
