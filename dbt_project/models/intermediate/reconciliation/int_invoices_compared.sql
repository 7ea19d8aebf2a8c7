{#-
  Invoice and ledger side by side in one currency and month, with what may explain a
  difference: tax and credits of both, what the same invoice has in other months, and
  what it is in another currency at the rate of the month.
-#}
with invoiced as (
    select
        reconciliation_key,
        billing_month,
        currency,
        min(invoice_issuer_name) as invoice_issuer_name,
        min(issuer_key) as issuer_key,
        {{ distinct_texts('invoice_id') }} as invoice_id,
        min(source) as register,
        sum(invoiced_amount) as invoiced_amount,
        sum(tax_amount) as tax_amount,
        sum(credit_amount) as credit_amount,
        max(case when status = 'draft' then 1 else 0 end) as draft_count,
        count(*) as line_count
    from {{ ref('int_invoice_lines_matched') }}
    group by reconciliation_key, billing_month, currency
),

charged as (
    select
        reconciliation_key,
        billing_month,
        currency,
        min(invoice_issuer_name) as invoice_issuer_name,
        min(issuer_key) as issuer_key,
        min(invoice_id) as invoice_id,
        {{ distinct_texts('source') }} as source,
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money("sum(case when charge_category = 'Tax' then billed_cost end)") }} as tax_billed_cost,
        {{ to_money("sum(case when charge_category = 'Credit' then billed_cost end)") }} as credit_billed_cost,
        {{ to_money('sum(case when is_earlier_usage then billed_cost else 0 end)') }} as earlier_usage_billed_cost,
        sum(line_item_count) as line_item_count
    from {{ ref('int_charges_to_reconcile') }}
    group by reconciliation_key, billing_month, currency
),

sides as (
    select
        coalesce(invoiced.reconciliation_key, charged.reconciliation_key) as reconciliation_key,
        coalesce(invoiced.billing_month, charged.billing_month) as billing_month,
        coalesce(invoiced.currency, charged.currency) as currency,
        coalesce(invoiced.issuer_key, charged.issuer_key) as issuer_key,
        coalesce(invoiced.invoice_issuer_name, charged.invoice_issuer_name) as invoice_issuer_name,
        coalesce(invoiced.invoice_id, charged.invoice_id) as invoice_id,
        invoiced.register,
        charged.source,
        invoiced.invoiced_amount,
        invoiced.tax_amount,
        invoiced.credit_amount,
        invoiced.draft_count,
        invoiced.line_count,
        charged.billed_cost,
        charged.tax_billed_cost,
        charged.credit_billed_cost,
        charged.earlier_usage_billed_cost,
        charged.line_item_count
    from invoiced
    full outer join charged
        on
            invoiced.reconciliation_key = charged.reconciliation_key
            and invoiced.billing_month = charged.billing_month
            and invoiced.currency = charged.currency
),

currencies as (
    select
        reconciliation_key,
        currency,
        max(case when invoiced_amount is not null then 1 else 0 end) as is_invoiced,
        max(case when billed_cost is not null then 1 else 0 end) as is_charged,
        max(case when invoiced_amount is not null then billing_month end) as invoiced_month,
        sum(case when invoiced_amount is null then billed_cost end) as other_months_billed_cost
    from sides
    group by reconciliation_key, currency
),

documents as (
    select
        sides.reconciliation_key,
        max(sides.invoice_issuer_name) as invoice_issuer_name,
        max(case when sides.invoiced_amount is not null then sides.invoice_id end) as invoice_id,
        max(case when sides.invoiced_amount is not null then sides.billing_month end) as invoiced_month,
        nullif({{ distinct_texts('sides.source') }}, '') as source,
        max(sides.draft_count) as draft_count,
        count(sides.billed_cost) as charged_count,
        count(sides.tax_amount) as tax_line_count,
        count(sides.credit_amount) as credit_line_count,
        count(sides.tax_billed_cost) as tax_charge_count,
        count(sides.credit_billed_cost) as credit_charge_count
    from sides
    group by sides.reconciliation_key
),

foreign_invoices as (
    select
        currencies.reconciliation_key,
        min(currencies.currency) as invoice_currency
    from currencies
    where currencies.is_invoiced = 1 and currencies.is_charged = 0
    group by currencies.reconciliation_key
    having count(*) = 1
),

