"""Statistics that begin while the engine still builds the marts.

Only where many line items were read anew: then series differ, and there are some. A
small company is estimated sooner than another process is started, and where nothing
but a name or a plan has changed, nothing is forecast at all.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, Final

import duckdb

from attribution.estimates.fitting_processes import ProcessAhead
from triptych.core.marts.build import DAILY_COSTS
from triptych.core.marts.months import reads_line_items

if TYPE_CHECKING:
    from collections.abc import Callable

    from triptych.core.marts.recipe import Node

#: Rows that line items are summed to, by day, model and whatever else is a key: of
#: fewer, there are few series.
MANY_ROWS: Final = 20_000
#: What the process holds: by then line items are read, and the engine needs less.
_BYTES: Final = 256_000_000
_AFTERWARDS = "triptych.run.second_half"
_MODULES = (
    "attribution.costs.forecasting.forecast",
    "attribution.costs.kept_judgements",
    "attribution.costs.platform_elasticities",
    "statsmodels.tsa.statespace.exponential_smoothing",
    "statsmodels.tsa.statespace.structural",
)


def statistics_ahead() -> ProcessAhead:
    """Return a process for forecasts and elasticities, which is not started yet."""
    return ProcessAhead(_MODULES)


def beginning_with(
    ahead: ProcessAhead,
) -> Callable[[Node, duckdb.DuckDBPyConnection], None]:
    """Return what is called with each table built again, and begins what it can.

    Parameters
    ----------
    ahead : ProcessAhead
        Started once line items were summed to many rows.
    """

    def built(node: Node, connection: duckdb.DuckDBPyConnection) -> None:
        if reads_line_items(node):
            if _has_many_rows(connection, node.relation) and ahead.start():
                _leave_room(connection)
                # Here, too, what comes after is loaded while the engine works.
                Thread(target=import_module, args=[_AFTERWARDS]).start()
        elif (node.schema, node.table) == DAILY_COSTS[-1] and ahead.is_started:
            # With nothing to forecast, it is not loaded.
            from attribution.costs.estimates import begin_estimates  # noqa: PLC0415

            begin_estimates(connection, ahead)

    return built


def _has_many_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return row is not None and row[0] >= MANY_ROWS


def _leave_room(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the engine leave to the process what it holds, if it can."""
    row = connection.execute(
        "SELECT parse_formatted_bytes(current_setting('memory_limit')) - ?", [_BYTES]
    ).fetchone()
    if row is not None and row[0] > _BYTES:
        # Apart from the transaction, which an error would end.
        with connection.cursor() as other, suppress(duckdb.OutOfMemoryException):
            other.execute(f"SET GLOBAL memory_limit = '{row[0]}B'")
