{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'from_currency', 'to_currency', 'currency', 'rate', 'rate_source', 'rate_rule',
    'rate_derivation', 'day_count', 'last_rate_date', 'previous_rate', 'charge_count',
    'unconverted_billed_cost', 'unconverted_effective_cost', 'billed_cost', 'effective_cost',
    'exchange_effect_billed_cost', 'exchange_effect_effective_cost',
] -%}
{{ live_or_locked(
    'mart_exchange_rates', ref('int_exchange_rates_live'), ref('stg_closed_months__exchange_rates'), columns
) }}
