"""From a model's figure to its resources and line items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.pages.cost_by_model.queries import Loading, of_models
from dashboard.shared.measured import measured_row, relation, whole
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import AMOUNTS, Selection

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot


LINE_ITEM_LIMIT = 200
RESOURCE_LIMIT = 200
#: Columns shown of a line item.
_SHOWN = (
    "charge_date, charge_description, amount, billing_currency, service_name,"
    " resource_id, sku_id, consumed_quantity, consumed_unit, rule_name, source,"
    " load_id, source_uri, invoice_id"
)
_READ = (
    f"{_SHOWN.replace(' amount,', '')}, component, pool_id, resource_name,"
    " billing_currency as currency, billed_cost, effective_cost"
)


@per_run
def model_parts(
    snapshot: Snapshot, selection: Selection, loading: Loading, model_id: str
) -> pa.Table:
    """Return the parts of a model's cost: its own charges and pool shares."""
    parts = relation(
        selection,
        {"amount": "model_cost"},
        by=("component", "pool_id"),
        where=of_models(loading) | {"model_id": model_id},
        months="chosen",
        within=(),
    )
    return table(
        snapshot,
        f"""
        select component, pool_id, amount, amount_share as share_ratio,
            amount_rows as row_count
        from {parts}
        order by component <> 'direct', amount desc, component, pool_id
        """,
    )


@per_run
def pool_cost(snapshot: Snapshot, selection: Selection, pool_id: str) -> Decimal | None:
    """Return the cost of a pool in the period, across all that carry it."""
    where = {"pool_id": pool_id}
    row = measured_row(snapshot, whole(selection), {"amount": "pool_cost"}, where)
    amount: Decimal | None = row["amount"]
    return amount


@per_run
def resources(
    snapshot: Snapshot,
    selection: Selection,
    *,
    model_id: str | None = None,
    pool_id: str | None = None,
) -> pa.Table:
    """Return the resources behind a model's own charges, or behind a pool.

    Amounts are in the currency of the bill. ``total_amount`` and ``total_count`` are
    those of all resources of that currency, shown or not.
    """
    by_resource = relation(
        whole(selection),
        {"amount": "effective_cost"},
        by=("resource_id", "currency"),
        months="all",
        labels=("resource_name",),
        lists=("service_name",),
        source="chosen",
        within=("currency",),
    )
    return _line_item_table(
        snapshot,
        selection,
        f"""
        select
            coalesce(resource_id, '') as resource_id,
            coalesce(resource_name, resource_id) as resource_name,
            service_name,
            currency as billing_currency,
            amount,
            amount_rows as line_item_count,
            amount_total as total_amount,
            count(*) over () as total_count
        from {by_resource}
        qualify {_largest("amount desc, resource_id", RESOURCE_LIMIT)}
        """,
        model_id=model_id,
        pool_id=pool_id,
    )


@per_run
def line_items(
    snapshot: Snapshot,
    selection: Selection,
    *,
    model_id: str | None = None,
    pool_id: str | None = None,
    resource_id: str | None = None,
) -> pa.Table:
    """Return the largest line items behind a figure, with the total of all of them."""
    totals = relation(
        whole(selection),
        {"total_amount": "effective_cost"},
        by=("currency",),
        months="all",
        source="chosen",
    )
    in_order = "amount desc, charge_date, source_uri, sku_id, charge_description"
    return _line_item_table(
        snapshot,
        selection,
        f"""
        select {_SHOWN}, total_amount, count(*) over () as total_count
        from chosen inner join {totals} using (currency)
        qualify {_largest(in_order, LINE_ITEM_LIMIT)}
        """,
        model_id=model_id,
        pool_id=pool_id,
        resource_id=resource_id,
    )


def _largest(in_order: str, limit: int) -> str:
    """Return which rows are shown: the first, and the largest of each currency.

    A row has the total of its currency.
    """
    return f"""
        row_number() over (order by {in_order}, currency) <= {limit}
        or row_number() over (partition by currency order by {in_order}) = 1
        order by {in_order}, currency
    """


def _line_item_table(
    snapshot: Snapshot,
    selection: Selection,
    sql: str,
    *,
    model_id: str | None,
    pool_id: str | None,
    resource_id: str | None = None,
) -> pa.Table:
    """Answer a query over ``chosen``: line items of a model, or of a pool.

    A line item's component and pool hang on every rule before them. Asked of the view,
    they make the engine work the rules out again for each condition; of materialised
    rows they are a comparison.
    """
    owner, condition = "model_id = $owner", "component = 'direct'"
    if model_id is None:
        owner, condition = "true", "component = 'shared' and pool_id = $owner"
    months = list(selection.period.months)
    parameters: dict[str, Any] = {"months": months, "owner": model_id or pool_id}
    if resource_id is not None:
        condition += " and coalesce(resource_id, '') = $resource"
        parameters["resource"] = resource_id
    return snapshot.query_line_items(
        f"""
        with items as materialized (
            select {_READ}, {AMOUNTS[selection.basis]} as amount
            from line_items
            where list_contains($months, billing_month) and {owner}
        ),
        chosen as (select * from items where {condition})
        {sql}
        """,
        parameters,
    )
