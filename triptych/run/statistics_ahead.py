"""Statistics that begin while the engine still builds the marts.

Only where many line items were read again or a study is to be fitted: then series
differ, and there are some. A small company without studies is estimated sooner than
another process is started, and where nothing but a name has changed, nothing is
estimated at all.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import duckdb

from attribution.estimates.fitting_processes import ProcessAhead
from triptych.core.marts.build import DAILY_COSTS, STUDY_DATA
from triptych.core.marts.months import reads_line_items
from triptych.core.warehouse.bills import BILL_STREAMS
from triptych.core.warehouse.build import open_build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attribution.studies.request import StudyRequest
    from ingest.engine.report import CommittedLoad
    from triptych.core.marts.build import MartBuild
    from triptych.core.marts.recipe import Node

#: Rows that line items are summed to, by day, model and any other key: below it, there
#: are few series.
MANY_ROWS: Final = 20_000
#: New lines of so few take the engine less memory to read than it leaves.
SOME_LINES: Final = 5_000_000
_BILLS: Final = frozenset(bill.name for bill in BILL_STREAMS)
#: Memory of the process: by then line items are read, and the engine needs less.
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
    """Return a process for estimates, which is not started yet."""
    return ProcessAhead(_MODULES)


def load_statistics() -> None:
    """Import the modules needed there, and those that follow."""
    for name in (*_MODULES, _AFTERWARDS):
        import_module(name)


def start_where_some_differ(
    ahead: ProcessAhead, marts: MartBuild, loads: Sequence[CommittedLoad]
) -> None:
    """Start it before anything is built, where some of many line items are new.

    Many series are then to be estimated again, and their engine needs little memory:
    it reads the months that differ. Of more it reads first, and has all of it.

    Parameters
    ----------
    ahead : ProcessAhead
        Not started yet.
    marts : MartBuild
        Marts that were built before, and are going to be again.
    loads : sequence of CommittedLoad
        Loads that this run has taken in.
    """
    new = sum(load.row_count for load in loads if load.stream in _BILLS)
    if 0 < new <= SOME_LINES and _were_many(marts):
        ahead.start()


def beginning_with(
    ahead: ProcessAhead, studies: StudyRequest
) -> Callable[[Node, duckdb.DuckDBPyConnection], None]:
    """Return a callback per rebuilt table that begins possible estimates.

    Parameters
    ----------
    ahead : ProcessAhead
        Started once line items were summed to many rows, or a study can be fitted, if
        it was not before.
    studies : StudyRequest
        Studies to estimate.
    """
    has_room = Event()

    def built(node: Node, connection: duckdb.DuckDBPyConnection) -> None:
        if reads_line_items(node):
            if not ahead.is_started and _has_many_rows(connection, node.relation):
                ahead.start()
        elif (node.schema, node.table) == STUDY_DATA[-1]:
            # With nothing to fit, little of it is loaded.
            from attribution.studies.updating import begin_studies  # noqa: PLC0415

            begin_studies(connection, studies, ahead)
        elif (node.schema, node.table) == DAILY_COSTS[-1] and ahead.is_started:
            # With nothing to forecast, it is not loaded.
            from attribution.costs.estimates import begin_estimates  # noqa: PLC0415

            begin_estimates(connection, ahead)
        if ahead.is_started and not has_room.is_set():
            has_room.set()
            _leave_room(connection)
            # Here, too, later modules are loaded while the engine works.
            Thread(target=import_module, args=[_AFTERWARDS]).start()

    return built


def _were_many(marts: MartBuild) -> bool:
    with open_build(marts.workspace.build_database) as connection:
        return any(
            _has_many_rows(connection, node.relation)
            for node in marts.recipe.nodes
            if reads_line_items(node)
        )


def _has_many_rows(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    try:
        row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    except duckdb.CatalogException:
        return False  # not built yet
    return row is not None and row[0] >= MANY_ROWS


def _leave_room(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the engine leave the process's memory to it, if it can."""
    row = connection.execute(
        "SELECT parse_formatted_bytes(current_setting('memory_limit')) - ?", [_BYTES]
    ).fetchone()
    if row is not None and row[0] > _BYTES:
        # Apart from the transaction, which an error would end.
        with connection.cursor() as other, suppress(duckdb.OutOfMemoryException):
            other.execute(f"SET GLOBAL memory_limit = '{row[0]}B'")
