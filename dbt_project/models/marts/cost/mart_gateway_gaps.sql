{#-
  A gateway's own estimate beside the vendor's bill, by month. What is compared is the
  bill without tax and credits, which no price table knows.
-#}
with days as (
    select * from {{ ref('fct_daily_gateway_costs') }}
),

months as (
    select
        days.billing_month,
        days.provider,
        days.gateway,
        days.currency,
        {{ to_money('sum(days.billed_cost)') }} as billed_cost,
        {{ to_money('sum(days.tax_and_credit_cost)') }} as tax_and_credit_cost,
        {{ to_money('sum(days.billed_cost - days.tax_and_credit_cost)') }} as compared_cost,
        {{ to_money('sum(days.gateway_spend_amount)') }} as gateway_spend_amount,
        sum(days.provider_tokens) as provider_tokens,
        sum(days.gateway_tokens) as gateway_tokens,
        sum(days.mapped_tokens) as mapped_tokens,
        sum(days.gateway_requests) as gateway_requests,
        sum(case when days.billed_cost <> days.tax_and_credit_cost then 1 else 0 end) as billed_day_count,
        sum(
            case
                when days.billed_cost <> days.tax_and_credit_cost and days.gateway_requests is not null then 1
                else 0
            end
        ) as compared_day_count
    from days
    group by days.billing_month, days.provider, days.gateway, days.currency
)

select
    billing_month,
    provider,
    gateway,
    currency,
    billed_cost,
    tax_and_credit_cost,
    gateway_spend_amount,
    {{ to_money('compared_cost - coalesce(gateway_spend_amount, 0)') }} as gap_amount,
    {{ safe_ratio('gateway_spend_amount', 'compared_cost') }} as gateway_ratio,
    {{ safe_ratio('(compared_cost - coalesce(gateway_spend_amount, 0))', 'compared_cost') }} as gap_ratio,
    {{ to_money('gateway_requests') }} as gateway_requests,
    {{ to_money('provider_tokens') }} as provider_tokens,
    {{ to_money('gateway_tokens') }} as gateway_tokens,
    {{ safe_ratio('gateway_tokens', 'provider_tokens') }} as gateway_token_ratio,
    {{ safe_ratio('coalesce(mapped_tokens, 0)', 'gateway_tokens') }} as mapped_token_ratio,
    cast(billed_day_count as bigint) as billed_day_count,
    {{ safe_ratio('compared_day_count', 'billed_day_count') }} as day_coverage_ratio,
    compared_cost
from months
