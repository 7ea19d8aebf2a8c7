{#-
  The days on which a model costs something in a month, by the quantity that the cost is divided
  by, and which of them the meter of that quantity knows. Cost that is nothing but fees is of the
  days from the first of them to the end of the month, or to today, unless the model is metered
  on the day of the fee alone.
-#}
with readings as (
    {% for meter, quantity in {'requests': 'requests', 'tokens': 'coalesce(input_tokens, output_tokens)'}.items() -%}
    select
        '{{ meter }}' as meter,
        model_id,
        metered_date,
        last_metered_date
    from {{ ref('int_daily_model_usage') }}
    where {{ quantity }} is not null
    union all
    {% endfor -%}
    select
        'gpu_hours' as meter,
        model_id,
        metered_date,
        last_metered_date
    from {{ ref('int_model_gpu_hours') }}
),

last_readings as (
    select
        meter,
        model_id,
        {{ month_label('last_metered_date') }} as billing_month,
        max(last_metered_date) as last_metered_date
    from readings
    group by meter, model_id, {{ month_label('last_metered_date') }}
),

charged as (
    select
        billing_month,
        model_id,
        currency,
        meter,
        min(charge_date) as first_fee_date,
        max(case when is_daily then 1 else 0 end) as has_daily_lines
    from {{ ref('int_model_cost_lines') }}
    group by billing_month, model_id, currency, meter
),

fees as (
    select
        charged.*,
        case
            when last_readings.last_metered_date > charged.first_fee_date
                then
                    greatest(
                        charged.first_fee_date,
                        cast(
                            least({{ month_end('charged.billing_month') }}, moment.as_of) - interval '1' second as date
                        )
                    )
            else charged.first_fee_date
        end as last_fee_date
    from charged
    cross join {{ ref('int_reporting_moment') }} as moment
    left join last_readings
        on
            charged.meter = last_readings.meter
            and charged.model_id = last_readings.model_id
            and charged.billing_month = last_readings.billing_month
    where charged.has_daily_lines = 0
),

days as (
    select distinct
        billing_month,
        model_id,
        currency,
        meter,
        charge_date
    from {{ ref('int_model_cost_lines') }}
    where is_daily
    union all
    select
        billing_month,
        model_id,
        currency,
        meter,
        {{ each_day('first_fee_date', 'last_fee_date') }} as charge_date
    from fees
)

select
    days.billing_month,
    days.model_id,
    days.currency,
    days.meter,
    cast(days.charge_date as date) as charge_date,
    max(case when readings.meter = days.meter then 1 else 0 end) = 1 as is_metered,
    max(readings.meter) is not null as is_metered_at_all
from days
left join readings
    on
        days.model_id = readings.model_id
        and days.charge_date >= readings.metered_date
        and days.charge_date <= readings.last_metered_date
group by days.billing_month, days.model_id, days.currency, days.meter, days.charge_date
