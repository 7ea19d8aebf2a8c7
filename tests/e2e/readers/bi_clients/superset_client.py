"""Superset: a dataset with a metric for each mart, asked as a chart asks."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.readers.bi_clients.asking import QUESTION, ask_until, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = """
SECRET_KEY = "only for a test, and for no server"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
DATA_DIR = "{folder}"
"""


def main(database: str, folder: str, stop: str, out: str) -> None:
    config = Path(folder) / "superset_config.py"
    config.write_text(CONFIG.format(folder=folder), "utf-8")
    os.environ["SUPERSET_CONFIG_PATH"] = str(config)
    logging.disable(logging.CRITICAL)
    from superset.app import create_app

    with create_app().app_context():
        from flask_appbuilder import Model
        from superset import db
        from superset.connectors.sqla.models import SqlaTable
        from superset.models.core import Database

        Model.metadata.create_all(db.engine)
        # What the how-to says to enter.
        marts = Database(
            database_name="triptych",
            sqlalchemy_uri=f"duckdb:///{database}",
            extra=json.dumps({"engine_params": {"connect_args": {"read_only": True}}}),
        )
        dataset = SqlaTable(
            table_name="fct_daily_model_costs", schema="cost", database=marts
        )
        db.session.add_all([marts, dataset])
        db.session.commit()
        dataset.fetch_metadata()

        def rows_of(query: str) -> Iterator[tuple[object, ...]]:
            return marts.get_df(query).itertuples(index=False)  # type: ignore[no-any-return]

        def ask() -> list[object]:
            return list(next(rows_of(QUESTION)))

        ask_until(stop, ask)
        chart = dataset.query(_cost_by_month()).df
        tables = rows_of("SELECT DISTINCT schema_name, table_name FROM duckdb_tables()")
        content = {
            f"{schema}.{table}": digest_of(rows_of(f'FROM "{schema}"."{table}"'))
            for schema, table in tables
        }
    chart_rows = {row.billing_month: str(row.billed) for row in chart.itertuples()}
    Path(out).write_text(json.dumps({"chart": chart_rows, "marts": content}), "utf-8")


def _cost_by_month() -> dict[str, object]:
    metric = {
        "expressionType": "SQL",
        "sqlExpression": "SUM(billed_cost)",
        "label": "billed",
    }
    return {
        "columns": ["billing_month"],
        "groupby": ["billing_month"],
        "metrics": [metric],
        "is_timeseries": False,
        "filter": [],
        "extras": {},
        "granularity": None,
        "from_dttm": None,
        "to_dttm": None,
        "orderby": [],
        "row_limit": 1000,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
