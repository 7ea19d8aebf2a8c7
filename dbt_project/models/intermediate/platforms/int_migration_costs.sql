{#-
  What a move costs, over the months of its migration and all since: integration (hours
  booked as such at the loaded rate, except on a platform that is none of the move's, and
  charges that rules collect), dual running (what old
  and new platforms cost in the migration beyond what the old ones did before), and
  commitment that is unused beyond what was unused before. Without months before nobody
  knows what was usual, and without the exchange rate of a charge what it comes to. Investment is everything on the new platforms in the same months,
  integration included.
-#}
with run as (
    select * from {{ source('control', 'run') }}
),

months as (
    select * from {{ ref('int_migration_months') }}
    where period <> 'after'
),

platforms as (
    select * from {{ source('control', 'migration_platforms') }}
),

windows as (
    select
        migration_id,
        min(case when period <> 'before' then month end) as first_month,
        max(month) as last_month,
        count(case when period <> 'before' then 1 end) as month_count,
        sum(case when period = 'before' then day_count end) as before_day_count,
        sum(case when period = 'migration' then day_count else 0 end) as migration_day_count,
        sum(case when period <> 'before' then day_count else 0 end) as window_day_count
    from months
    group by migration_id
),

charges as (
    select
        months.migration_id,
        months.period,
        platforms.side,
        costs.is_unused_commitment,
        rules.rule_name is not null as is_integration,
        costs.currency <> run.currency as lacks_rate,
        costs.effective_cost
    from months
    inner join {{ ref('int_platform_service_costs') }} as costs on months.month = costs.billing_month
    cross join run
    left join platforms on months.migration_id = platforms.migration_id and costs.platform_id = platforms.platform_id
    left join {{ source('control', 'migration_integration_rules') }} as rules
        on months.migration_id = rules.migration_id and costs.rule_name = rules.rule_name
),

sums as (
    select
        migration_id,
        {{ to_money("sum(case when is_integration and period <> 'before' then effective_cost else 0 end)") }}
            as integration_charges,
        sum(
            case
                when side is not null and period = 'migration' and not is_integration and not is_unused_commitment
                    then effective_cost
                else 0
            end
        ) as migration_cost,
        sum(
            case
                when side = 'from' and period = 'before' and not is_integration and not is_unused_commitment
                    then effective_cost
                else 0
            end
        ) as before_cost,
        sum(case when side = 'to' and period <> 'before' and not is_integration then effective_cost else 0 end)
            as new_platform_cost,
        max(
            case
                when not lacks_rate then 0
                when period <> 'before' and (is_integration or side = 'to') then 1
                when period <> 'since' and side = 'from' then 1
                else 0
            end
        ) as lacks_rate
    from charges
    group by migration_id
),

billed_sources as (
    select distinct
        platforms.migration_id,
        charges.source
    from platforms
    inner join {{ ref('int_unused_commitments') }} as charges on platforms.platform_id = charges.platform_id
    where platforms.side = 'from'
),

unused as (
    select
        months.migration_id,
        sum(case when months.period = 'before' then charges.unused_cost else 0 end) as before_unused,
        sum(case when months.period <> 'before' then charges.unused_cost else 0 end) as window_unused,
        max(case when charges.currency <> run.currency and charges.unused_cost <> 0 then 1 else 0 end) as lacks_rate
    from months
    inner join billed_sources on months.migration_id = billed_sources.migration_id
    inner join {{ ref('int_unused_commitments') }} as charges
        on months.month = charges.billing_month and billed_sources.source = charges.source
    cross join run
    group by months.migration_id
),

hours as (
    select
        months.migration_id,
        logs.worklog_id,
        logs.hours,
        rates.loaded_hourly_rate_amount,
        coalesce(groups.is_small, true) as is_hidden,
        -- One hour that two systems tell of counts once, at the rate of its own team if there is one.
        row_number() over (
            partition by months.migration_id, logs.team_id, logs.worklog_id
            order by logs.hours desc, case when rates.team_id is null then 1 else 0 end asc
        ) as choice
    from months
    inner join {{ ref('int_worklogs_owned') }} as logs
        on months.month = {{ month_label('logs.booked_on') }} and logs.category = 'integration'
    left join {{ source('control', 'loaded_hourly_rates') }} as rates
        on
            (rates.team_id is null or logs.team_id = rates.team_id)
            and {{ is_valid_on('rates', 'logs.booked_on') }}
    left join {{ ref('int_team_groups') }} as groups
        on logs.team_id = groups.team_id and months.month = groups.month
    left join platforms on months.migration_id = platforms.migration_id and logs.platform_id = platforms.platform_id
    where months.period <> 'before' and (logs.platform_id is null or platforms.platform_id is not null)
),

labour as (
    select
        migration_id,
        max(case when is_hidden then 1 else 0 end) = 1 as is_hidden,
        {{ sum_of_shown('hours', 'is_hidden') }} as integration_hours,
        case
            when
                count(loaded_hourly_rate_amount) = count(*)
                and max(case when is_hidden then 1 else 0 end) = 0
                then {{ to_money(
                    'sum(cast(cast(hours as decimal(12, 4)) * loaded_hourly_rate_amount as decimal(26, 8)))'
                ) }}
        end as integration_labour
    from hours
    where choice = 1
    group by migration_id
),

parts as (
    select
        windows.*,
        run.currency,
        case when labour.migration_id is null then 0 else labour.integration_hours end as integration_hours,
        coalesce(labour.is_hidden, false) as has_hidden_hours,
        case when labour.migration_id is null then {{ to_money('0') }} else labour.integration_labour end
            as integration_labour,
        case when coalesce(sums.lacks_rate, 0) = 0 then sums.integration_charges end as integration_charges,
        case
            when coalesce(sums.lacks_rate, 0) = 0
                then {{ beyond_usual_amount(
                    'sums.migration_cost', 'sums.before_cost', 'windows.migration_day_count'
                ) }}
        end as dual_running,
        case
            when coalesce(unused.lacks_rate, 0) = 0
                then {{ beyond_usual_amount(
                    'unused.window_unused', 'unused.before_unused', 'windows.window_day_count'
                ) }}
        end as unused_commitment,
        case when coalesce(sums.lacks_rate, 0) = 0 then {{ to_money('sums.new_platform_cost') }} end
            as new_platform_cost,
        coalesce(sums.lacks_rate, 0) + coalesce(unused.lacks_rate, 0) > 0 as lacks_rate
    from windows
    cross join run
    left join sums on windows.migration_id = sums.migration_id
    left join unused on windows.migration_id = unused.migration_id
    left join labour on windows.migration_id = labour.migration_id
)

select
    migration_id,
    first_month,
    last_month,
    cast(month_count as bigint) as month_count,
    currency,
    cast(integration_hours as double) as integration_hours,
    has_hidden_hours,
    integration_labour,
    integration_charges,
    dual_running,
    unused_commitment,
    new_platform_cost,
    {{ to_money('integration_labour + integration_charges + dual_running') }} as integration_cost,
    {{ to_money('integration_labour + integration_charges + dual_running + unused_commitment') }} as cost_of_moving,
    {{ to_money('integration_labour + integration_charges + dual_running + new_platform_cost') }} as investment,
    lacks_rate
from parts
