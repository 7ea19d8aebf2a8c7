{#-
  What of a load counts in no figure because another delivery of it does, with the decision
  and the command that takes it back.
-#}
with decisions as (
    select
        *,
        row_number() over (partition by load_id order by decided_at desc, overlap_id desc) as place
    from {{ source('control', 'settled_loads') }}
)

select
    charges.load_id,
    charges.billing_month,
    charges.source,
    charges.provider,
    charges.billing_currency as currency,
    {{ to_money('charges.billed_cost') }} as billed_cost,
    charges.line_item_count,
    decisions.answer,
    decisions.counted_source,
    decisions.decided_by,
    decisions.decided_at,
    decisions.reason,
    'triptych withdraw ' || charges.load_id || ' --undo --because TEXT' as next_step
from {{ ref('int_charges_withdrawn') }} as charges
inner join decisions on charges.load_id = decisions.load_id and decisions.place = 1
