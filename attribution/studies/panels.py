"""Data of studies from the marts just built, a study at a time.

The delivered data is checked for all studies first: a study without data, or without a
column that its plan names, is refused before anything is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from attribution.causal.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from attribution.causal.plan import Plan

_PANEL = "outcomes.mart_attribution_panel"
_COVARIATES = "outcomes.mart_attribution_covariates"
# The order of rows is not defined: their hashes are added.
_FACTS = f"""
SELECT study_id, count(outcome), max(panel_date) FILTER (WHERE outcome IS NOT NULL),
    sum(hash(unit, panel_date, outcome, outcome_unit)::HUGEINT % 1000000007)
FROM {_PANEL} GROUP BY study_id
"""
_COLUMNS = f"""
SELECT study_id, column_name, count(value),
    sum(hash(unit, panel_date, value)::HUGEINT % 1000000007)
FROM {_COVARIATES} GROUP BY study_id, column_name ORDER BY ALL
"""
_FRAME = """
SELECT panel.unit, panel.panel_date AS date, panel.outcome, panel.outcome_unit{columns}
FROM {panel} AS panel{joined}
WHERE panel.study_id = $study
{grouped}ORDER BY ALL
"""
_JOINED = f"""
LEFT JOIN (
    SELECT * FROM {_COVARIATES}
    WHERE study_id = $study AND list_contains($names, column_name)
) AS covariates USING (study_id, unit, panel_date)"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """Data delivered for a study.

    Attributes
    ----------
    outcome_count : int
        Rows with an outcome.
    last_date : date or None
        The last of them.
    columns : mapping of str to tuple
        Controls and exposures by name: how many values, and the sum of their hashes.
    outcome_hash : int
        The sum of the hashes of the outcome's rows.
    """

    outcome_count: int = 0
    last_date: date | None = None
    columns: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    outcome_hash: int = 0


def delivered_studies(connection: duckdb.DuckDBPyConnection) -> dict[str, Delivered]:
    """Return the data of each study in the marts; empty without marts."""
    columns: dict[str, dict[str, tuple[int, int]]] = {}
    for study, name, count, total in _rows(connection, _COLUMNS):
        columns.setdefault(study, {})[name] = (count, int(total))
    return {
        study: Delivered(count, last, columns.get(study, {}), int(total))
        for study, count, last, total in _rows(connection, _FACTS)
    }


def refused_by_delivery(plan: Plan, delivered: Delivered) -> Refusal | None:
    """Return why a study cannot begin: no outcome, or columns that nobody delivered."""
    if not delivered.outcome_count:
        return _refusal(
            plan,
            "panel_empty",
            f"0 days of {plan.outcome!r} are delivered from {plan.window.start} until"
            f" {plan.window.end}.",
            row_count=0,
        )
    missing = sorted(set(plan.columns) - set(delivered.columns))
    if missing:
        return _refusal(
            plan,
            "panel_columns_missing",
            f"{len(missing)} columns that the plan names are not delivered:"
            f" {', '.join(map(repr, missing))}. Delivered are:"
            f" {', '.join(map(repr, sorted(delivered.columns))) or 'none'}.",
            missing_columns=missing,
        )
    return None


def study_frame(connection: duckdb.DuckDBPyConnection, plan: Plan) -> pa.Table:
    """Return the rows of a study as :func:`attribution.estimate` takes them."""
    names = list(plan.columns)
    values: dict[str, object] = {"study": plan.id}
    columns = joined = grouped = ""
    if names:
        values |= {"names": names}
        joined, grouped = _JOINED, "GROUP BY ALL\n"
    for position, name in enumerate(names):
        values[f"name_{position}"] = name
        quoted = name.replace('"', '""')
        columns += (
            f",\n    max(covariates.value) FILTER"
            f' (WHERE covariates.column_name = $name_{position}) AS "{quoted}"'
        )
    sql = _FRAME.format(columns=columns, panel=_PANEL, joined=joined, grouped=grouped)
    return connection.sql(sql, params=values).to_arrow_table()


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(sql).fetchall()
    except duckdb.CatalogException:
        return []  # a workspace whose first half knows no studies


def _refusal(plan: Plan, code: str, message: str, **evidence: object) -> Refusal:
    return Refusal(
        code,
        message,
        evidence,
        study_id=plan.id,
        plan_hash=plan.hash,
        break_even=plan.break_even,
    )
