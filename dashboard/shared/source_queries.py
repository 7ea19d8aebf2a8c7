"""Details of a figure: its exact value, loads, versions, source rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from dashboard.shared.published import per_run, rows, table
from triptych.core.measures.compile import compile_relation
from triptych.core.measures.query import query
from triptych.core.warehouse.bills import BILL_STREAMS
from triptych.core.warehouse.figures import Condition, Figure, published_value
from triptych.core.warehouse.line_item_sums import (
    BY_LONG_RULES,
    LineItems,
    LineItemSum,
    add_up,
    line_items_of,
)
from triptych.core.warehouse.made_of import (
    Load,
    Version,
    read_loads,
    read_nodes,
    read_versions,
)

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

#: The most rows of evidence that a page shows; the total is of all of them.
SOURCE_ROW_LIMIT = 200
_COSTS = "cost.fct_daily_model_costs"
#: Names in pages that differ from those in dbt.
_MODELS = {"line_items": "int_line_items"} | {
    f"attribution.{name}": f"mart_attribution_{name}"
    for name in (
        *("studies", "estimates", "checks"),
        *("counterfactuals", "contributions", "sensitivity"),
    )
}
_BILLS = frozenset(bill.name for bill in BILL_STREAMS)
#: Conditions of a figure's address that apply to the daily costs of models behind it.
_OF_COSTS = frozenset(
    {"billing_month", "source", "charge_date", "provider", "platform_id", "model_id"}
    | {"feature_id", "team_id", "cost_center", "lifecycle_stage", "component"}
    | {"pool_id", "currency"}
)
_SCOPES = {
    "model": "model_id",
    "team": "team_id",
    "cost_center": "cost_center",
    "feature": "feature_id",
    "platform": "platform_id",
}
_COLUMNS = (
    "charge_date, charge_description, {amount} as amount, billing_currency,"
    " service_name, resource_id, sku_id, consumed_quantity, consumed_unit, component,"
    " rule_name, source, load_id, source_uri, invoice_id, billing_currency as currency,"
    " {amount} as effective_cost"
)
#: Line items went into a row of costs by its owner, or into its pool. A purchase of a
#: commitment that charges of the month use went into the rows of these.
_BEHIND = """
    not exists (
        select 1 from published.cost.mart_commitments as used
        where used.billing_month = items.billing_month
            and used.source = items.source
            and lower(used.commitment_id) = items.shared_commitment_id
            and used.committed_effective_cost > 0
    ) and exists (
        select 1 from owners
        where owners.billing_month = items.billing_month
            and owners.source = items.source
            and case when items.component = 'shared'
                then owners.pool_id = items.pool_id
                else owners.component = items.component
                    and (items.model_id is null or owners.model_id = items.model_id)
            end
    )
"""


@dataclass(frozen=True, slots=True)
class MadeOf:
    """Inputs of a mart: streams of evidence, current loads, versions."""

    streams: tuple[str, ...]
    loads: tuple[Load, ...]
    versions: tuple[Version, ...]

    @property
    def has_bills(self) -> bool:
        """Return True if charges are in it."""
        return bool(_BILLS.intersection(self.streams))

    @property
    def other_streams(self) -> tuple[str, ...]:
        """Streams that are no bills and have a load."""
        loaded = {load.stream for load in self.loads}
        return tuple(
            name for name in self.streams if name in loaded and name not in _BILLS
        )


@per_run
def made_of(snapshot: Snapshot, mart: str, months: tuple[str, ...]) -> MadeOf | None:
    """Return the inputs of a mart's months; None if the run kept nothing."""
    try:
        nodes = read_nodes(snapshot, _MODELS.get(mart, mart.split(".", 1)[-1]))
        if not nodes.models:
            return None
        loads = read_loads(snapshot, nodes, months=months)
        return MadeOf(nodes.streams, loads, read_versions(snapshot))
    except duckdb.CatalogException:
        return None


@per_run
def sign_offs(
    snapshot: Snapshot, months: tuple[str, ...]
) -> list[tuple[str, str, str | None, str | None]]:
    """Return by month its state, who closed it and who approved that."""
    found = rows(
        snapshot,
        "select billing_month, state, locked_by, approved_by"
        " from cost.mart_period_states where list_contains($months, billing_month)"
        " order by billing_month",
        months=list(months),
    )
    return [tuple(row.values()) for row in found]


