{#-
  The ledger, in which a purchase of a commitment that no rule gives to anybody is the cost
  of those who used it that month, in AI scope or outside it, whatever service it is bought as.
  What nobody used is an unused commitment; a purchase of which the bill names no use in its month
  stays where it is. The effective basis has the use itself, and purchases that are a cost there,
  too, are left alone.
-#}
{%- set columns = [
    'billing_month', 'charge_date', 'allocation_interval', 'interval_started_at', 'source', 'provider', 'platform_id',
    'component', 'target_kind', 'target', 'lifecycle_stage', 'assignment_method', 'rule_name',
    'unallocated_service_name', 'unallocated_resource_type', 'charged_kind', 'charged_tokens', 'billing_currency',
    'is_estimated', 'currency', 'is_missing_rate', 'billed_cost', 'effective_cost', 'line_item_count',
] -%}
{%- set target = [
    'component', 'target_kind', 'target', 'lifecycle_stage', 'assignment_method', 'rule_name',
    'unallocated_service_name', 'unallocated_resource_type', 'charged_kind', 'charged_tokens',
] -%}
with amounts as (
    select
        *,
        coalesce(
            commitment_role = 'purchase' and component in ('unallocated', 'out_of_scope') and effective_cost = 0, false
        ) as is_purchase_of_nobody
    from {{ ref('int_charge_amounts') }}
),

purchases as (
    select
        *,
        lower(commitment_id) as commitment_key,
        row_number() over (
            partition by billing_month
            order by
                source, billing_currency, commitment_id, commitment_name, charge_date, provider, platform_id,
                unallocated_service_name, unallocated_resource_type, charged_kind, is_estimated, billed_cost
        ) as purchase_number
    from amounts
    where is_purchase_of_nobody
),

divided as (
    select
        purchases.billing_month,
        purchases.charge_date,
        coalesce(uses.metered_interval, purchases.allocation_interval) as allocation_interval,
        coalesce(uses.metered_interval_started_at, purchases.interval_started_at) as interval_started_at,
        purchases.source,
        purchases.provider,
        coalesce(uses.matched_platform_id, purchases.platform_id) as platform_id,
        {% for column in target -%}
        case when uses.use_number is null then purchases.{{ column }} else uses.{{ column }} end as {{ column }},
        {% endfor -%}
        purchases.billing_currency,
        purchases.is_estimated,
        purchases.currency,
        purchases.is_missing_rate,
        {{ to_money(allocate_exactly(
            'purchases.billed_cost', 'coalesce(uses.share, cast(1 as decimal(15, 14)))',
            ['purchases.billing_month', 'purchases.purchase_number'], 'uses.use_number'
        )) }} as billed_cost,
        purchases.effective_cost,
        case when coalesce(uses.use_number, 1) = 1 then purchases.line_item_count else 0 end as line_item_count
    from purchases
    left join {{ ref('int_commitment_uses') }} as uses
        on
            purchases.billing_month = uses.billing_month
            and purchases.source = uses.source
            and purchases.billing_currency = uses.billing_currency
            and purchases.commitment_key = uses.commitment_key
)

select {{ columns | join(', ') }} from amounts
where not is_purchase_of_nobody
union all
select {{ columns | join(', ') }} from divided
