{#-
  Which models charges of a month were assigned to, by the name that a rule or a tag has
  for them: one restated month is read again, and not all bills, to know them all.
-#}
{{ config(materialized='table') }}
select distinct
    billing_month,
    target as model_id
from {{ ref('int_daily_charges_placed') }}
where target_kind = 'model' and target is not null