@per_run
def figure_value(snapshot: Snapshot, figure: Figure) -> Decimal | float | int | None:
    """Return the published value of a figure; None where a row of it is not known."""
    return published_value(snapshot, figure)


def added_up(snapshot: Snapshot, figure: Figure, reporting: str) -> LineItemSum | None:
    """Return the re-summed line items of a figure; None if it was divided."""
    items = line_items_of(figure)
    if items is None:
        return None
    currency = figure.condition("currency")
    return add_up(
        snapshot,
        items,
        currency=currency.values[0] if currency else reporting,
        reporting=reporting,
    )


@per_run
def charges_behind(snapshot: Snapshot, figure: Figure) -> pa.Table:
    """Return the largest line items behind a figure, with the total of all of them.

    For figures divided by a meter they are the charges that went into the division.
    """
    items = line_items_of(figure)
    if items is not None:
        return _charges_of(snapshot, items)
    costs = _as_costs(figure)
    where, given = costs.where()
    months = costs.condition("billing_month")
    return snapshot.query_line_items(
        f"""
        with owners as (
            select distinct billing_month, source, component, model_id, pool_id
            from published.{_COSTS} where {where}
        ),
        items as materialized (
            select {_COLUMNS.format(amount=_amount_of(figure))}, billing_month,
                model_id, pool_id, shared_commitment_id
            from line_items where list_contains($months, billing_month)
        )
        {_shown(_BEHIND)}
        """,
        {**given, "months": list(months.values) if months else []},
    ).drop_columns(["billing_month", "model_id", "pool_id", "shared_commitment_id"])


def _charges_of(snapshot: Snapshot, items: LineItems) -> pa.Table:
    on_view, on_rows, parameters = items.where()
    columns = ", ".join((_COLUMNS.format(amount=items.amount), *BY_LONG_RULES))
    return snapshot.query_line_items(
        f"""
        with items as materialized (
            select {columns} from line_items where {on_view}
        )
        {_shown(on_rows)}
        """,
        parameters,
    ).drop_columns(list(BY_LONG_RULES))


def _shown(condition: str) -> str:
    """Return the query's end: the largest items, with totals of their currencies."""
    totals = compile_relation(
        query("effective_cost", by=("currency",), source="chosen"),
        {"total_amount": "effective_cost"},
    )
    return f""",
        chosen as (select * from items where {condition})
        select chosen.* exclude (currency, effective_cost), total_amount,
            count(*) over () as total_count
        from chosen inner join {totals} using (currency)
        order by amount desc, charge_date, source_uri, sku_id, charge_description
        limit {SOURCE_ROW_LIMIT}
    """


def _amount_of(figure: Figure) -> str:
    return "billed_cost" if "billed" in figure.column else "effective_cost"


def _as_costs(figure: Figure) -> Figure:
    """Return the conditions that the daily costs of models can hold, too."""
    kept = [
        condition for condition in figure.conditions if condition.column in _OF_COSTS
    ]
    kind, name = figure.condition("scope_type"), figure.condition("scope_id")
    if kind and name and kind.values[0] in _SCOPES:
        kept.append(Condition(_SCOPES[kind.values[0]], name.values))
    return Figure(_COSTS, figure.column, tuple(kept))


@per_run
def evidence_rows(
    snapshot: Snapshot, stream: str, load_ids: tuple[str, ...]
) -> pa.Table:
    """Return the first rows of a stream as they were loaded, with their file."""
    answer = snapshot.evidence_rows(stream, load_ids, limit=SOURCE_ROW_LIMIT)
    empty = [
        name
        for name, column in zip(answer.column_names, answer.columns, strict=True)
        if column.null_count == len(column)
    ]
    return answer.drop_columns(empty)


@per_run
def current_loads(snapshot: Snapshot, load_ids: tuple[str, ...]) -> pa.Table:
    """Return loads as they are catalogued, for a table."""
    return table(
        snapshot,
        "select source, stream, label, row_count, loaded_at, load_id,"
        " left(checksums[1], 12) as checksum from lineage.loads"
        " where list_contains($loads, load_id) order by stream, source, loaded_at",
        loads=list(load_ids),
    )
