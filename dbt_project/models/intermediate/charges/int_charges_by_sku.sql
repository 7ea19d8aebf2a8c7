{#-
  What bills charge in a month by SKU, unit of price, way of purchase and target: the side of a
  bridge that knows prices. Charges for days of earlier months are no part of it. The price
  is the contract's, else the list's; where a bill has none, its cost at either over its quantity.
  What no invoice has settled yet counts as billed, as a bridge counts it. A discount in a line
  without a quantity lowers the cost at the price of its SKU; what a commitment pays instead does not.
  All components are kept: to leave some out, the engine would ask the rules twice, for tenfold time.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}

with charges as (
    select
        billing_period_start,
        source,
        service_provider_name as provider,
        upper(billing_currency) as billing_currency,
        component_code,
        target_kind,
        target,
        service_name,
        sku_id,
        case when sku_id is null then coalesce(sku_meter, charge_description) end as sku_meter,
        {{ price_tier() }} as price_tier,
        region_id,
        coalesce(pricing_unit, consumed_unit) as unit,
        {{ purchase_code() }} as purchase_code,
        case when is_estimated then effective_cost else billed_cost end as billed_cost,
        effective_cost,
        case
            when {{ is_reduction() }}
                then case when commitment_discount_id is null then billed_cost else {{ to_exact_money('0') }} end
            when list_unit_price is not null and contracted_unit_price is null then list_cost
            else coalesce(contracted_cost, list_cost)
        end as cost_at_price,
        case when {{ is_reduction() }} then 0 else coalesce(pricing_quantity, consumed_quantity) end as quantity,
        coalesce(contracted_unit_price, list_unit_price) as unit_price
    from {{ ref('int_charges_matched') }}
    where {{ in_months_to_build('billing_period_start') }} and charge_date >= billing_period_start
),

summed as (
    select
        billing_period_start,
        source,
        provider,
        billing_currency,
        component_code,
        target_kind,
        target,
        service_name,
        sku_id,
        sku_meter,
        price_tier,
        region_id,
        unit,
        purchase_code,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost,
        case when count(cost_at_price) = count(*) then sum(cost_at_price) end as cost_at_price,
        case when count(quantity) = count(*) then sum(quantity) end as quantity,
        case when count(unit_price) = count(*) then min(unit_price) end as lowest_unit_price,
        case when count(unit_price) = count(*) then max(unit_price) end as highest_unit_price
    from charges
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
)

select
    {{ month_label('billing_period_start') }} as billing_month,
    source,
    provider,
    billing_currency,
    {{ component_label('component_code') }} as component,
    target_kind,
    target,
    {{ sku_key() }} as sku,
    unit,
    {{ purchase_label('purchase_code') }} as purchase,
    {{ to_exact_money('sum(billed_cost)') }} as billed_cost,
    {{ to_exact_money('sum(effective_cost)') }} as effective_cost,
    {{ to_exact_money('case when count(cost_at_price) = count(*) then sum(cost_at_price) end') }} as cost_at_price,
    {{ to_exact_money('case when count(quantity) = count(*) then sum(quantity) end') }} as quantity,
    case when count(lowest_unit_price) = count(*) then min(lowest_unit_price) end as lowest_unit_price,
    case when count(highest_unit_price) = count(*) then max(highest_unit_price) end as highest_unit_price
from summed
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
