{#-
  Budget and AI spend by month and scope, before tax and credits. A scope that the
  ledger never names has an unknown cost, not a cost of zero; a budget is never called
  kept while the evidence behind it is stale or its month still runs, nor while what the
  evidence lacks is not known or could break it.
-#}
with scope_costs as (
    select * from {{ ref('int_monthly_scope_costs') }}
),

moment as (
    select * from {{ ref('int_reporting_moment') }}
),

known_scopes as (
    select distinct
        scope_type,
        scope_id
    from scope_costs
),

known_months as (
    select distinct billing_month from scope_costs
),

staleness as (
    select min(freshness.newest_evidence_at) as stale_newest_evidence_at
    from {{ ref('mart_source_freshness') }} as freshness
    where freshness.is_stale and freshness.stream in ({{ bill_stream_names() }})
),

lacking as (
    select
        billing_month,
        {{ distinct_texts("source || ' lacks ' || missing") }} as missing,
        case when count(missing_amount) = count(*) then sum(missing_amount) end as missing_amount
    from {{ ref('mart_month_completeness') }}
    where not is_complete
    group by billing_month
),

compared as (
    select
        budgets.billing_month,
        budgets.scope_type,
        budgets.scope_id,
        budgets.currency,
        {{ to_money('budgets.budget_amount') }} as budget_amount,
        case
            when known_months.billing_month is not null and known_scopes.scope_id is not null
                then {{ to_money('coalesce(scope_costs.effective_cost, 0)') }}
        end as actual_cost,
        case
            when known_months.billing_month is not null and known_scopes.scope_id is not null
                then {{ to_money('coalesce(scope_costs.billed_cost, 0)') }}
        end as actual_billed_cost,
        coalesce(scope_costs.is_estimated, false) as is_estimated,
        moment.as_of >= {{ month_end('budgets.billing_month') }} as is_month_over,
        coalesce(staleness.stale_newest_evidence_at < {{ month_end('budgets.billing_month') }}, false) as is_stale,
        {{ fiscal_year('budgets.billing_month', 'moment.fiscal_year_start_month') }} as fiscal_year,
        known_months.billing_month is null
        and undeclared.scope_id is null
        and moment.as_of < {{ month_end('budgets.billing_month') }} as is_ahead,
        case
            when undeclared.scope_id is not null then undeclared.reason
            when budgets.currency_without_rate is not null
                then 'there is no exchange rate for ' || budgets.currency_without_rate
            when known_months.billing_month is null and moment.as_of < {{ month_end('budgets.billing_month') }}
                then 'the month is not over yet'
            when known_months.billing_month is null then 'there is no ledger of this month'
            when known_scopes.scope_id is null then 'no cost names this ' || budgets.scope_type
        end as reason,
        lacking.missing,
        lacking.missing_amount
    from {{ ref('int_budgets_current') }} as budgets
    cross join moment
    cross join staleness
    left join lacking on budgets.billing_month = lacking.billing_month
    left join known_months on budgets.billing_month = known_months.billing_month
    left join known_scopes
        on budgets.scope_type = known_scopes.scope_type and budgets.scope_id = known_scopes.scope_id
    left join {{ ref('int_undeclared_budgets') }} as undeclared
        on
            budgets.billing_month = undeclared.billing_month
            and budgets.scope_type = undeclared.scope_type
            and budgets.scope_id = undeclared.scope_id
    left join scope_costs
        on
            budgets.billing_month = scope_costs.billing_month
            and budgets.scope_type = scope_costs.scope_type
            and budgets.scope_id = scope_costs.scope_id
            and budgets.currency = scope_costs.currency
)

select
    billing_month,
    scope_type,
    scope_id,
    currency,
    budget_amount,
    actual_cost,
    actual_billed_cost,
    {{ to_money('actual_cost - budget_amount') }} as variance_amount,
    {{ safe_ratio('(actual_cost - budget_amount)', 'budget_amount') }} as variance_ratio,
    {{ safe_ratio('actual_cost', 'budget_amount') }} as actual_to_budget_ratio,
    fiscal_year,
    {{ to_money(sum_to_date('budget_amount')) }} as budget_to_date_amount,
    {{ to_money(sum_to_date('actual_cost')) }} as actual_to_date_cost,
    is_estimated,
    is_month_over,
    {{ budget_state(
        'is_ahead', 'is_month_over',
        'missing is not null and coalesce(actual_cost + missing_amount > budget_amount, true)'
    ) }} as state,
    coalesce(reason, missing) as reason
from compared
