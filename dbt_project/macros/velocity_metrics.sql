{#-
  The metrics of velocity: what each consists of, which items it uses, which are open
  and which it leaves out and why. `statistic` is median (of durations or counts), ratio
  (value 1 or 0 for each item) or weekly (counted by day elsewhere). `reason` leaves an
  item out; `missing` are reasons that mean that something is not known. `adds_to` marks
  further items of a metric that stands above.
-#}
{% macro velocity_metrics() -%}
    {%- set lead_time = {
        'metric': 'change_lead_time', 'unit': 'seconds', 'statistic': 'median', 'relation': 'changes',
        'event_kind': 'change', 'event_key': 'change_key', 'item_key': 'change_key',
        'reason': 'exclusion_reason', 'is_open': 'is_open', 'missing': ['deployed_before_it_started', 'deployment_outcome_unknown'],
        'started_at': 'change_started_at', 'ended_at': 'deployed_at', 'value': 'lead_time_seconds',
    } -%}
    {%- set uncommitted = {
        'metric': 'change_lead_time', 'adds_to': true, 'unit': 'seconds', 'statistic': 'median', 'relation': 'deployments',
        'event_kind': 'deployment', 'event_key': 'event_key', 'item_key': 'event_key',
        'reason': "'no_commit_known'", 'is_open': 'false', 'missing': ['no_commit_known'],
        'started_at': 'started_at', 'ended_at': 'ended_at', 'value': 'null',
        'where': 'counts_as_deployment and not has_commits',
    } -%}
    {%- set to_production = {
        'metric': 'training_to_production', 'unit': 'seconds', 'statistic': 'median', 'relation': 'promotions',
        'event_kind': 'promotion', 'event_key': 'promotion_key', 'item_key': 'promotion_key',
        'reason': 'exclusion_reason', 'is_open': 'false',
        'missing': ['left_censored', 'run_unknown', 'run_has_no_end', 'in_production_before_training_ended'],
        'started_at': 'run_ended_at', 'ended_at': 'event_time', 'value': 'training_to_production_seconds',
        'where': 'is_first_in_production',
    } -%}
    {%- set not_promoted = {
        'metric': 'training_to_production', 'adds_to': true, 'unit': 'seconds', 'statistic': 'median',
        'relation': 'versions_promoted', 'event_kind': 'model_version', 'event_key': 'version_key',
        'item_key': 'version_key', 'reason': 'null', 'is_open': 'true', 'missing': [],
        'started_at': 'run_ended_at', 'ended_at': 'first_production_at', 'value': 'null',
        'where': 'first_production_at is null and run_ended_at is not null',
    } -%}
    {%- set of_deployments = {
        'relation': 'deployments', 'event_kind': 'deployment', 'event_key': 'event_key',
        'item_key': 'deployment_key', 'started_at': 'ended_at', 'ended_at': 'coalesce(ended_at, started_at, first_seen_at)',
        'where': "environment_kind = 'production'", 'missing': ['unknown', 'next_outcome_unknown'],
    } -%}
    {%- set frequency = dict(of_deployments, **{
        'metric': 'deployment_frequency', 'unit': 'per_week', 'statistic': 'weekly',
        'reason': "coalesce(exclusion_reason, case when not counts_as_deployment then coalesce(failed_by, change_class) end)",
        'is_open': 'false', 'value': '1',
    }) -%}
    {%- set failures = dict(of_deployments, **{
        'metric': 'change_fail_ratio', 'unit': 'ratio', 'statistic': 'ratio', 'is_open': 'not is_mature',
        'reason': "coalesce(exclusion_reason, case when is_failed is null then unknown_reason end)",
        'value': 'case when is_failed then 1 else 0 end',
    }) -%}
    {%- set reaching_users = dict(failures, **{
        'metric': 'change_fail_ratio_reaching_users', 'value': 'case when failure_reached_users then 1 else 0 end',
    }) -%}
    {%- set rework = dict(of_deployments, **{
        'metric': 'rework_ratio', 'unit': 'ratio', 'statistic': 'ratio', 'is_open': 'false',
        'reason': "coalesce(exclusion_reason, case when outcome = 'failure' then 'failure' end)",
        'value': "case when change_class in ('rollback', 'hotfix') then 1 else 0 end",
    }) -%}
    {%- set recovery = dict(of_deployments, **{
        'metric': 'failed_deployment_recovery', 'unit': 'seconds', 'statistic': 'median', 'where': 'is_failed',
        'reason': "case when recovered_at is null then unknown_reason end", 'is_open': 'recovered_at is null',
        'value': 'recovery_seconds',
        'ended_at': 'recovered_at',
    }) -%}
    {%- set restore = {
        'metric': 'time_to_restore', 'unit': 'seconds', 'statistic': 'median', 'relation': 'incidents',
        'event_kind': 'incident', 'event_key': 'incident_key', 'item_key': 'incident_key',
        'reason': 'exclusion_reason', 'is_open': 'is_open', 'missing': ['resolved_before_it_started'],
        'started_at': 'impact_started_at', 'ended_at': 'resolved_at', 'value': 'restore_seconds',
    } -%}
    {%- set training = {
        'metric': 'training_hours', 'unit': 'hours', 'statistic': 'median', 'relation': 'training_runs',
        'event_kind': 'training_run', 'event_key': 'run_key', 'item_key': 'run_key',
        'architecture': 'architecture',
        'reason': "case when not is_leaf then 'parent_run' when is_orphan then 'orphan'"
            ~ " when status in ('failed', 'killed', 'unknown') then status"
            ~ " when duration_missing_reason <> 'open' then duration_missing_reason end",
        'is_open': "duration_missing_reason = 'open'", 'missing': ['orphan', 'no_end', 'ended_before_it_started', 'unknown'],
        'started_at': 'started_at', 'ended_at': 'ended_at', 'value': safe_ratio('duration_seconds', '3600'),
    } -%}
    {%- set iterations = {
        'metric': 'iterations_per_feature', 'unit': 'runs', 'statistic': 'median', 'relation': 'iterations',
        'event_kind': 'release', 'event_key': 'release_key', 'item_key': 'release_key',
        'reason': 'exclusion_reason', 'is_open': 'released_at is null',
        'missing': ['left_censored', 'run_unknown', 'in_production_before_training_ended'],
        'started_at': 'first_run_at', 'ended_at': 'released_at', 'value': 'iteration_count',
    } -%}
    {%- set pilot = {
        'metric': 'pilot_to_production', 'unit': 'seconds', 'statistic': 'median', 'relation': 'pilots',
        'event_kind': 'service', 'event_key': 'deployed_unit', 'item_key': 'deployed_unit',
        'reason': 'exclusion_reason', 'is_open': 'first_production_at is null', 'missing': ['no_pilot_seen'],
        'started_at': 'first_pilot_at', 'ended_at': 'first_production_at', 'value': 'pilot_to_production_seconds',
    } -%}
    {%- set promoted = {
        'unit': 'ratio', 'statistic': 'ratio', 'relation': 'versions_promoted', 'event_kind': 'model_version',
        'event_key': 'version_key', 'item_key': 'version_key', 'missing': [],
        'started_at': 'registered_at', 'ended_at': 'registered_at', 'reason': 'exclusion_reason',
    } -%}
    {%- set registered = dict(promoted, **{
        'metric': 'registration_to_production', 'unit': 'seconds', 'statistic': 'median',
        'reason': "coalesce(exclusion_reason, case when is_in_production_before_registration"
            ~ " then 'in_production_before_registration' end)",
        'missing': ['left_censored', 'in_production_before_registration'],
        'is_open': 'first_production_at is null', 'ended_at': 'first_production_at',
        'value': 'registration_to_production_seconds', 'where': 'registered_at is not null',
    }) -%}
    {%- set promoted_early = dict(promoted, **{
        'metric': 'versions_promoted_within_7_days', 'is_open': 'age_hours < 168',
        'value': 'case when hours_to_production <= 168 then 1 else 0 end',
    }) -%}
    {%- set promoted_late = dict(promoted, **{
        'metric': 'versions_promoted_within_30_days', 'is_open': 'age_hours < 720',
        'value': 'case when hours_to_production <= 720 then 1 else 0 end',
    }) -%}
    {{ return([
        lead_time, uncommitted, to_production, not_promoted, frequency, failures, reaching_users, recovery, rework, restore,
        training, iterations, pilot, registered, promoted_early, promoted_late,
    ]) }}
{%- endmacro %}

{#- Whose figures there are, and the column that says so. The first four are of deployments too. -#}
{% macro velocity_scopes() -%}
    {{ return([
        ('service', 'deployed_unit'), ('model', 'model_id'), ('feature', 'feature_id'), ('team', 'team_id'),
        ('architecture', 'architecture'),
    ]) }}
{%- endmacro %}

{#-
  Metrics with so few items in a month that windows of several months have a median where
  the month has none. Each with its unit, the scopes that it has, what an empty window says, and
  what to do where no scope has enough. They alone are added up for the organisation:
  of what happens daily, a median of all services would describe none of them.
-#}
{% macro velocity_windows() -%}
    {%- set owners = ['model', 'feature', 'team', 'organisation'] -%}
    {{ return([
        ('training_to_production', 'seconds', owners, 'no version came into production for the first time',
            'deliver model versions with their run and promotions'),
        ('registration_to_production', 'seconds', owners, 'no registered version came into production for the first time',
            'deliver model versions with registered_at and promotions'),
        ('iterations_per_feature', 'runs', owners, 'no version with a known training run was released',
            'deliver training runs and the versions that they made'),
        ('training_hours', 'hours', owners + ['architecture'], 'no training run finished',
            'deliver training runs with their start and end'),
        ('time_to_restore', 'seconds', owners + ['service'], 'no incident was resolved',
            'deliver incidents with the service that they hit'),
        ('failed_deployment_recovery', 'seconds', owners + ['service'], 'no failed deployment was recovered from',
            'deliver the end of each rollout'),
        ('pilot_to_production', 'seconds', owners, 'no service came from a pilot into production',
            'deliver deployments to environments before production too'),
    ]) }}
{%- endmacro %}

{#- The scopes that are wider than a scope, the narrowest first; the organisation is wider than all. -#}
{% macro wider_scopes() -%}
    {{ return({
        'service': ['model', 'feature', 'team'], 'model': ['feature', 'team'], 'feature': ['team'],
        'team': [], 'architecture': [], 'organisation': [],
    }) }}
{%- endmacro %}

{#- Why a window has no figure. -#}
{% macro velocity_window_reason(row) -%}
    case
        when {{ row }}.n_used >= 5 then 'a fifth or more of them is unknown: ' || {{ row }}.excluded_reasons
        when {{ row }}.n_used > 0 then 'n = ' || cast({{ row }}.n_used as string) || ', fewer than five'
        else
            case {{ row }}.metric
                {% for metric, _, _, nothing, _ in velocity_windows() -%}
                when '{{ metric }}' then '{{ nothing }}'
                {% endfor -%}
            end || coalesce('; left out: ' || {{ row }}.excluded_reasons, '')
    end
{%- endmacro %}

{#- The narrowest scope that has a figure of a window that has none, else what to deliver. -#}
{% macro velocity_window_way_out(row, offer) -%}
    case
        when {{ offer }}.wider_scope_kind is not null
            then
                'n = ' || cast({{ offer }}.wider_n_used as string) || ' in the ' || {{ offer }}.wider_scope_kind
                || case {{ offer }}.wider_scope_kind when 'organisation' then '' else ' ' || {{ offer }}.wider_scope_id end
                || ' over ' || cast({{ offer }}.wider_window_months as string) || ' months'
        else
            case {{ row }}.metric
                {% for metric, _, _, _, remedy in velocity_windows() -%}
                when '{{ metric }}' then '{{ remedy }}'
                {% endfor -%}
            end
    end
{%- endmacro %}
