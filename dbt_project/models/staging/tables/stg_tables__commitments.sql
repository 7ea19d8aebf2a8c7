{#- Commitments and grants of credit, each as the newest load says that has it. -#}
with ranked as (
    select
        commitments.*,
        row_number() over (
            partition by lower(trim(commitments.commitment_id))
            order by commitments._load_id desc
        ) as recency
    from {{ source('evidence', 'commitments') }} as commitments
)

select
    _source as source,
    trim(commitment_id) as commitment_id,
    coalesce(nullif(trim(commitment_name), ''), trim(commitment_id)) as commitment_name,
    lower(trim(commitment_type)) as commitment_type,
    trim(bill_source) as bill_source,
    cast(starts_at as date) as starts_on,
    cast(ends_at as date) as ends_on,
    {{ to_money('granted_amount') }} as granted_amount,
    {{ to_money('used_before_amount') }} as used_before_amount,
    upper(trim(currency)) as currency,
    lower(trim(credit_description)) as credit_description
from ranked
where recency = 1
