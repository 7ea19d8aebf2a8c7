{#-
  Rows and money of the ledger, against what was summed from the files when they were
  loaded: per source, month and billing currency, to the last of eighteen decimals.
  Which of the summed amounts a ledger must equal is said by bill_streams(). An
  amortised cost that staging computes has no total to compare with, nor has the sum of
  a source that has such a bill beside others. Charges that were withdrawn are in a table of
  their own.
-#}
with loaded as (
    select
        totals.billing_month,
        loads.source,
        totals.currency,
        totals.row_count,
        case loads.stream
            {% for bill in bill_streams() -%}
            when '{{ bill.stream }}' then {{ bill.billed }}
            {% endfor -%}
        end as billed_cost,
        case loads.stream
            {% for bill in bill_streams() -%}
            when '{{ bill.stream }}' then {{ bill.effective }}
            {% endfor -%}
        end as effective_cost
    from {{ source('catalogue', 'load_totals') }} as totals
    inner join {{ source('catalogue', 'loads') }} as loads
        on totals.load_id = loads.load_id
    where loads.status = 'current' and loads.stream in ({{ bill_stream_names() }})
),

current_totals as (
    select
        billing_month,
        source,
        currency,
        sum(row_count) as row_count,
        sum(billed_cost) as billed_cost,
        case when count(effective_cost) = count(*) then sum(effective_cost) end as effective_cost
    from loaded
    group by billing_month, source, currency
),

counted_and_withdrawn as (
    {% for model in ['int_daily_charges_placed', 'int_charges_withdrawn'] -%}
    select
        billing_month,
        source,
        billing_currency,
        line_item_count,
        billed_cost,
        effective_cost
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ledger as (
    select
        billing_month,
        source,
        billing_currency as currency,
        sum(line_item_count) as row_count,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from counted_and_withdrawn
    group by billing_month, source, billing_currency
)

select
    coalesce(ledger.billing_month, current_totals.billing_month) as billing_month,
    coalesce(ledger.source, current_totals.source) as source,
    coalesce(ledger.currency, current_totals.currency) as currency,
    ledger.row_count,
    current_totals.row_count as loaded_row_count,
    ledger.billed_cost,
    current_totals.billed_cost as loaded_billed_cost
from ledger
full outer join current_totals
    on
        ledger.billing_month = current_totals.billing_month
        and ledger.source = current_totals.source
        and ledger.currency = current_totals.currency
where
    coalesce(ledger.row_count, 0) <> coalesce(current_totals.row_count, 0)
    or coalesce(ledger.billed_cost, 0) <> coalesce(current_totals.billed_cost, 0)
    or coalesce(ledger.effective_cost, 0) <> coalesce(current_totals.effective_cost, ledger.effective_cost, 0)
