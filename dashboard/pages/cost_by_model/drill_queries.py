"""From a model's figure to its resources and line items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.pages.cost_by_model.queries import Loading, costs_of, parameters_of
from dashboard.shared.published import one, per_run, ratio, table
from dashboard.shared.selection_queries import AMOUNTS, Selection

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot


LINE_ITEM_LIMIT = 200
RESOURCE_LIMIT = 200
_COLUMNS = (
    "component, pool_id, charge_date, charge_description, billing_currency,"
    " service_name, resource_id, resource_name, sku_id, consumed_quantity,"
    " consumed_unit, rule_name, source, load_id, source_uri, invoice_id"
)


@per_run
def model_parts(
    snapshot: Snapshot, selection: Selection, loading: Loading, model_id: str
) -> pa.Table:
    """Return what a model's cost is made of: its own charges and parts of pools."""
    return table(
        snapshot,
        f"""
        with {costs_of(selection)}
        select
            component,
            pool_id,
            sum(amount) as amount,
            {ratio("sum(amount)", "sum(sum(amount)) over ()")} as share_ratio,
            count(*) as row_count
        from costs
        where is_now and is_loaded and model_id = $model_id
        group by component, pool_id
        order by component <> 'direct', amount desc, component, pool_id
        """,
        **parameters_of(selection, loading),
        model_id=model_id,
    )


@per_run
def pool_cost(snapshot: Snapshot, selection: Selection, pool_id: str) -> Decimal | None:
    """Return what went into a pool in the period, whoever carries it."""
    row = one(
        snapshot,
        f"select sum(pool_{AMOUNTS[selection.basis]}) as amount"
        " from cost.fct_daily_pool_costs"
        " where pool_id = $pool_id and currency = $currency"
        " and list_contains($months, billing_month)",
        pool_id=pool_id,
        currency=selection.currency,
        months=list(selection.period.months),
    )
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
    items, condition = _items(selection, model_id, pool_id)
    return _line_item_table(
        snapshot,
        f"""
        with {items},
        chosen as materialized (
            select
                coalesce(resource_id, '') as resource_id,
                coalesce(any_value(resource_name), resource_id) as resource_name,
                string_agg(distinct service_name, ', ' order by service_name)
                    as service_name,
                billing_currency,
                sum(amount) as amount,
                count(*) as line_item_count
            from items
            where {condition}
            group by items.resource_id, billing_currency
        ),
        {_largest("amount desc, resource_id, billing_currency", RESOURCE_LIMIT)}
        """,
        selection,
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
    items, condition = _items(selection, model_id, pool_id)
    resource = (
        "" if resource_id is None else "and coalesce(resource_id, '') = $resource"
    )
    in_order = "amount desc, charge_date, source_uri, sku_id, charge_description"
    return _line_item_table(
        snapshot,
        f"""
        with {items},
        chosen as materialized (
            select
                charge_date,
                charge_description,
                amount,
                billing_currency,
                service_name,
                resource_id,
                sku_id,
                consumed_quantity,
                consumed_unit,
                rule_name,
                source,
                load_id,
                source_uri,
                invoice_id
            from items
            where {condition} {resource}
        ),
        {_largest(in_order, LINE_ITEM_LIMIT)}
        """,
        selection,
        model_id=model_id,
        pool_id=pool_id,
        **({} if resource_id is None else {"resource": resource_id}),
    )


def _largest(in_order: str, limit: int) -> str:
    """Return the query's end: the first rows that were chosen, with their totals.

    A row has the total of its currency, so the largest of each is among them.
    """
    return f"""
        sums as (
            select
                billing_currency,
                sum(amount) as total_amount,
                count(*) as line_count,
                arg_max(chosen, amount) as largest
            from chosen group by billing_currency
        ),
        first_ones as (select * from chosen order by {in_order} limit {limit}),
        shown as (
            select * from first_ones
            union all
            select unnest(largest) from sums
            where billing_currency not in (select billing_currency from first_ones)
        )
        select
            shown.*,
            total_amount,
            cast((select sum(line_count) from sums) as bigint) as total_count
        from shown inner join sums using (billing_currency)
        order by {in_order}
    """


def _items(
    selection: Selection, model_id: str | None, pool_id: str | None
) -> tuple[str, str]:
    """Return the CTE ``items``, and the condition that is left for outside it.

    A line item's component and pool hang on every rule before them. Asked of the view,
    they make the engine work the rules out again for each condition; of materialised
    rows they are a comparison.
    """
    owner, condition = "true", "component = 'unallocated'"
    if model_id is not None:
        owner, condition = "model_id = $owner", "component = 'direct'"
    elif pool_id is not None:
        condition = "component = 'shared' and pool_id = $owner"
    items = f"""
        items as materialized (
            select {_COLUMNS}, {AMOUNTS[selection.basis]} as amount
            from line_items
            where list_contains($months, billing_month) and {owner}
        )
    """
    return items, condition


def _line_item_table(
    snapshot: Snapshot,
    sql: str,
    selection: Selection,
    *,
    model_id: str | None,
    pool_id: str | None,
    **parameters: str,
) -> pa.Table:
    owner = model_id if model_id is not None else pool_id
    if owner is not None:
        parameters["owner"] = owner
    return snapshot.query_line_items(
        sql, {"months": list(selection.period.months), **parameters}
    )
