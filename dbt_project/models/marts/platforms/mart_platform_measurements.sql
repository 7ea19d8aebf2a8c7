{#-
  The scorecard as far as it is counted: each metric of each platform and migration, on each of
  its bases, with interval, what is missing, and why a figure is absent. A comparison of
  platforms is one of what was placed there, and nobody placed models at random: D.
-#}
with subjects as (
    select
        'platform' as subject_kind,
        platforms.platform_id as subject_id,
        platforms.platform_name as subject_name,
        'to_date' as period
    from {{ ref('dim_platforms') }} as platforms
    {% for period in ['before', 'migration', 'after', 'since'] -%}
    union all
    select
        'migration' as subject_kind,
        migration_id as subject_id,
        migration_name as subject_name,
        '{{ period }}' as period
    from {{ source('control', 'migrations') }}
    {% endfor -%}
),

asked as (
    {% for criterion, metric, unit, whose, bases in scorecard_metrics() %}{% for basis in bases -%}
    select
        subjects.*,
        '{{ criterion }}' as criterion,
        '{{ metric }}' as metric,
        '{{ unit }}' as unit,
        '{{ basis }}' as basis
    from subjects
    {% if whose == 'platform' %}where subjects.subject_kind = 'platform'{% endif %}
    {% if whose == 'move' or basis == 'like_for_like' %}where subjects.subject_kind <> 'platform'{% endif %}
    {{ 'union all' if not loop.last }}
    {% endfor %}{{ 'union all' if not loop.last }}
    {% endfor %}
),

measured as (
    select
        subject_kind,
        subject_id,
        period,
        basis,
        metric,
        metric_value,
        interval_low,
        interval_high,
        interval_basis,
        n_observed,
        missing_ratio,
        cast(null as string) as note,
        cast(null as string) as delivered_grain
    from {{ ref('int_scorecard_ratios') }}
    {% for model in ['int_scorecard_percentiles', 'int_scorecard_delivered'] -%}
    union all
    select
        subject_kind,
        subject_id,
        period,
        basis,
        metric,
        metric_value,
        interval_low,
        interval_high,
        interval_basis,
        n_observed,
        cast(null as double) as missing_ratio,
        cast(null as string) as note,
        {{ 'delivered_grain' if model == 'int_scorecard_delivered' else 'cast(null as string)' }} as delivered_grain
    from {{ ref(model) }}
    {% endfor -%}
    {% for metric, value, note in [
        ('integration_cost', 'integration_cost_amount', 'move_names'),
        ('integration_share_ratio', 'integration_share_ratio', 'move_names'),
        ('integration_to_rest_ratio', 'integration_to_rest_ratio', 'move_names'),
        ('remaining_commitment', 'remaining_commitment_amount', 'commitment_currencies'),
        ('required_skill_count', 'required_skill_count', 'required_skills'),
    ] -%}
    union all
    select
        'platform' as subject_kind,
        platform_id as subject_id,
        'to_date' as period,
        'all' as basis,
        '{{ metric }}' as metric,
        cast({{ value }} as double) as metric_value,
        cast(null as double) as interval_low,
        cast(null as double) as interval_high,
        'counted' as interval_basis,
        cast(null as bigint) as n_observed,
        cast(null as double) as missing_ratio,
        {{ note }} as note,
        cast(null as string) as delivered_grain
    from {{ ref('mart_platform_terms') }}
    {% endfor %}
),

-- Hours of a team that runs several platforms, divided by the deployments on each.
estimated as (
    select distinct platform_id from {{ ref('int_platform_infra_hours') }}
    where is_estimated and infra_hours is not null
),

joined as (
    select
        asked.*,
        measured.metric_value,
        measured.interval_low,
        measured.interval_high,
        measured.interval_basis,
        coalesce(measured.n_observed, 0) as n_observed,
        measured.missing_ratio,
        measured.delivered_grain,
        coalesce(unclassified.metric_value = 1, false) as is_unclassified,
        case
            when estimated.platform_id is not null then 'estimated: by the deployments of its team on each platform'
            else measured.note
        end as note,
        terms.team_id,
        terms.integration_reason,
        terms.commitment_count,
        terms.commitment_currencies
    from asked
    left join measured
        on
            asked.subject_kind = measured.subject_kind
            and asked.subject_id = measured.subject_id
            and asked.period = measured.period
            and asked.basis = measured.basis
            and asked.metric = measured.metric
    left join {{ ref('int_scorecard_ratios') }} as unclassified
        on
            asked.subject_kind = unclassified.subject_kind
            and asked.subject_id = unclassified.subject_id
            and asked.period = unclassified.period
            and unclassified.metric = 'unclassified_spend_ratio'
            and asked.metric in ({{ sql_texts(portability_metrics()) }})
    left join {{ ref('mart_platform_terms') }} as terms
        on asked.subject_kind = 'platform' and asked.subject_id = terms.platform_id
    left join estimated
        on
            asked.subject_kind = 'platform' and asked.subject_id = estimated.platform_id
            and asked.metric in ('infra_hours_per_week', 'infra_hours_per_deployment')
            and measured.metric_value is not null
)

select
    joined.subject_kind,
    joined.subject_id,
    joined.subject_name,
    joined.criterion,
    joined.metric,
    joined.basis,
    joined.period,
    joined.unit,
    run.currency,
    joined.metric_value,
    joined.interval_low,
    joined.interval_high,
    joined.interval_basis,
    cast(joined.n_observed as bigint) as n_observed,
    joined.missing_ratio,
    joined.delivered_grain,
    case when joined.metric_value is null then 'X' else 'D' end as grade,
    joined.note,
    case when joined.metric_value is null then {{ scorecard_absence('joined') }} end as reason,
    case when joined.metric_value is null then {{ scorecard_way_out('joined') }} end as way_out
from joined
cross join {{ source('control', 'run') }} as run
