{#-
  Models by validity: as declared in the catalogue, else as found by assignment, in a
  meter or in a pool's percentages, with the id as name.
-#}
with declared as (
    select * from {{ source('control', 'catalog_models') }}
),

found as (
    select model_id from {{ ref('int_charged_models') }}
    union
    select model_id from {{ ref('int_model_usage') }}
    where model_id is not null
    union
    select model_id from {{ ref('int_accelerator_usage') }}
    where model_id is not null
    union
    select model_id from {{ source('control', 'pool_percentages') }}
),

undeclared as (
    select found.model_id
    from found
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on found.model_id = aliases.alias
    where aliases.alias is null
)

select
    model_id,
    model_name,
    feature_id,
    team_id,
    cost_center,
    valid_from,
    valid_to,
    true as is_declared
from declared
union all
select
    model_id,
    model_id as model_name,
    cast(null as string) as feature_id,
    cast(null as string) as team_id,
    cast(null as string) as cost_center,
    cast(null as date) as valid_from,
    cast(null as date) as valid_to,
    false as is_declared
from undeclared
