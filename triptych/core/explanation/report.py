"""A figure explained: everything behind it, as a single value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError, UsageError
from triptych.core.explanation.documentation import find_column, read_columns
from triptych.core.explanation.evidence import (
    ExchangeRate,
    FileCheck,
    RefusedRows,
    check_files,
    read_rates,
    read_refused,
)
from triptych.core.explanation.published_value import PublishedValue, read_value
from triptych.core.explanation.rederivation import (
    Rederivation,
    is_estimate,
    rederive,
)
from triptych.core.explanation.sql_places import sql_place
from triptych.core.warehouse.figures import parse_figure
from triptych.core.warehouse.gate import open_published
from triptych.core.warehouse.made_of import (
    Load,
    Version,
    read_loads,
    read_nodes,
    read_versions,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from triptych.core.explanation.published_value import Number
    from triptych.core.warehouse.figures import Figure
    from triptych.core.warehouse.reader import Snapshot

_STATES = """
SELECT billing_month, state, reason FROM cost.mart_period_states
WHERE list_contains($months, billing_month) ORDER BY billing_month
"""
_STATES_BEFORE_CLOSING = """
SELECT billing_month,
  if(bool_and(is_reconciled), 'reconciled', 'not reconciled') AS state,
  string_agg(reason, ' ' ORDER BY source) AS reason
FROM cost.mart_period_reconciliation
WHERE list_contains($months, billing_month)
  AND (len($sources) = 0 OR list_contains($sources, source))
GROUP BY billing_month ORDER BY billing_month
"""
_INVOICES = ("cost.mart_invoices", "cost.mart_invoice_reconciliation")
#: Prefixes of money columns that are not recognisable by name.
_MONEY = (
    *("cost_since", "npv", "run_rate_net", "net_after_investment"),
    *("other_investment", "experiment_value_ceiling", "monthly_saving"),
)
#: Their figures are those of the lock, regardless of later loads.
_CLOSED = ("locked", "restated")
_MISSING = """
SELECT DISTINCT billing_month, source, missing FROM core.mart_month_completeness
WHERE NOT is_complete AND list_contains($months, billing_month)
  AND (len($sources) = 0 OR list_contains($sources, source)) ORDER BY ALL
