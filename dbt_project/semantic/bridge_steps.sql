select
    bridge.*,
    cast(bridge.billing_month || '-01' as date) as month_begin,
    steps.bar as step,
    steps.step_order,
    case steps.bar
        when 'rate' then bridge.rate_amount
        when 'volume' then bridge.volume_amount
        when 'efficiency' then bridge.efficiency_amount
        when 'purchase_mix' then bridge.purchase_mix_amount
        when 'mix' then bridge.mix_amount
        when 'new' then bridge.new_amount
        when 'retired' then bridge.retired_amount
        when 'correction' then bridge.correction_amount
        when 'unused_commitment' then bridge.unused_commitment_amount
        when 'fx' then bridge.fx_amount
        when 'other' then bridge.other_amount
        when 'not_invoiced' then bridge.not_invoiced_amount
    end as step_amount
from {{ source('cost', 'mart_cost_bridge') }} as bridge
cross join (
    values ('rate', 1), ('volume', 3), ('efficiency', 4), ('purchase_mix', 5), ('mix', 6), ('new', 7), ('retired', 8),
    ('correction', 9), ('unused_commitment', 10), ('fx', 11), ('other', 12), ('not_invoiced', 13)
) as steps (bar, step_order)
