{#- What people said about months, as the audit log has it. -#}
select
    log_position,
    occurred_at as commented_at,
    billing_month,
    prior_billing_month,
    model_id,
    author,
    text as comment_text,
    entry_hash
from {{ source('control', 'period_comments') }}
