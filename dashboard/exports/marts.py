"""Any public mart as a table: CSV, a workbook, or Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal, get_args

import pyarrow.parquet as pq

from dashboard.exports.named_file import NamedFile
from dashboard.exports.provenance import SYNTHETIC
from dashboard.exports.table_xlsx import render_table_xlsx
from dashboard.shared import format as fmt
from dashboard.shared import selection_queries
from dashboard.shared.cells import to_csv
from dashboard.shared.published import rows
from triptych.core.errors import UsageError
from triptych.core.warehouse.publish import PUBLIC_SCHEMAS

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

TableFormat = Literal["csv", "xlsx", "parquet"]
TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)


def table_file(snapshot: Snapshot, mart: str, form: TableFormat) -> NamedFile:
    """Return a mart's rows as a file.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    mart : str
        With or without its schema: ``cost.mart_cost_waterfall``.
    form : {'csv', 'xlsx', 'parquet'}
        CSV and Parquet keep every digit. In a workbook a number of more than fifteen
        digits is text.

    Raises
    ------
    UsageError
        There is no such mart, or its rows do not fit into a worksheet.
    """
    schema, table = _find(snapshot, mart)
    answer = snapshot.query(f'select * from "{schema}"."{table}" order by all')
    facts = _facts(snapshot, f"{schema}.{table}")
    name = f"{schema}.{table}.{form}"
    if form == "csv":
        return NamedFile(name, to_csv(facts, answer.column_names, _records(answer)))
    if form == "parquet":
        return NamedFile(name, to_parquet(answer, facts))
    return NamedFile(
        name, render_table_xlsx(answer, facts, selection_queries.run(snapshot))
    )


def to_parquet(answer: pa.Table, facts: list[tuple[str, str]]) -> bytes:
    """Return a table as Parquet with facts as metadata ``triptych:<name>``."""
    said = {f"triptych:{name}".encode(): text.encode() for name, text in facts}
    target = io.BytesIO()
    pq.write_table(
        answer.replace_schema_metadata(said),
        target,
        compression="zstd",
        version="2.6",
    )
    return target.getvalue()


def public_marts(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return schema and name of each mart of a run."""
    if snapshot.viewed_as:
        return []  # whole marts leave for who sees the whole run
    parts = (name.partition(".") for name in snapshot.tables())
    return [(schema, mart) for schema, _, mart in parts if schema in PUBLIC_SCHEMAS]


def _find(snapshot: Snapshot, mart: str) -> tuple[str, str]:
    known = public_marts(snapshot)
    found = [(s, t) for s, t in known if mart in (t, f"{s}.{t}")]
    if len(found) != 1:
        raise UsageError(
            f"There is no mart {mart!r}.",
            where="MART",
            next_step=f"There are: {', '.join(f'{s}.{t}' for s, t in known)}.",
        )
    return found[0]


def _facts(snapshot: Snapshot, mart: str) -> list[tuple[str, str]]:
    run = selection_queries.run(snapshot)
    lacking = rows(
        snapshot,
        "select billing_month, source, missing from core.mart_month_completeness"
        " where not is_complete order by all",
    )
    said = [
        f"{row['billing_month']} of {row['source']} lacks {row['missing']}"
        for row in lacking
    ]
    marked = [("Data", f"{SYNTHETIC}: of a simulated company")]
    return [
        *(marked if run.is_synthetic else []),
        ("Organisation", run.organisation),
        ("Mart", mart),
        ("Cost basis", "billed_ is billed, effective_ is amortised"),
        ("Currency", run.currency),
        ("State", "of each month: cost.mart_period_states"),
        ("Completeness", f"at least: {'; '.join(said)}" if said else "complete"),
        ("Data as of", fmt.moment(run.evidence_as_of)),
        ("Run", run.run_id),
    ]


def _records(answer: pa.Table) -> zip[tuple[object, ...]]:
    columns = (column.to_pylist(maps_as_pydicts="strict") for column in answer.columns)
    return zip(*columns, strict=True)
