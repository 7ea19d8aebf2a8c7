{#-
  Every origin of a pool, divided exactly among its participants. Origins that differ only in
  the interval that divides them are summed for each participant, under the first of them: a
  commitment bought on one day is divided over each day of its use. Idle and unallocated money
  keeps its origin, since its division and its reason are of an interval.
-#}
{{ config(materialized='table') }}

{%- set keys = [
    'pool_id', 'charged_kind', 'component', 'metered_interval', 'billing_month', 'charge_date', 'source', 'provider',
    'platform_id', 'lifecycle_stage', 'currency', 'is_estimated',
] %}
{%- set rare_money = {
    'requested_idle_billed_cost': ('parts.billed_cost', 'parts.requested_idle_share'),
    'requested_idle_effective_cost': ('parts.effective_cost', 'parts.requested_idle_share'),
    'unmeasured_billed_cost': ('parts.billed_cost', 'parts.unmeasured_share'),
    'unmeasured_effective_cost': ('parts.effective_cost', 'parts.unmeasured_share'),
} %}
with costs as (
    select
        *,
        min(origin_id) over (partition by {{ keys | join(', ') }}) as first_origin_id
    from {{ ref('int_pool_costs_with_meter') }}
),

-- A model may stand there twice, under two of its names.
fixed_shares as (
    select
        percentages.pool_id,
        coalesce(aliases.model_id, percentages.model_id) as participant_id,
        cast(sum(percentages.percentage * cast(0.01 as decimal(3, 2))) as decimal(15, 14)) as share
    from {{ source('control', 'pool_percentages') }} as percentages
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on percentages.model_id = aliases.alias
    group by percentages.pool_id, coalesce(aliases.model_id, percentages.model_id)
),

-- As allocate_exactly does it: the largest share, ties by id, receives what rounding leaves over.
ranked_fixed_shares as (
    select
        *,
        row_number() over (partition by pool_id order by share desc, participant_id asc) as share_rank
    from fixed_shares
),

ranked_shares as (
    select
        *,
        row_number() over (
            partition by pool_id, charged_kind, allocation_interval, interval_started_at
            order by share desc, participant_id asc
        ) as share_rank
    from {{ ref('int_pool_shares') }}
),

divided as (
    select
        costs.origin_id,
        costs.first_origin_id,
        costs.billed_cost,
        costs.effective_cost,
        coalesce(shares.participant_id, fixed_shares.participant_id, '__unallocated__') as participant_id,
        coalesce(shares.share, fixed_shares.share, cast(1 as decimal(15, 14))) as share,
        coalesce(shares.share_rank, fixed_shares.share_rank, 1) = 1 as is_receiver,
        coalesce(shares.requested_idle_share, cast(0 as decimal(15, 14))) as requested_idle_share,
        coalesce(shares.unmeasured_share, cast(0 as decimal(15, 14))) as unmeasured_share,
        shares.split_basis,
        shares.is_capacity_known
    from costs
    left join ranked_shares as shares
        on
            costs.pool_id = shares.pool_id
            and costs.charged_kind = shares.charged_kind
            and costs.metered_interval = shares.allocation_interval
            and costs.metered_interval_started_at = shares.interval_started_at
    left join ranked_fixed_shares as fixed_shares on costs.pool_id = fixed_shares.pool_id
),

parts as (
    select
        *,
        case when participant_id in ('__idle__', '__unallocated__') then origin_id else first_origin_id end
            as summed_origin_id,
        case
            when billed_cost = 0 then {{ to_money('0') }}
            else {{ money_times_share('billed_cost', 'share') }}
        end as billed_part,
        case
            when effective_cost = 0 then {{ to_money('0') }}
            else {{ money_times_share('effective_cost', 'share') }}
        end as effective_part
    from divided
),

-- Sums in the place of windows, which sort each row with all its columns.
residues as (
    select
        origin_id,
        {{ residue_of_parts('billed_cost', 'billed_part') }} as billed_residue,
        {{ residue_of_parts('effective_cost', 'effective_part') }} as effective_residue
    from parts
    group by origin_id
),

summed as (
    select
        parts.summed_origin_id as origin_id,
        parts.participant_id,
        parts.split_basis,
        parts.is_capacity_known,
        {% for name, (amount, share) in rare_money.items() -%}
        {{ to_money('sum(' ~ money_times_rare_share(amount, share) ~ ')') }} as {{ name }},
        {% endfor -%}
        {{ to_money('sum(parts.billed_part + coalesce(residues.billed_residue, 0))') }} as billed_cost,
        {{ to_money('sum(parts.effective_part + coalesce(residues.effective_residue, 0))') }} as effective_cost
    from parts
    left join residues on parts.origin_id = residues.origin_id and parts.is_receiver
    group by parts.summed_origin_id, parts.participant_id, parts.split_basis, parts.is_capacity_known
)

select
    summed.origin_id,
    {% for key in keys -%}
    costs.{{ key }},
    {% endfor -%}
    costs.metered_interval_started_at,
    pools.driver,
    pools.idle_policy,
    summed.split_basis,
    summed.is_capacity_known,
    summed.participant_id,
    {% for name in rare_money -%}
    summed.{{ name }},
    {% endfor -%}
    summed.billed_cost,
    summed.effective_cost
from summed
inner join costs on summed.origin_id = costs.origin_id
left join {{ source('control', 'pools') }} as pools on costs.pool_id = pools.pool_id