"""


class NotRederivedError(TriptychError):
    """The evidence gives another value than was published, or was changed."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class PeriodState:
    """Progress of a month, and the obstacle to further progress."""

    billing_month: str
    state: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A figure and everything behind it.

    ``missing`` lists the parts that the figure is known to lack: it is then a lower
    bound. ``row_count`` are rows of the mart, ``line_item_count`` those of the evidence
    where they were added up. ``sql`` is the file and the line that make the column.
    """

    figure: str
    value: Number
    unit: str
    basis: str
    states: tuple[PeriodState, ...]
    is_estimated: bool
    missing: tuple[str, ...]
    formula: str
    description: str
    mart: str
    mart_description: str
    grain: str
    row_count: int
    run_id: str
    evidence_as_of: datetime
    triptych_version: str
    is_synthetic: bool
    nodes: tuple[str, ...]
    sql: str | None
    versions: tuple[Version, ...]
    exchange_rates: tuple[ExchangeRate, ...]
    loads: tuple[Load, ...]
    refused: tuple[RefusedRows, ...]
    files: FileCheck
    rederivation: Rederivation

    @property
    def problem(self) -> str | None:
        """Return its problem, if there is any."""
        if self.files.changed:
            return f"Evidence is not what was loaded: {'; '.join(self.files.changed)}."
        if self.rederivation.is_equal is False:
            return f"The evidence gives another value: {self.rederivation.verdict}."
        return None


def explain(workspace_root: Path, address: str) -> Explanation:
    """Explain a published figure, and work it out again.

    Parameters
    ----------
    workspace_root : Path
        The folder that holds ``warehouse/``.
    address : str
        As :func:`triptych.core.warehouse.figures.parse_figure` reads it.

    Raises
    ------
    UsageError
        There is no such figure, it may not be seen whole, or its rows do not add up.
    NotExplainableError
        The run was published without its documentation.
    NothingPublishedError
        No run has been published.
    """
    snapshot = open_published(workspace_root)
    return explain_in(snapshot, workspace_root, address)


def explain_in(snapshot: Snapshot, workspace_root: Path, address: str) -> Explanation:
    """Explain a figure of a run that is open already; see :func:`explain`.

    Parameters
    ----------
    snapshot : Snapshot
        The run, whole: who sees only a part of it is refused.
    workspace_root : Path
        Folder of its evidence.
    address : str
        Of the figure.
    """
    _refuse_part(snapshot)
    figure = parse_figure(address)
    every = read_columns(snapshot)
    meaning = find_column(every, figure)
    columns = {each.column: each for each in every if each.mart == figure.mart}
    published = read_value(snapshot, figure, columns)
    run = _one(snapshot, "FROM core.mart_run")
    nodes = read_nodes(snapshot, meaning.model_name)
    loads = read_loads(
        snapshot, nodes, months=published.months, sources=published.sources
    )
    files = check_files(snapshot, workspace_root, loads)
    rederivation = rederive(
        snapshot, workspace_root, figure, columns, published, reporting=run["currency"]
    )
    states = _states(snapshot, published)
    rederivation = _as_closed(rederivation, states)
    currencies = rederivation.currencies or _foreign_currencies(snapshot, published)
    return Explanation(
        figure=str(figure),
        value=published.value,
        unit=unit_of(figure.column, published, run["currency"]),
        basis=basis_of(figure, columns),
        states=states,
        is_estimated=published.is_estimated,
        missing=_missing(snapshot, published),
        formula=meaning.formula or meaning.description,
        description=meaning.description,
        mart=figure.mart,
        mart_description=meaning.mart_description,
        grain=meaning.grain,
        row_count=published.row_count,
        run_id=run["run_id"],
        evidence_as_of=run["evidence_as_of"],
        triptych_version=run["triptych_version"],
        is_synthetic=run["is_synthetic"],
        nodes=nodes.models,
        sql=sql_place(meaning.model_name, meaning.column),
        versions=read_versions(snapshot),
        exchange_rates=read_rates(snapshot, published, currencies),
        loads=loads,
        refused=read_refused(snapshot, loads),
        files=files,
        rederivation=rederivation,
    )


def _refuse_part(snapshot: Snapshot) -> None:
    if snapshot.viewed_as:
        raise UsageError(
            "Working a figure out again reads all of the evidence.",
            next_step="Ask somebody in finance to do it.",
        )


def _one(snapshot: Snapshot, sql: str) -> dict[str, Any]:
    row: dict[str, Any] = snapshot.query(sql).to_pylist()[0]
    return row


def _states(snapshot: Snapshot, published: PublishedValue) -> tuple[PeriodState, ...]:
    given = {"months": list(published.months), "sources": list(published.sources)}
    try:
        rows = snapshot.query(_STATES, {"months": given["months"]}).to_pylist()
    except duckdb.CatalogException:
        rows = snapshot.query(_STATES_BEFORE_CLOSING, given).to_pylist()
    return tuple(PeriodState(**row) for row in rows)


def _as_closed(
    rederivation: Rederivation, states: Sequence[PeriodState]
) -> Rederivation:
    """Judge a difference in a closed month, which does not follow the evidence."""
    closed = [state.billing_month for state in states if state.state in _CLOSED]
    if rederivation.is_equal is not False or not closed:
        return rederivation
    return replace(
        rederivation,
        is_equal=None,
        verdict=f"not compared: {', '.join(closed)} is closed and keeps the figures it"
        " was closed with, while evidence or rules have moved on"
        f" ({rederivation.verdict})",
    )


def _missing(snapshot: Snapshot, published: PublishedValue) -> tuple[str, ...]:
    rows = snapshot.query(
        _MISSING,
        {"months": list(published.months), "sources": list(published.sources)},
    ).to_pylist()
    return tuple(f"{row['source']} lacks {row['missing']}" for row in rows)


def _foreign_currencies(snapshot: Snapshot, published: PublishedValue) -> Sequence[str]:
    rows = snapshot.query(
        "SELECT DISTINCT from_currency FROM cost.mart_exchange_rates"
        " WHERE list_contains($months, billing_month) AND charge_count > 0 ORDER BY 1",
        {"months": list(published.months)},
    ).to_pylist()
    return [row["from_currency"] for row in rows]


def unit_of(column: str, published: PublishedValue, reporting: str) -> str:
    """Return a figure's unit; ``reporting`` is the fallback currency."""
    currency = published.currencies[0] if published.currencies else reporting
    for text, unit in (
        ("cost_per_", f"{currency} {column.removeprefix('cost_').replace('_', ' ')}"),
        ("_ratio", "ratio"),
        ("probability", "probability"),
        ("net_value", currency),
        ("benefit", currency),
        ("_cost", currency),
        ("_amount", currency),
        ("_count", "count"),
    ):
        if text in column:
            return unit
    is_money = column == "cost" or column.startswith(_MONEY)
    return currency if is_money else column.replace("_", " ")


def basis_of(figure: Figure, columns: Collection[str]) -> str:
    """Return the kind of a figure: billed, amortised, estimated, metered.

    Parameters
    ----------
    figure : Figure
        The figure.
    columns : collection of str
        Names of the columns of its mart.
    """
    column = figure.column
    if "billed" in column or (figure.mart in _INVOICES and "_amount" in column):
        return "billed (as invoiced)"
    if "probability" in column or is_estimate(column, columns):
        return "estimated"
    if "effective" in column or "cost" in column:
        return "effective (amortised)"
    if column.startswith("budget_"):
        return "budgeted"
    is_money = "_amount" in column or column.startswith(_MONEY)
    return "as its formula says" if is_money else "as metered"
