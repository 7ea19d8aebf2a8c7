{#-
  What of each commitment or grant was used, and what lapsed unused, by month and in its
  own currency. Savings plans, reservations and provisioned throughput: the charges that
  carry its id. Prepaid: all that its bill charges for usage in the term. A grant: the
  credits whose description begins as it says; a minus before a decimal would change its
  type on one Spark Connect server.
-#}
with commitments as (
    select * from {{ ref('stg_tables__commitments') }}
),

drawn_by_id as (
    select
        commitments.commitment_id,
        commitments.currency,
        {{ month_label('charges.charge_date') }} as billing_month,
        {{ to_money(
            "sum(case when charges.commitment_role = 'used' then charges.unconverted_effective_cost else 0 end)"
        ) }} as used_amount,
        {{ to_money(
            "sum(case when charges.commitment_role = 'unused' then charges.unconverted_effective_cost else 0 end)"
        ) }} as lapsed_amount
    from commitments
    inner join {{ ref('int_commitment_charges') }} as charges
        on
            commitments.bill_source = charges.source
            and commitments.currency = charges.billing_currency
            and commitments.starts_on <= charges.charge_date
            and commitments.ends_on > charges.charge_date
            and lower(commitments.commitment_id) = lower(charges.commitment_id)
    where
        commitments.commitment_type in ('savings_plan', 'reserved', 'provisioned_throughput')
        and charges.commitment_role in ('used', 'unused')
    group by commitments.commitment_id, commitments.currency, {{ month_label('charges.charge_date') }}
),

prepaid as (
    select
        commitments.commitment_id,
        commitments.currency,
        {{ month_label('charges.charge_date') }} as billing_month,
        {{ to_money('sum(charges.unconverted_billed_cost)') }} as used_amount,
        {{ to_money('0') }} as lapsed_amount
    from commitments
    inner join {{ ref('int_charge_amounts') }} as charges
        on
            commitments.bill_source = charges.source
            and commitments.currency = charges.billing_currency
            and commitments.starts_on <= charges.charge_date
            and commitments.ends_on > charges.charge_date
    where commitments.commitment_type = 'prepaid' and {{ is_ai_cost('charges.component') }}
    group by commitments.commitment_id, commitments.currency, {{ month_label('charges.charge_date') }}
),

credited as (
    select
        commitments.commitment_id,
        commitments.currency,
        credits.billing_month,
        {{ to_money('0 - ' ~ to_money('sum(credits.billed_cost)')) }} as used_amount,
        {{ to_money('0') }} as lapsed_amount
    from commitments
    inner join {{ ref('int_charges_by_invoice') }} as credits
        on
            commitments.bill_source = credits.source
            and commitments.currency = credits.billing_currency
            and {{ month_label('commitments.starts_on') }} <= credits.billing_month
            and {{ month_label("commitments.ends_on - interval '1' day") }} >= credits.billing_month
            and {{ starts_with('lower(credits.charge_description)', 'commitments.credit_description') }}
    where commitments.commitment_type = 'credit_grant' and credits.charge_category = 'Credit'
    group by commitments.commitment_id, commitments.currency, credits.billing_month
)

select * from drawn_by_id
union all
select * from prepaid
union all
select * from credited
