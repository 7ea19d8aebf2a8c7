{#-
  Meters that probably count something else than the use of a day: from some day on ten or
  a hundred times as much, or more each day than the day before, as a counter does. Money
  is what bills charge to the model in that month.
-#}
with quantities as (
    {% for measured in ['requests', 'input_tokens', 'output_tokens', 'gpu_hours'] -%}
    select
        source,
        model_id,
        '{{ measured }}' as measured,
        {{ month_label('period_start') }} as billing_month,
        cast(period_start as date) as metered_date,
        sum(cast({{ measured }} as double)) as quantity
    from {{ ref('int_model_usage') }}
    where model_id is not null and {{ measured }} is not null
    group by source, model_id, {{ month_label('period_start') }}, cast(period_start as date)
    {{ "union all" if not loop.last }}
    {% endfor %}
),

meters as (
    {{ doubtful_meters('quantities') }}
),

doubtful as (
    select
        case when counts_up then 'Q2' else 'Q1' end as rule_id,
        billing_month,
        source,
        model_id,
        {{ distinct_texts('measured') }} as measured,
        min(changed_on) as changed_on
    from meters
    where counts_up or changed_on is not null
    group by case when counts_up then 'Q2' else 'Q1' end, billing_month, source, model_id
),

charged as (
    select
        billing_month,
        model_id,
        billing_currency,
        sum(billed_cost) as billed_cost
    from {{ ref('int_charges_owned') }}
    where model_id is not null
    group by billing_month, model_id, billing_currency
)

select
    doubtful.rule_id,
    doubtful.billing_month,
    doubtful.source,
    charged.billing_currency as currency,
    doubtful.measured || ' of ' || doubtful.model_id || case
        when doubtful.rule_id = 'Q2'
            then ' only grow, as a counter that counts up. Deliver the difference of two readings for each day.'
        else
            ' are another power of ten from ' || cast(doubtful.changed_on as string)
            || ' on. Check whether a unit changed.'
    end as description,
    cast(1 as bigint) as row_count,
    {{ to_exact_money('charged.billed_cost') }} as billed_cost
from doubtful
left join charged
    on doubtful.model_id = charged.model_id and doubtful.billing_month = charged.billing_month
