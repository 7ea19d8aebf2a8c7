{#-
  What a source delivers of a vendor on a day, in the reporting currency where a rate is
  known: of all accounts together, and of each account that has a name.
-#}
with converted as (
    select * from {{ ref('int_coverage_converted') }}
),

scoped as (
    select
        converted.*,
        '' as scope
    from converted
    union all
    select
        converted.*,
        converted.account_key as scope
    from converted
    where converted.account_key <> ''
)

select
    source,
    vendor_key,
    min(vendor) as vendor,
    scope,
    grain,
    currency,
    usage_month,
    charge_date,
    min(load_id) as first_load_id,
    max(load_id) as last_load_id,
    sum(cost) as cost
from scoped
group by source, vendor_key, scope, grain, currency, usage_month, charge_date
