with placed as (
    select * from {{ ref('int_daily_charges_placed') }}
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
    {{ "union all" if not loop.last }}
    {% endfor %}
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
