"""Visible rows of evidence, for every client.

Marts leave out data that is not for somebody; the rows behind a figure must not bring
it back. Rows about single people are shown to nobody: the data on people is in the
marts, of groups of five or more. A stream that is listed nowhere, such as a new stream,
is shown to nobody either.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

#: A row of these is an answer, booked hours, or the use of seats by a few people.
STREAMS_OF_PEOPLE = frozenset({"survey_responses", "worklogs", "assistant_use"})
#: Columns of other streams with hours of single people.
COLUMNS_OF_PEOPLE = ("engaged_seconds", "engaged_people")
#: Streams that engineering and analysts look at behind a figure.
STREAMS_OF_INSIDE = (
    *("focus", "aws_cur2", "aws_cost_explorer", "gcp_billing_export"),
    *("llm_provider_costs", "opencost_costs", "railway_usage"),
    *("sku_prices", "billing_projects", "fx_rates", "budgets", "commitments"),
    *("model_usage", "accelerator_usage", "llm_usage", "opencost_allocation"),
    *("serving_latency", "latency_histograms", "outcomes", "process_volumes"),
    *("deployments", "commits", "incidents", "training_runs"),
    *("model_versions", "promotions"),
)
#: Streams that finance and this machine itself look at: also invoices, headcount and
#: those kept by closed months.
STREAMS_OF_FINANCE = (
    *STREAMS_OF_INSIDE,
    *("headcount", "invoices"),
    *("locked_cost_waterfall", "locked_daily_model_costs", "locked_daily_pool_costs"),
    *("locked_exchange_rates", "locked_invoice_reconciliation", "locked_meter_gaps"),
    *("locked_model_unit_costs", "locked_period_adjustments"),
    *("locked_statement_lines", "locked_unallocated_causes"),
)
#: The view over the charges of a run.
LINE_ITEMS = "line_items"
#: Functions in the place of a table that make rows of their arguments alone.
ROW_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})


def without_people(rows: pa.Table) -> pa.Table:
    """Return rows of evidence without the hours of single people."""
    hidden = [name for name in COLUMNS_OF_PEOPLE if name in rows.column_names]
    return rows.drop_columns(hidden)


def tables_asked_for(
    cursor: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    functions: frozenset[str] = frozenset(),
) -> set[str]:
    """Return the tables and views that a query names, such as ``raw.evidence.focus``.

    Parameters
    ----------
    cursor : duckdb.DuckDBPyConnection
        To parse with.
    sql : str
        A single query.
    functions : frozenset of str
        Functions in the place of a table that are let through.

    Raises
    ------
    duckdb.Error
        It is no query of tables: it calls a function that reads something else.
    """
    row = cursor.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree["error"]:
        # Not parsed, or no SELECT: the engine has the better words.
        raise duckdb.ParserException(str(tree.get("error_message", "no query")))
    nodes = list(_nodes(tree))
    for node in nodes:
        if node.get("type") == "SHOW_REF":
            raise duckdb.PermissionException("What there is cannot be listed here.")
        is_function = node.get("type") == "TABLE_FUNCTION"
        if is_function and node["function"]["function_name"].lower() not in functions:
            raise duckdb.PermissionException("A query here reads tables only.")
    named = {
        entry["key"]
        for node in nodes
        if "cte_map" in node
        for entry in node["cte_map"]["map"]
    }
    return {name for node in nodes for name in _table(node)} - named


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  (parsed JSON)
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


def _table(node: dict[str, Any]) -> Iterator[str]:
    if node.get("type") == "BASE_TABLE":
        parts = (node["catalog_name"], node["schema_name"], node["table_name"])
        yield ".".join(part for part in parts if part)
