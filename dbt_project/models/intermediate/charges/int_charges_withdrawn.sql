{#-
  Charges of current loads that count in no figure, as another delivery of them does. The
  loads that are read are those that somebody settled.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}
{%- set settled = rules('settled_charges') %}
select
    {{ month_label('billing_period_start') }} as billing_month,
    load_id,
    source,
    service_provider_name as provider,
    upper(billing_currency) as billing_currency,
    cast(max(charge_period_start) as date) as last_charge_date,
    {{ to_exact_money('sum(billed_cost)') }} as billed_cost,
    {{ to_exact_money('sum(effective_cost)') }} as effective_cost,
    cast(sum(line_item_count) as bigint) as line_item_count
from {{ ref('int_charges_delivered') }}
where
    {{ in_months_to_build('billing_period_start') }}
    and {{ is_settled_charge(settled) if settled else 'false' }}
group by 1, 2, 3, 4, 5