rates as (
    select
        billing_month,
        from_currency,
        to_currency,
        rate,
        1 as preference
    from {{ ref('int_exchange_rates_by_month') }}
    union all
    select
        billing_month,
        to_currency as from_currency,
        from_currency as to_currency,
        {{ to_rate('cast(1 as decimal(28, 10))', 'cast(rate as decimal(28, 10))') }} as rate,
        2 as preference
    from {{ ref('int_exchange_rates_by_month') }}
    where rate > 0.0001 and rate < 10000
),

ranked_rates as (
    select
        *,
        row_number() over (
            partition by billing_month, from_currency, to_currency
            order by preference asc
        ) as choice
    from rates
),

foreign_charges as (
    select
        sides.reconciliation_key,
        sides.billing_month,
        sides.currency,
        foreign_invoices.invoice_currency,
        {{ money_times_rate('sides.billed_cost', 'ranked_rates.rate') }} as converted_amount
    from sides
    inner join currencies
        on
            sides.reconciliation_key = currencies.reconciliation_key
            and sides.currency = currencies.currency
            and currencies.is_invoiced = 0
    inner join foreign_invoices on sides.reconciliation_key = foreign_invoices.reconciliation_key
    left join ranked_rates
        on
            sides.billing_month = ranked_rates.billing_month
            and sides.currency = ranked_rates.from_currency
            and foreign_invoices.invoice_currency = ranked_rates.to_currency
            and ranked_rates.choice = 1
),

conversions as (
    select
        reconciliation_key,
        min(invoice_currency) as invoice_currency,
        case when count(*) = count(converted_amount) then sum(converted_amount) end as converted_amount,
        {{ distinct_texts('currency') }} as charge_currencies
    from foreign_charges
    group by reconciliation_key
),

sources_of_issuers as (
    select
        charges.issuer_key,
        {{ distinct_texts('charges.source') }} as source
    from {{ ref('int_charges_to_reconcile') }} as charges
    group by charges.issuer_key
)

select
    sides.reconciliation_key,
    {{ reconciliation_kind('sides.reconciliation_key') }} as match_kind,
    sides.billing_month,
    sides.currency,
    sides.issuer_key,
    documents.invoice_issuer_name,
    coalesce(documents.invoice_id, sides.invoice_id) as invoice_id,
    documents.invoiced_month,
    coalesce(sides.source, documents.source, sources_of_issuers.source, sides.register) as source,
    sides.invoiced_amount,
    sides.tax_amount,
    sides.credit_amount,
    -- What is on it in another month or currency is as final as the invoice.
    coalesce(sides.draft_count, documents.draft_count) as draft_count,
    sides.line_count,
    sides.billed_cost,
    sides.tax_billed_cost,
    sides.credit_billed_cost,
    sides.earlier_usage_billed_cost,
    sides.line_item_count,
    documents.charged_count,
    documents.tax_line_count,
    documents.credit_line_count,
    documents.tax_charge_count,
    documents.credit_charge_count,
    case
        when sides.invoiced_amount is not null then coalesce({{ to_money('currencies.other_months_billed_cost') }}, 0)
        when currencies.is_invoiced = 1 then -sides.billed_cost
        else cast(0 as decimal(28, 10))
    end as other_months_amount,
    case
        when sides.currency = conversions.invoice_currency and sides.invoiced_amount is not null
            then {{ to_money('conversions.converted_amount') }}
        when currencies.is_invoiced = 0 and conversions.converted_amount is not null then -sides.billed_cost
    end as exchanged_amount,
    case
        when conversions.reconciliation_key is not null and conversions.converted_amount is null
            then conversions.charge_currencies || ' to ' || conversions.invoice_currency
    end as missing_rate
from sides
inner join currencies
    on sides.reconciliation_key = currencies.reconciliation_key and sides.currency = currencies.currency
inner join documents on sides.reconciliation_key = documents.reconciliation_key
left join conversions on sides.reconciliation_key = conversions.reconciliation_key
left join sources_of_issuers on sides.issuer_key = sources_of_issuers.issuer_key
