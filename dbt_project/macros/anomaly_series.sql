{#- What each model, each service of a bill and everything unassigned cost by day: what anomalies are looked for in. -#}
{% macro days_of_anomaly_series() -%}
    select
        case when model_id is null then 'unassigned' else 'model' end as series,
        model_id,
        cast(null as string) as source,
        cast(null as string) as service_name,
        billing_month,
        charge_date,
        currency,
        effective_cost
    from {{ ref('fct_daily_model_costs') }}
    where is_ai_cost and component <> 'remainder'
    union all
    select
        'service' as series,
        cast(null as string) as model_id,
        source,
        service_name,
        billing_month,
        charge_date,
        currency,
        effective_cost
    from {{ ref('fct_daily_service_costs') }}
    where is_ai_cost and component <> 'remainder'
{%- endmacro %}
