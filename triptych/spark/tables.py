"""Small tables that are handed to Spark as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from triptych.warehouse.spark_sql import identifier, spark_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from pyspark.sql import SparkSession


def create_table(
    session: SparkSession, name: str, types: Mapping[str, str], rows: pa.Table
) -> None:
    """Create a table of rows that are at hand.

    Parameters
    ----------
    session : SparkSession
        Where.
    name : str
        Schema and table; it must not be there yet.
    types : mapping of str to str
        DuckDB type of each column.
    rows : pyarrow.Table
        The rows, with these columns.
    """
    if not rows.num_rows:
        columns = ", ".join(
            f"CAST(NULL AS {spark_type(type_)}) AS {identifier(column)}"
            for column, type_ in types.items()
        )
        nothing = f"SELECT * FROM (SELECT {columns}) AS nothing WHERE false"
        session.sql(f"CREATE TABLE {name} USING parquet AS {nothing}")
        return
    typed = session.createDataFrame(rows).selectExpr(
        *(
            f"CAST({identifier(column)} AS {spark_type(type_)}) AS {identifier(column)}"
            for column, type_ in types.items()
        )
    )
    typed.write.format("parquet").saveAsTable(name)


__all__ = ["create_table"]
