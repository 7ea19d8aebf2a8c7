{#-
  How commitments and grants of credit burn down before they expire: month by month what
  was granted, used, lapsed and left, the pace of the last three months, what is used by
  the expiry if that goes on, and the money at risk of expiring unused. A month after its
  end a commitment has expired, although its bill has charged nothing up to then. Of two
  prepaid amounts or grants that the same charges may draw on, nobody knows which is used.
-#}
with bills as (
    select
        source,
        billing_currency as currency,
        min(charge_date) as first_day,
        max(charge_date) as last_day
    from {{ ref('int_daily_service_charges') }}
    group by source, billing_currency
),

drawn_together as (
    select distinct commitments.commitment_id
    from {{ ref('stg_tables__commitments') }} as commitments
    inner join {{ ref('stg_tables__commitments') }} as others
        on
            commitments.commitment_id <> others.commitment_id
            and commitments.bill_source = others.bill_source
            and commitments.currency = others.currency
            and commitments.commitment_type = others.commitment_type
            and commitments.starts_on < others.ends_on
            and commitments.ends_on > others.starts_on
    where
        commitments.commitment_type = 'prepaid'
        or (
            commitments.commitment_type = 'credit_grant'
            and (
                {{ starts_with('commitments.credit_description', 'others.credit_description') }}
                or {{ starts_with('others.credit_description', 'commitments.credit_description') }}
            )
        )
),

commitments as (
    select
        commitments.*,
        drawn_together.commitment_id is not null as is_drawn_together,
        bills.first_day as first_billed_day,
        bills.last_day as last_billed_day,
        commitments.ends_on + interval '1' month <= moment.as_of as is_over,
        bills.source is not null
        and drawn_together.commitment_id is null
        and (bills.last_day >= commitments.starts_on or commitments.ends_on + interval '1' month > moment.as_of)
        and (
            bills.first_day <= commitments.starts_on
            or {{ month_label('bills.first_day') }} = {{ month_label('commitments.starts_on') }}
            or commitments.used_before_amount is not null
        ) as is_known
    from {{ ref('stg_tables__commitments') }} as commitments
    cross join {{ ref('int_reporting_moment') }} as moment
    left join bills on commitments.bill_source = bills.source and commitments.currency = bills.currency
    left join drawn_together on commitments.commitment_id = drawn_together.commitment_id
),

days as (
    select
        commitments.commitment_id,
        dates.month as billing_month,
        count(*) as day_count,
        max(dates.date_day) as known_until
    from commitments
    inner join {{ ref('dim_dates') }} as dates
        on
            commitments.starts_on <= dates.date_day
            and commitments.ends_on > dates.date_day
            and commitments.first_billed_day <= dates.date_day
            and commitments.last_billed_day >= dates.date_day
    group by commitments.commitment_id, dates.month
),

months as (
    select
        commitments.*,
        coalesce(days.billing_month, {{ month_label('commitments.starts_on') }}) as billing_month,
        days.known_until,
        coalesce(days.day_count, 0) as day_count,
        coalesce(draws.used_amount, 0) as month_used_amount,
        coalesce(draws.lapsed_amount, 0) as month_lapsed_amount
    from commitments
    left join days on commitments.commitment_id = days.commitment_id
    left join {{ ref('int_commitment_draws') }} as draws
        on days.commitment_id = draws.commitment_id and days.billing_month = draws.billing_month
),

summed as (
    select
        *,
        {{ days_between('known_until', 'ends_on') }} - 1 as days_left,
        {{ to_money(
            'coalesce(used_before_amount, 0) + sum(month_used_amount) over (partition by commitment_id order by billing_month'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as used_so_far,
        {{ to_money(
            'sum(month_lapsed_amount) over (partition by commitment_id order by billing_month'
            ~ ' rows between unbounded preceding and current row)'
        ) }} as lapsed_so_far,
        {{ to_money(
            'sum(month_used_amount) over (partition by commitment_id order by billing_month'
            ~ ' rows between 2 preceding and current row)'
        ) }} as recently_used_amount,
        sum(day_count) over (
            partition by commitment_id
            order by billing_month asc
            rows between 2 preceding and current row
        ) as recent_day_count,
        row_number() over (partition by commitment_id order by billing_month desc) = 1 as is_newest
    from months
),

stated as (
    select
        *,
        case
            when not is_known then 'unknown'
            -- Before the first day of its bill, too: of that, the register says what was used.
            when days_left <= 0 or ends_on <= first_billed_day then 'expired'
            when known_until is null then 'not_started'
            when is_newest and is_over then 'expired'
            else 'running'
        end as state,
        {{ to_money('greatest(granted_amount - used_so_far - lapsed_so_far, 0)') }} as left_amount
    from summed
),

paced as (
    select
        *,
        case
            when state = 'running' and recent_day_count >= 28
                then
                    coalesce({{ money_in_proportion(
                        'recently_used_amount', 'cast(1 as decimal(10, 0))', 'cast(recent_day_count as decimal(10, 0))'
                    ) }}, 0)
        end as run_rate_amount_per_day,
        case
            when state = 'running' and recent_day_count >= 28
                then
                    least(
                        left_amount,
                        greatest(
                            coalesce({{ money_in_proportion(
                                'recently_used_amount', 'cast(days_left as decimal(10, 0))',
                                'cast(recent_day_count as decimal(10, 0))'
                            ) }}, 0),
                            0
                        )
                    )
            when state = 'expired' then cast(0 as decimal(28, 10))
        end as still_used_amount
    from stated
)

select
    commitment_id,
    billing_month,
    commitment_name,
    commitment_type,
    bill_source as source,
    currency,
    starts_on,
    ends_on,
    is_newest,
    state,
    known_until,
    case state when 'running' then cast(days_left as integer) when 'expired' then 0 end as days_to_expiry,
    granted_amount,
    case when state in ('running', 'expired') then {{ to_money('month_used_amount') }} end as used_amount,
    case when is_known then used_so_far end as used_to_date_amount,
    case
        when state = 'expired' then {{ to_money('lapsed_so_far + left_amount') }}
        when is_known then lapsed_so_far
    end as lapsed_to_date_amount,
    case when is_known then case when state = 'expired' then {{ to_money('0') }} else left_amount end end
        as remaining_amount,
    {{ to_money('run_rate_amount_per_day') }} as run_rate_amount_per_day,
    {{ to_money('used_so_far + still_used_amount') }} as forecast_used_amount,
    case
        when state = 'expired' then {{ to_money('0') }}
        else {{ to_money('left_amount - still_used_amount') }}
    end as at_risk_amount,
    case
        when state = 'expired' then cast(0 as double)
        when is_known then {{ safe_ratio('left_amount', 'granted_amount') }}
    end as remaining_ratio,
    case
        when state = 'expired' then cast(0 as double)
        else {{ safe_ratio('left_amount - still_used_amount', 'granted_amount') }}
    end as at_risk_ratio,
    case
        when state = 'expired' then {{ to_money('greatest(granted_amount - used_so_far, 0)') }}
        when state = 'running' then {{ to_money('lapsed_so_far + left_amount - still_used_amount') }}
    end as unused_at_expiry_amount,
    case
        when state = 'running' and left_amount > 0 then {{ safe_ratio('left_amount', 'run_rate_amount_per_day') }}
    end as days_until_used_up,
    case
        when first_billed_day is null
            then 'The bill ' || bill_source || ' has no charges in ' || currency || '.'
        when is_drawn_together
            then
                'Another ' || case commitment_type when 'prepaid' then 'prepaid amount' else 'grant' end
                || ' of the bill ' || bill_source || ' runs at the same time: which of them is used is unknown.'
        when not is_known and last_billed_day < starts_on
            then 'The bill ' || bill_source || ' ends before it: what was used is unknown.'
        when not is_known
            then 'The bill ' || bill_source || ' begins after it: what was used before is unknown.'
        when state = 'not_started' then 'It has not started.'
        when state = 'expired' and days_left > 0
            then
                'The bill ' || bill_source || ' ends on ' || cast(known_until as string)
                || ': what was used after that is unknown.'
        when state = 'running' and recent_day_count < 28 then 'Fewer than 28 days are known: no pace yet.'
    end as reason
from paced
