{#-
  Money and quantities that are probably not meant. The models and `triptych check` ask
  the same: the command renders these macros over the files that it opened, the models
  over what was loaded. Of other macros they call `safe_ratio` alone.
-#}

{#- Does a logarithm say about 10, 100, … times as much, or a tenth, a hundredth, …? -#}
{% macro is_whole_power(power, tolerance) -%}
    (abs({{ power }}) > 0.9 and abs({{ power }} - round({{ power }})) < {{ tolerance }})
{%- endmacro %}

{#-
  Months in which a service costs a whole power of ten of the month before, by day with a
  charge. `charges` has source, provider, service_name, billing_currency, billing_month,
  charge_date and billed_cost.
-#}
{% macro months_of_another_magnitude(charges) -%}
    select
        source,
        provider,
        service_name,
        billing_currency,
        billing_month,
        billed_cost,
        cost_before,
        round(power) as power
    from (
        select
            *,
            cost_power - lag(cost_power) over months as power,
            lag(billed_cost) over months as cost_before,
            month_number - lag(month_number) over months as months_since
        from (
            select
                source,
                provider,
                service_name,
                billing_currency,
                billing_month,
                12 * cast(substr(billing_month, 1, 4) as int) + cast(substr(billing_month, 6, 2) as int)
                    as month_number,
                sum(billed_cost) as billed_cost,
                log10(cast(sum(billed_cost) as double)) - log10(count(distinct charge_date)) as cost_power
            from {{ charges }}
            group by source, provider, service_name, billing_currency, billing_month
            having count(distinct charge_date) >= 5 and sum(billed_cost) > 0
        ) as summed
        window months as (
            partition by source, provider, service_name, billing_currency order by month_number
        )
    ) as compared
    where months_since = 1 and {{ is_whole_power('power', 0.03) }}
{%- endmacro %}

{#- Is the greatest line of a delivery as much as all others together? -#}
{% macro is_total_line(greatest_cost, cost, line_count) -%}
    {{ line_count }} > 3 and {{ cost }} <> 0 and 2 * {{ greatest_cost }} = {{ cost }}
{%- endmacro %}

{#- Does a credit add to the cost? -#}
{% macro is_positive_credit() -%}
    charge_category = 'Credit' and billed_cost > 0
{%- endmacro %}

{#-
  Meters of a model that change by a whole power of ten from a day on, for a week before
  and after, and meters that only grow for a month, as a counter does. `quantities` has
  source, model_id, measured, billing_month, metered_date and quantity. The mean of
  logarithms is that of a week however its days differ.
-#}
{% macro doubtful_meters(quantities) -%}
    select
        source,
        model_id,
        measured,
        billing_month,
        case when count(*) > 14 and min(grows) = 1 and max(quantity) > 5 * min(quantity) then true else false end
            as counts_up,
        min(
            case
                when
                    abs(power - power_before) > 0.9 and days_before >= 3 and days_after >= 3
                    and {{ is_whole_power(
                        safe_ratio('sum_after', 'days_after') ~ ' - ' ~ safe_ratio('sum_before', 'days_before'), 0.1
                    ) }}
                    then metered_date
            end
        ) as changed_on,
        min(quantity) as least,
        max(quantity) as greatest
    from (
        select
            *,
            lag(power) over days as power_before,
            sum(power) over week_before as sum_before,
            sum(power) over week_after as sum_after,
            count(power) over week_before as days_before,
            count(power) over week_after as days_after,
            case when quantity > lag(quantity) over days_of_month then 1
                when lag(quantity) over days_of_month is not null then 0
            end as grows
        from (
            select
                *,
                case when quantity > 0 then log10(quantity) end as power
            from {{ quantities }}
            where quantity is not null
        ) as measured_days
        window
            days as (partition by source, model_id, measured order by metered_date),
            days_of_month as (
                partition by source, model_id, measured, billing_month order by metered_date
            ),
            week_before as (
                partition by source, model_id, measured order by metered_date
                rows between 7 preceding and 1 preceding
            ),
            week_after as (
                partition by source, model_id, measured order by metered_date
                rows between current row and 6 following
            )
    ) as weeks
    group by source, model_id, measured, billing_month
{%- endmacro %}
