select
  *,
  lower(commitment_id) as commitment_key,
  cast(billing_month || '-01' as date) as month_begin
from {{ source('cost', 'mart_commitments') }}
