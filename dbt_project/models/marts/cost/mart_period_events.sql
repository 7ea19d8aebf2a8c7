{#- What happened to months, as the audit log has it. -#}
select
    log_position,
    occurred_at,
    event,
    billing_month,
    lock_id,
    actor,
    approver,
    reason,
    content_hash,
    entry_hash
from {{ source('control', 'period_events') }}
