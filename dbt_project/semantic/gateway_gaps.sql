select
  *,
  cast(billing_month || '-01' as date) as month_begin,
  cast(gateway_tokens as double) as known_tokens,
  -- Gateways of one vendor compare with the same bill: in a total it counts once.
  row_number() over (
    partition by billing_month, provider, currency
    order by gateway_spend_amount desc nulls last, gateway
  ) = 1 as is_largest
from {{ source('cost', 'mart_gateway_gaps') }}
