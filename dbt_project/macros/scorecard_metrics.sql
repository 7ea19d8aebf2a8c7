{#-
  What the scorecard of platforms measures: criterion, metric, unit, whose (of platforms,
  of moves, of both) and on which bases. The unit `money` is the reporting currency.
  A basis `like_for_like` stands before `all`, and is of moves alone: platforms are
  compared with each other in mart_platform_comparisons.
-#}
{% macro scorecard_metrics() -%}
    {{ return([
        ('performance', 'windows_over_threshold_ratio', 'ratio', 'both', ['like_for_like', 'all']),
        ('performance', 'requests_over_threshold_ratio', 'ratio', 'both', ['like_for_like', 'all']),
        ('performance', 'p95_to_threshold_ratio', 'times', 'both', ['like_for_like', 'all']),
        ('performance', 'delivered_windows_over_threshold_ratio', 'ratio', 'both', ['all']),
        ('performance', 'delivered_p95_to_threshold_ratio', 'times', 'both', ['all']),
        ('performance', 'training_hours_p50', 'hours', 'both', ['like_for_like', 'all']),
        ('performance', 'training_hours_p90', 'hours', 'both', ['like_for_like', 'all']),
        ('performance', 'training_gpu_hours_per_run', 'hours', 'both', ['like_for_like', 'all']),
        ('performance', 'charged_per_thousand_inferences', 'money', 'platform', ['all']),
        ('performance', 'cost_per_thousand_inferences', 'money', 'both', ['like_for_like', 'all']),
        ('performance', 'marginal_cost_per_thousand_inferences', 'money', 'both', ['like_for_like', 'all']),
        ('performance', 'fixed_cost_per_thousand_inferences', 'money', 'both', ['like_for_like', 'all']),
        ('performance', 'idle_cost_per_month', 'money', 'platform', ['all']),
        ('performance', 'training_cost_per_month', 'money', 'platform', ['all']),
        ('performance', 'spend_per_month', 'money', 'move', ['all']),
        ('performance', 'spend_to_budget_ratio', 'times', 'move', ['all']),
        ('integration', 'integration_cost', 'money', 'platform', ['all']),
        ('integration', 'integration_share_ratio', 'ratio', 'platform', ['all']),
        ('integration', 'integration_to_rest_ratio', 'ratio', 'platform', ['all']),
        ('operations', 'infra_hours_per_week', 'hours', 'both', ['all']),
        ('operations', 'infra_hours_per_deployment', 'hours', 'both', ['all']),
        ('operations', 'firefighting_booked_ratio', 'ratio', 'both', ['all']),
        ('operations', 'firefighting_engaged_ratio', 'ratio', 'both', ['all']),
        ('operations', 'proprietary_spend_ratio', 'ratio', 'both', ['all']),
        ('operations', 'portable_with_effort_spend_ratio', 'ratio', 'both', ['all']),
        ('operations', 'portable_spend_ratio', 'ratio', 'both', ['all']),
        ('operations', 'unclassified_spend_ratio', 'ratio', 'both', ['all']),
        ('operations', 'remaining_commitment', 'money', 'platform', ['all']),
        ('operations', 'required_skill_count', 'count', 'platform', ['all']),
    ]) }}
{%- endmacro %}

{#-
  What platforms are compared by, like for like: metric, what its two figures are compared
  by (a ratio, or a difference of shares, which may be zero), and what is counted.
-#}
{% macro platform_comparisons() -%}
    {{ return([
        ('charged_per_thousand_inferences', 'ratio', 'model'),
        ('cost_per_thousand_inferences', 'ratio', 'model'),
        ('windows_over_threshold_ratio', 'difference', 'model'),
        ('requests_over_threshold_ratio', 'difference', 'model'),
        ('training_gpu_hours_per_run', 'ratio', 'architecture and number of GPUs'),
    ]) }}
{%- endmacro %}

{#- Figures of percentiles that were delivered, which have the length of their windows. -#}
{% macro delivered_metrics() -%}
    {{ return(['delivered_p95_to_threshold_ratio', 'delivered_windows_over_threshold_ratio']) }}
{%- endmacro %}

{% macro portability_metrics() -%}
    {{ return([
        'portable_spend_ratio', 'portable_with_effort_spend_ratio', 'proprietary_spend_ratio',
        'unclassified_spend_ratio',
    ]) }}
{%- endmacro %}

{#- How long the windows of delivered percentiles are, in words; a month has 28 to 31 days. -#}
{% macro window_grain(seconds) -%}
    case
        when {{ seconds }} between 2419200 and 2678400 then 'month'
        when {{ seconds }} = 604800 then 'week'
        when {{ seconds }} = 86400 then 'day'
        when {{ seconds }} = 3600 then 'hour'
        else cast(cast({{ seconds }} as bigint) as string) || ' s'
    end
{%- endmacro %}
