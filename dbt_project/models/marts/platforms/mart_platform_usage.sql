{#-
  The bill of each platform and what its models served, month by month: what an elasticity
  is estimated from. The bill is whole, before tax and credits and before anything is
  divided by usage. Requests are those of models that the catalogue places there; where one
  of them is not metered, or was there for a part of the month only, the usage of the month
  is unknown, for its cost is in the bill. A month whose bill lacks an exchange rate is none.
-#}
with months as (
    select
        costs.platform_id,
        costs.billing_month,
        run.currency,
        {{ to_money('sum(costs.effective_cost)') }} as effective_cost
    from {{ ref('int_platform_service_costs') }} as costs
    cross join {{ ref('int_reporting_moment') }} as moment
    cross join {{ source('control', 'run') }} as run
    where {{ month_end('costs.billing_month') }} <= moment.as_of
    group by costs.platform_id, costs.billing_month, run.currency
    having max(case when costs.currency <> run.currency then 1 else 0 end) = 0
),

metered as (
    select
        billing_month,
        model_id,
        max(requests) as requests
    from {{ ref('mart_model_unit_costs') }}
    group by billing_month, model_id
),

served as (
    select
        months.platform_id,
        months.billing_month,
        count(*) as model_count,
        {{ distinct_texts('placements.model_id') }} as model_ids,
        case
            when
                count(
                    case
                        when
                            coalesce(placements.valid_from, cast('1900-01-01' as date))
                            <= cast(months.billing_month || '-01' as date)
                            and coalesce(placements.valid_to, cast('2200-01-01' as date))
                            >= cast({{ month_end('months.billing_month') }} as date)
                            then metered.requests
                    end
                ) = count(*)
                then {{ to_money('sum(metered.requests)') }}
        end as requests
    from months
    inner join {{ source('control', 'platform_placements') }} as placements
        on
            months.platform_id = placements.platform_id
            and placements.stage = 'serving'
            and coalesce(placements.valid_from, cast('1900-01-01' as date))
            < cast({{ month_end('months.billing_month') }} as date)
            and coalesce(placements.valid_to, cast('2200-01-01' as date))
            > cast(months.billing_month || '-01' as date)
    left join metered
        on months.billing_month = metered.billing_month and placements.model_id = metered.model_id
    group by months.platform_id, months.billing_month
),

-- In a migration, or the month after it, whose earlier month is in it.
migrating as (
    select distinct months.billing_month
    from months
    inner join {{ source('control', 'migrations') }} as migrations
        on
            months.billing_month >= {{ month_label('migrations.migration_from') }}
            and months.billing_month
            <= {{ month_label("migrations.migration_to - interval '1' day + interval '1' month") }}
),

joined as (
    select
        months.*,
        served.requests,
        served.model_count,
        served.model_ids,
        lag(months.billing_month) over in_order as prior_month,
        lag(served.model_ids) over in_order as prior_model_ids,
        lag(served.requests) over in_order as prior_requests
    from months
    left join served on months.platform_id = served.platform_id and months.billing_month = served.billing_month
    window in_order as (partition by months.platform_id order by months.billing_month)
)

select
    joined.platform_id,
    joined.billing_month,
    joined.currency,
    joined.effective_cost,
    joined.requests,
    cast(coalesce(joined.model_count, 0) as bigint) as model_count,
    joined.model_ids,
    migrating.billing_month is null
    and coalesce({{ month_end('joined.prior_month') }} = cast(joined.billing_month || '-01' as timestamp), false)
    and coalesce(joined.model_ids = joined.prior_model_ids, false)
    and coalesce(joined.requests > 0 and joined.prior_requests > 0, false) as is_comparable_with_prior
from joined
left join migrating on joined.billing_month = migrating.billing_month
