{#-
  The whole ledger again, each amount in the component it ends in. What was divided
  stands here as its parts; everything else passes through unchanged.
-#}
{%- set keys = [
    'billing_month', 'charge_date', 'source', 'provider', 'platform_id', 'lifecycle_stage', 'currency', 'is_estimated',
    'is_fee',
] | join(', ') %}
with owned as (
    select * from {{ ref('int_charges_owned') }}
),

policies as (
    select * from {{ source('control', 'policies') }}
),

-- What a policy distributes is divided by the month whatever its own period is: no fee.
allocated as (
    select
        *,
        metered_interval = 'month' and component in ('shared', 'overhead') as is_fee
    from {{ ref('int_pool_costs_allocated') }}
),

undivided as (
    select
        owned.*,
        owned.allocation_interval = 'month' as is_fee,
        coalesce(owner_policies.keeps_owner, true) as keeps_owner
    from owned
    left join policies as owner_policies on owned.component = owner_policies.component
    left join policies
        on
            owned.component = policies.component
            and policies.is_distributed
            and owned.model_id is null
            and owned.feature_id is null
            and owned.team_id is null
    where owned.component <> 'shared' and policies.component is null
)

select
    {{ keys }},
    component,
    assignment_method,
    cast(null as string) as pool_id,
    case when keeps_owner then model_id end as model_id,
    case when keeps_owner then feature_id end as feature_id,
    case when keeps_owner then team_id end as team_id,
    case when keeps_owner then cost_center end as cost_center,
    cast(null as string) as reason,
    billed_cost,
    effective_cost
from undivided
union all
select
    {{ keys }},
    case
        when participant_id = '__idle__' then 'idle'
        when participant_id = '__unallocated__' and component in ('shared', 'overhead') then 'unallocated'
        else component
    end as component,
    case
        when participant_id in ('__idle__', '__unallocated__') then 'none'
        when driver in ('even', 'fixed') then driver
        else {{ assignment_method_of('split_basis') }}
    end as assignment_method,
    pool_id,
    case when participant_id not in ('__idle__', '__unallocated__') then participant_id end as model_id,
    cast(null as string) as feature_id,
    cast(null as string) as team_id,
    cast(null as string) as cost_center,
    case when participant_id = '__unallocated__' then 'no reading of the driver names a model' end as reason,
    billed_cost,
    effective_cost
from allocated
where not (participant_id = '__idle__' and idle_policy = 'distribute')
union all
select
    {{ keys }},
    'idle' as component,
    case when model_id is null then 'none' else {{ assignment_method_of('split_basis') }} end as assignment_method,
    pool_id,
    model_id,
    cast(null as string) as feature_id,
    cast(null as string) as team_id,
    cast(null as string) as cost_center,
    cast(null as string) as reason,
    billed_cost,
    effective_cost
from {{ ref('int_idle_costs_distributed') }}
