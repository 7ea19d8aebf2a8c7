{#-
  What commitments were bought and used by month: savings plans, reservations, committed
  use and reserved capacity that a bill names. All charges count, also those that are no AI
  spend: a commitment is used as a whole. Ids that differ in case alone are one.
-#}
with charges as (
    select
        billing_month,
        source,
        provider,
        commitment_kind,
        lower(commitment_id) as commitment_key,
        commitment_id,
        commitment_name,
        commitment_role,
        is_out_of_scope,
        currency,
        billed_cost,
        effective_cost
    from {{ ref('int_commitment_charges') }}
),

months as (
    select
        billing_month,
        source,
        provider,
        commitment_kind,
        min(commitment_id) as commitment_id,
        max(commitment_name) as commitment_name,
        currency,
        commitment_key,
        {{ to_money("sum(case when commitment_role = 'purchase' then billed_cost else 0 end)") }}
            as purchased_billed_cost,
        {{ to_money("sum(case when commitment_role in ('used', 'unused') then effective_cost else 0 end)") }}
            as committed_effective_cost,
        {{ to_money("sum(case when commitment_role = 'used' then effective_cost else 0 end)") }}
            as used_effective_cost,
        {{ to_money("sum(case when commitment_role = 'unused' then effective_cost else 0 end)") }}
            as unused_effective_cost,
        {{ to_money(
            "sum(case when commitment_role = 'used' and is_out_of_scope then effective_cost else 0 end)"
        ) }} as out_of_scope_used_effective_cost,
        {{ to_money(
            "sum(case when commitment_role = 'unused' and is_out_of_scope then effective_cost else 0 end)"
        ) }} as out_of_scope_unused_effective_cost
    from charges
    group by billing_month, source, provider, commitment_kind, commitment_key, currency
)

select
    billing_month,
    source,
    provider,
    commitment_kind,
    commitment_id,
    commitment_name,
    currency,
    purchased_billed_cost,
    committed_effective_cost,
    used_effective_cost,
    unused_effective_cost,
    out_of_scope_used_effective_cost,
    out_of_scope_unused_effective_cost,
    {{ safe_ratio('used_effective_cost', 'committed_effective_cost') }} as utilisation_ratio,
    {{ to_money(
        'sum(purchased_billed_cost) over (partition by source, provider, commitment_kind, commitment_key, currency'
        ~ ' order by billing_month rows between unbounded preceding and current row)'
    ) }} as purchased_billed_cost_to_date,
    {{ to_money(
        'sum(committed_effective_cost) over (partition by source, provider, commitment_kind, commitment_key, currency'
        ~ ' order by billing_month rows between unbounded preceding and current row)'
    ) }} as committed_effective_cost_to_date
from months
