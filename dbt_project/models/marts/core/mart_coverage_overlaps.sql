{#-
  Money that may count twice, with both deliveries, until somebody settles it.
-#}
select
    found.overlap_id,
    found.usage_month as billing_month,
    found.vendor,
    found.currency,
    found.kind,
    decisions.overlap_id is not null as is_settled,
    {{ to_money('found.repeated_amount') }} as repeated_amount,
    found.first_day,
    found.last_day,
    found.first_source,
    found.first_grain,
    found.first_load_id,
    found.first_load_id = found.first_last_load_id as is_first_one_load,
    coalesce(firsts.is_whole, false) as is_first_repeated_whole,
    {{ to_money('found.first_cost') }} as first_cost,
    found.second_source,
    found.second_grain,
    found.second_load_id,
    found.second_load_id = found.second_last_load_id as is_second_one_load,
    coalesce(seconds.is_whole, false) as is_second_repeated_whole,
    {{ to_money('found.second_cost') }} as second_cost,
    decisions.decided_by,
    decisions.decided_at,
    decisions.reason,
    'triptych loads settle ' || found.overlap_id || ' same|different|supersedes --because TEXT' as next_step
from {{ ref('int_coverage_found') }} as found
left join {{ source('control', 'coverage_decisions') }} as decisions on found.overlap_id = decisions.overlap_id
left join {{ ref('int_coverage_whole_loads') }} as firsts
    on found.overlap_id = firsts.overlap_id and firsts.side = 1
left join {{ ref('int_coverage_whole_loads') }} as seconds
    on found.overlap_id = seconds.overlap_id and seconds.side = 2
