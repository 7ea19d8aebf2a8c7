{#-
  Charges that were delivered and are probably not meant: a service at ten or a hundred
  times the cost of the month before, and a line that is as much as all others of its load;
  and charges that a rule would take if none before it took all of them.
-#}
{%- set matched = ref('int_charges_matched') -%}
{%- set shadowed_rules = rules('shadowed_rules') -%}
{%- set keys = tag_keys([rules('scope_rules'), rules('assignment_rules'), rules('platform_rules')]) -%}
with months as (
    {{ months_of_another_magnitude(ref('int_daily_service_charges')) }}
),

loads as (
    select
        load_id,
        source,
        billing_currency,
        max(billing_month) as billing_month,
        max(greatest_cost) as greatest_cost,
        sum(cost) as cost,
        sum(charge_count) as charge_count
    from {{ ref('int_coverage_days') }}
    group by load_id, source, billing_currency
)

select
    'C1' as rule_id,
    billing_month,
    source,
    billing_currency as currency,
    coalesce(service_name, provider, 'A service') || ' cost ' || case
        when power > 0 then '1' || repeat('0', cast(power as int)) || ' times'
        else 'a 1' || repeat('0', cast(-power as int)) || 'th of'
    end || ' the month before. Check whether amounts are in cents, or a unit changed.' as description,
    cast(1 as bigint) as row_count,
    {{ to_exact_money('billed_cost') }} as billed_cost
from months
union all
select
    'C2' as rule_id,
    loads.billing_month,
    loads.source,
    loads.billing_currency as currency,
    'A line of ' || delivered.label || ' is as much as all others together: a total counts everything twice.'
    || ' Remove the line if it is a total.' as description,
    cast(1 as bigint) as row_count,
    {{ to_exact_money('loads.greatest_cost') }} as billed_cost
from loads
inner join {{ source('catalogue', 'loads') }} as delivered on loads.load_id = delivered.load_id
where {{ is_total_line('loads.greatest_cost', 'loads.cost', 'loads.charge_count') }}
{%- for rule in shadowed_rules %}
union all
select
    'R1' as rule_id,
    {{ month_label('billing_period_start') }} as billing_month,
    'allocation.yml' as source,
    billing_currency as currency,
    {{ sql_text(rule.says) }} as description,
    count(*) as row_count,
    {{ to_exact_money('sum(billed_cost)') }} as billed_cost
from {{ matched }}
where {{ rule_predicate(rule, keys) }}
group by {{ month_label('billing_period_start') }}, billing_currency
having sum(abs(billed_cost)) > 0
{%- endfor %}
