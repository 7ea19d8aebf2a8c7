{#-
  Lines of an invoice beside what the bill has under the same name. Names are compared
  where both sides have them: the number of the line, else the description of the charge
  or its service, whichever more lines agree with. Where nothing agrees, each side stands
  alone. Tax and credits are no lines here: they are explained as what they are.
-#}
{%- set scope = ['reconciliation_key', 'billing_month', 'currency'] -%}
with lines as (
    select
        reconciliation_key,
        billing_month,
        currency,
        nullif(trim(invoice_line_id), '') as line_id,
        nullif(lower(trim(description)), '') as line_name,
        coalesce(nullif(trim(description), ''), nullif(trim(invoice_line_id), ''), invoice_id) as line_label,
        invoiced_amount - coalesce(tax_amount, 0) - coalesce(credit_amount, 0) as net_amount
    from {{ ref('int_invoice_lines_matched') }}
    where line_type = 'charge' and not is_credit_note
),

charges as (
    select
        reconciliation_key,
        billing_month,
        currency,
        invoice_detail_id,
        coalesce(nullif(trim(charge_description), ''), nullif(trim(service_name), ''), charge_category) as description,
        coalesce(nullif(trim(service_name), ''), nullif(trim(charge_description), ''), charge_category) as service_name,
        sum(billed_cost) as billed_cost,
        sum(line_item_count) as line_item_count
    from {{ ref('int_charges_to_reconcile') }}
    where charge_category not in ('Tax', 'Credit')
    group by 1, 2, 3, 4, 5, 6
),

names_in_bills as (
    select distinct {{ scope | join(', ') }}, 'line_id' as basis, invoice_detail_id as line_name
    from charges
    where invoice_detail_id is not null
    union all
    select distinct {{ scope | join(', ') }}, 'description' as basis, lower(description) as line_name
    from charges
    union all
    select distinct {{ scope | join(', ') }}, 'service' as basis, lower(service_name) as line_name
    from charges
),

agreements as (
    select
        lines.reconciliation_key,
        lines.billing_month,
        lines.currency,
        sum(case names.basis when 'line_id' then 1 else 0 end) as by_line_id,
        sum(case names.basis when 'description' then 1 else 0 end) as by_description,
        sum(case names.basis when 'service' then 1 else 0 end) as by_service
    from lines
    inner join names_in_bills as names
        on
            lines.reconciliation_key = names.reconciliation_key
            and lines.billing_month = names.billing_month
            and lines.currency = names.currency
            and names.line_name = case names.basis when 'line_id' then lines.line_id else lines.line_name end
    group by 1, 2, 3
),

bases as (
    select
        reconciliation_key,
        billing_month,
        currency,
        case
            when by_line_id > 0 then 'line_id'
            when by_description > by_service then 'description'
            when by_service > 0 then 'service'
        end as basis
    from agreements
),

named_lines as (
    select
        lines.reconciliation_key,
        lines.billing_month,
        lines.currency,
        bases.basis,
        case
            when bases.basis is null then 'invoice' || chr(31) || lines.line_label
            when bases.basis = 'line_id' then coalesce(lines.line_id, lines.line_name, 'invoice')
            else coalesce(lines.line_name, lines.line_id, 'invoice')
        end as line_key,
        min(lines.line_label) as line_label,
        sum(lines.net_amount) as invoiced_amount
    from lines
    left join bases
        on
            lines.reconciliation_key = bases.reconciliation_key
            and lines.billing_month = bases.billing_month
            and lines.currency = bases.currency
    group by 1, 2, 3, 4, 5
),

named_charges as (
    select
        charges.reconciliation_key,
        charges.billing_month,
        charges.currency,
        bases.basis,
        case
            when bases.basis is null then 'bill' || chr(31) || charges.service_name || chr(31) || charges.description
            when bases.basis = 'line_id'
                then coalesce(charges.invoice_detail_id, 'bill' || chr(31) || charges.service_name)
            when bases.basis = 'description' then lower(charges.description)
            else lower(charges.service_name)
        end as line_key,
        min(
            case
                when bases.basis = 'description' or charges.service_name = charges.description then charges.description
                when bases.basis = 'service' then charges.service_name
                else charges.service_name || ', ' || charges.description
            end
        ) as line_label,
        sum(charges.billed_cost) as billed_cost,
        sum(charges.line_item_count) as line_item_count
    from charges
    left join bases
        on
            charges.reconciliation_key = bases.reconciliation_key
            and charges.billing_month = bases.billing_month
            and charges.currency = bases.currency
    group by 1, 2, 3, 4, 5
)

select
    coalesce(named_lines.reconciliation_key, named_charges.reconciliation_key) as reconciliation_key,
    coalesce(named_lines.billing_month, named_charges.billing_month) as billing_month,
    coalesce(named_lines.currency, named_charges.currency) as currency,
    coalesce(named_lines.basis, named_charges.basis) as basis,
    coalesce(named_lines.line_key, named_charges.line_key) as line_key,
    coalesce(named_lines.line_label, named_charges.line_label) as line_label,
    {{ to_money('named_lines.invoiced_amount') }} as invoiced_amount,
    {{ to_money('named_charges.billed_cost') }} as ledger_billed_cost,
    {{ to_money(
        'coalesce(' ~ to_money('named_lines.invoiced_amount') ~ ', 0) - coalesce(' ~ to_money('named_charges.billed_cost') ~ ', 0)'
    ) }} as difference_amount,
    cast(coalesce(named_charges.line_item_count, 0) as bigint) as ledger_row_count
from named_lines
full outer join named_charges
    on
        named_lines.reconciliation_key = named_charges.reconciliation_key
        and named_lines.billing_month = named_charges.billing_month
        and named_lines.currency = named_charges.currency
        and named_lines.line_key = named_charges.line_key
