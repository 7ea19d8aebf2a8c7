{#-
  A day of each vendor that a gateway names: what is billed, what the gateway's price
  table makes of its own traffic, and the tokens of both sides. A gateway compares with
  the whole bill of a vendor; with a cloud's only where charges go into a pool that the
  gateway's readings name. The amount is from the bill, never from here.
-#}
with usage as (
    select
        reported.*,
        coalesce(reported.provider, 'unknown') as vendor
    from {{ ref('stg_llm_usage') }} as reported
),

gateways as (
    select distinct
        usage.gateway,
        usage.vendor
    from usage
    where usage.reported_by = 'gateway'
),

gateway_pools as (
    select distinct
        usage.gateway,
        usage.vendor,
        usage.pool_id
    from usage
    where usage.reported_by = 'gateway' and usage.pool_id is not null
),

charges as (
    select
        amounts.billing_month,
        amounts.charge_date,
        amounts.currency,
        amounts.billed_cost,
        case when amounts.component in ('tax', 'credit') then amounts.billed_cost else 0 end as tax_and_credit_cost,
        case when amounts.target_kind = 'pool' then amounts.target end as pool_id,
        {{ to_llm_provider('amounts.provider') }} as vendor
    from {{ ref('int_charge_amounts') }} as amounts
    where amounts.provider is not null
),

billed as (
    select
        charges.billing_month,
        charges.charge_date,
        charges.vendor,
        gateways.gateway,
        charges.currency,
        sum(charges.billed_cost) as billed_cost,
        sum(charges.tax_and_credit_cost) as tax_and_credit_cost
    from charges
    inner join gateways on charges.vendor = gateways.vendor
    left join gateway_pools
        on
            gateways.gateway = gateway_pools.gateway
            and gateways.vendor = gateway_pools.vendor
            and charges.pool_id = gateway_pools.pool_id
    where not ({{ is_cloud_provider('charges.vendor') }}) or gateway_pools.pool_id is not null
    group by charges.billing_month, charges.charge_date, charges.vendor, gateways.gateway, charges.currency
),

-- What the vendor counts compares with each gateway in front of it.
counted as (
    select
        usage.usage_date,
        usage.vendor,
        coalesce(usage.gateway, gateways.gateway) as gateway,
        usage.currency,
        sum(usage.estimated_spend_amount) as spend_amount,
        sum(case when usage.reported_by = 'provider' then usage.tokens end) as provider_tokens,
        sum(case when usage.reported_by = 'gateway' then usage.tokens end) as gateway_tokens,
        sum(case when usage.reported_by = 'gateway' and usage.model_id is not null then usage.tokens end)
            as mapped_tokens,
        sum(case when usage.reported_by = 'gateway' then usage.requests end) as gateway_requests
    from usage
    left join gateways on usage.reported_by = 'provider' and usage.vendor = gateways.vendor
    where usage.gateway is not null or gateways.gateway is not null
    group by usage.usage_date, usage.vendor, coalesce(usage.gateway, gateways.gateway), usage.currency
),

converted as (
    select
        counted.*,
        {{ month_label('counted.usage_date') }} as billing_month,
        coalesce(rates.to_currency, counted.currency) as reporting_currency,
        {{ converted_money('counted.spend_amount') }} as gateway_spend_amount
    from counted
    cross join {{ source('control', 'run') }} as run
    left join {{ ref('int_exchange_rates_by_month') }} as rates
        on
            counted.currency = rates.from_currency
            and run.currency = rates.to_currency
            and {{ month_label('counted.usage_date') }} = rates.billing_month
),

sides as (
    select
        billing_month,
        charge_date,
        vendor,
        gateway,
        currency,
        billed_cost,
        tax_and_credit_cost,
        cast(null as decimal(28, 10)) as gateway_spend_amount,
        cast(null as decimal(38, 18)) as provider_tokens,
        cast(null as decimal(38, 18)) as gateway_tokens,
        cast(null as decimal(38, 18)) as mapped_tokens,
        cast(null as decimal(38, 18)) as gateway_requests
    from billed
    union all
    select
        billing_month,
        usage_date as charge_date,
        vendor,
        gateway,
        reporting_currency as currency,
        cast(null as decimal(28, 10)) as billed_cost,
        cast(null as decimal(28, 10)) as tax_and_credit_cost,
        gateway_spend_amount,
        provider_tokens,
        gateway_tokens,
        mapped_tokens,
        gateway_requests
    from converted
),

summed as (
    select
        charge_date,
        billing_month,
        vendor as provider,
        gateway,
        currency,
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money('sum(tax_and_credit_cost)') }} as tax_and_credit_cost,
        {{ to_money('sum(gateway_spend_amount)') }} as gateway_spend_amount,
        {{ to_money('sum(provider_tokens)') }} as provider_tokens,
        {{ to_money('sum(gateway_tokens)') }} as gateway_tokens,
        {{ to_money('sum(mapped_tokens)') }} as mapped_tokens,
        {{ to_money('sum(gateway_requests)') }} as gateway_requests
    from sides
    group by charge_date, billing_month, vendor, gateway, currency
)

select
    charge_date,
    billing_month,
    provider,
    gateway,
    currency,
    billed_cost,
    tax_and_credit_cost,
    gateway_spend_amount,
    {{ to_money('billed_cost - tax_and_credit_cost - coalesce(gateway_spend_amount, 0)') }} as gap_amount,
    provider_tokens,
    gateway_tokens,
    mapped_tokens,
    gateway_requests,
    {{ to_money('billed_cost - tax_and_credit_cost') }} as compared_cost
from summed
