"""``sql``: any question to the published warehouse, read-only."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
)
from triptych.cli.printing import print_csv, print_json, print_table, records
from triptych.core.errors import UsageError


class Format(StrEnum):
    """Output format of an answer."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str, typer.Argument(help="DuckDB SQL over core.*, cost.*, …")],
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="Decimals are exact in each.")
    ] = Format.TABLE,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Query the published warehouse, read-only."""
    import duckdb

    from triptych.core.warehouse.gate import open_published

    snapshot = open_published(existing_workspace(workspace).root)
    try:
        answer = snapshot.query(query)
    except duckdb.Error as error:
        raise UsageError(
            str(error),
            where="query",
            next_step="Correct the query. Its tables are in"
            ' "SELECT * FROM information_schema.tables".',
        ) from error
    columns = answer.column_names
    values = [column.to_pylist(maps_as_pydicts="strict") for column in answer.columns]
    rows = list(zip(*values, strict=True))
    match Format.JSON if as_json else format_:
        case Format.JSON:
            print_json(records(columns, rows))
        case Format.CSV:
            print_csv(columns, rows)
        case Format.TABLE:
            print_table(columns, rows)
