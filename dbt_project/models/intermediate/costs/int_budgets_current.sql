{#-
  The budget that counts for each month and scope, in the reporting currency: what the
  newest load says of it. Lines of one load for the same scope are one budget.
-#}
with ranked as (
    select
        budgets.*,
        case when budgets.scope_type = 'all' then 'all' else budgets.scope_id end as canonical_scope_id,
        dense_rank() over (
            partition by
                budgets.billing_month, budgets.scope_type,
                case when budgets.scope_type = 'all' then 'all' else budgets.scope_id end
            order by budgets.load_id desc
        ) as load_recency
    from {{ ref('stg_tables__budgets') }} as budgets
),

converted as (
    select
        ranked.billing_month,
        ranked.scope_type,
        ranked.canonical_scope_id as scope_id,
        ranked.source,
        run.currency,
        case
            when ranked.currency = run.currency then {{ to_money('ranked.budget_amount') }}
            else {{ money_times_rate(to_money('ranked.budget_amount'), 'rates.rate') }}
        end as budget_amount,
        case
            when ranked.currency <> run.currency and rates.rate is null then ranked.currency
        end as currency_without_rate
    from ranked
    cross join {{ source('control', 'run') }} as run
    left join {{ ref('int_exchange_rates_by_month') }} as rates
        on
            ranked.billing_month = rates.billing_month
            and ranked.currency = rates.from_currency
            and run.currency = rates.to_currency
    where ranked.load_recency = 1
)

select
    billing_month,
    scope_type,
    scope_id,
    currency,
    max(source) as source,
    case when max(currency_without_rate) is null then sum(budget_amount) end as budget_amount,
    max(currency_without_rate) as currency_without_rate
from converted
group by billing_month, scope_type, scope_id, currency
