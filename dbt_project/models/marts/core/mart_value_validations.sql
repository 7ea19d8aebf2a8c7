{#- Who signed for the value of a feature, and of which basis it was; never changed. -#}
select
    log_position,
    occurred_at,
    feature_id,
    basis,
    validated_by,
    net_value,
    currency,
    published_run_id,
    entry_hash
from {{ source('control', 'value_validations') }}
