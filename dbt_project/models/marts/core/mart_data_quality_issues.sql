{#- Where what was delivered contradicts itself. Nothing is changed for it. -#}
with placed as (
    select * from {{ ref('int_daily_service_charges') }}
),

outcomes as (
    select * from {{ ref('stg_tables__outcomes') }}
    where not is_counted
),

volumes as (
    select * from {{ ref('stg_tables__process_volumes') }}
    where not is_counted
),

undecided as (
    select placed.*
    from placed
    inner join {{ source('control', 'undecided_sources') }} as sources on placed.source = sources.source
),

issues as (
    {% for rule in money_rules() -%}
    select
        '{{ rule.id }}' as rule_id,
        {{ sql_text(rule.description) }} as description,
        billing_month,
        source,
        billing_currency as currency,
        sum({{ rule.column }}) as row_count,
        sum(case when {{ rule.column }} > 0 then billed_cost else 0 end) as billed_cost
    from placed
    group by billing_month, source, billing_currency
    union all
    {% endfor -%}
    select
        'S1' as rule_id,
        'The source counts and is not in triptych.yml: decide with "triptych source rename", "retire" or "adopt".'
            as description,
        billing_month,
        source,
        billing_currency as currency,
        sum(line_item_count) as row_count,
        sum(billed_cost) as billed_cost
    from undecided
    group by billing_month, source, billing_currency
    union all
    select
        'B1' as rule_id,
        'A budget counts nowhere: ' || {{ distinct_texts('reason') }}
        || '. Declare it in catalog.yml, or correct the table of budgets.' as description,
        billing_month,
        source,
        cast(null as string) as currency,
        count(*) as row_count,
        cast(null as decimal(28, 10)) as billed_cost
    from {{ ref('int_undeclared_budgets') }}
    group by billing_month, source
    union all
    select
        'O1' as rule_id,
        'A metric was delivered more than once for a unit and day: the newest load counts, then the greatest value.'
            as description,
        {{ month_label('outcome_date') }} as billing_month,
        source,
        cast(null as string) as currency,
        count(*) as row_count,
        cast(null as decimal(28, 10)) as billed_cost
    from outcomes
    group by {{ month_label('outcome_date') }}, source
    union all
    select
        'O2' as rule_id,
        'A process was delivered more than once for a unit and day: the newest load counts, then the greatest volume.'
            as description,
        {{ month_label('volume_date') }} as billing_month,
        source,
        cast(null as string) as currency,
        count(*) as row_count,
        cast(null as decimal(28, 10)) as billed_cost
    from volumes
    group by {{ month_label('volume_date') }}, source
    union all
    select
        rule_id,
        {{ distinct_texts('description') }} as description,
        billing_month,
        source,
        currency,
        sum(row_count) as row_count,
        -- Rates of one currency to several, and rules over unknown columns, touch the same money.
        case when rule_id in ('F1', 'F2', 'R2') then max(billed_cost) else sum(billed_cost) end as billed_cost
    from {{ ref('int_doubtful_inputs') }}
    group by rule_id, billing_month, source, currency
)

select
    rule_id,
    'warn' as severity,
    source,
    billing_month,
    cast(row_count as bigint) as row_count,
    {{ to_money('billed_cost') }} as affected_billed_cost,
    currency,
    description
from issues
where row_count > 0
