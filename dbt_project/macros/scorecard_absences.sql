{#- Why a figure of the scorecard is absent. -#}
{% macro scorecard_absence(row) -%}
    case
        when {{ row }}.metric in ('integration_cost', 'integration_share_ratio', 'integration_to_rest_ratio')
            then coalesce({{ row }}.integration_reason, 'what the move cost is not known')
        when {{ row }}.metric = 'remaining_commitment' and {{ row }}.commitment_count > 0
            then 'its commitments are in ' || {{ row }}.commitment_currencies || ', which is not converted'
        when {{ row }}.metric = 'remaining_commitment' then 'no running commitment is known of it'
        when {{ row }}.metric = 'required_skill_count' then 'no skills are declared in catalog.yml'
        when
            {{ row }}.subject_kind = 'platform' and {{ row }}.team_id is null
            and {{ row }}.criterion = 'operations' and {{ row }}.metric not in ({{ sql_texts(portability_metrics()) }})
            then 'catalog.yml names no team that runs it'
        when
            {{ row }}.subject_kind = 'platform' and {{ row }}.n_observed = 0
            and {{ row }}.metric in ('infra_hours_per_week', 'infra_hours_per_deployment')
            then 'no hours of enough people or deployments of it are known: book hours with platform_id, or deliver headcount or deployments'
        when
            {{ row }}.subject_kind = 'platform' and {{ row }}.criterion = 'operations'
            and {{ row }}.metric not in ({{ sql_texts(portability_metrics()) }})
            and {{ row }}.n_observed = 0
            then 'its team runs other platforms too, is too small to show hours of, or no hours or headcount is known'
        when {{ row }}.is_unclassified then 'none of its services is classified'
        when {{ row }}.metric in ({{ sql_texts(portability_metrics()) }}) and {{ row }}.missing_ratio > 0
            then 'its charges lack an exchange rate'
        when {{ row }}.metric in ({{ sql_texts(portability_metrics()) }}) then 'nothing was spent on it'
        -- There is something, and it does not tell this.
        when
            {{ row }}.metric = 'requests_over_threshold_ratio' and {{ row }}.basis = 'all'
            and {{ row }}.missing_ratio is not null
            then 'its histograms have no bound at the threshold'
        when
            {{ row }}.metric = 'training_gpu_hours_per_run' and {{ row }}.basis = 'all'
            and {{ row }}.missing_ratio is not null
            then 'no run says how many GPUs it had'
        when {{ row }}.basis = 'like_for_like' and {{ row }}.metric like 'training%'
            then 'no architecture and number of GPUs was trained on each side'
        when {{ row }}.basis = 'like_for_like' and {{ row }}.metric like '%cost_per_thousand_inferences'
            then 'no model was served on each side for a whole month'
        when {{ row }}.basis = 'like_for_like' then 'no model was seen on each side under a like load'
        when {{ row }}.metric = 'spend_to_budget_ratio' then 'no budget of all AI spend is known'
        when {{ row }}.metric like '%cost_per_thousand_inferences'
            then 'no placement covers a whole month, or nothing counts its successful requests'
        when {{ row }}.metric in ('training_hours_p50', 'training_hours_p90') and {{ row }}.n_observed > 0
            then 'too few runs'
        when {{ row }}.metric in ('training_hours_p50', 'training_hours_p90', 'training_gpu_hours_per_run')
            then 'no finished training run is placed here'
        when {{ row }}.metric = 'charged_per_thousand_inferences'
            then 'no placement covers a whole month, nothing counts its successful requests, or it charged nothing for them'
        when {{ row }}.metric = 'idle_cost_per_month' then 'no meter knows idle capacity of it'
        when {{ row }}.metric = 'training_cost_per_month' then 'no charge of it is for training'
        when {{ row }}.metric in ({{ sql_texts(delivered_metrics()) }})
            then 'no percentile of a model with a threshold is delivered'
        when {{ row }}.criterion = 'performance' then 'no histogram with a threshold is placed here'
        else 'not measured in these months'
    end
{%- endmacro %}

{#- What would show a figure of the scorecard that is absent: an entry, a source, or time. -#}
{% macro scorecard_way_out(row) -%}
    case
        when {{ row }}.metric in ({{ sql_texts(delivered_metrics()) }})
            then 'catalog.yml: latency_threshold_seconds; triptych.yml: a source with stream: serving_latency'
        when {{ row }}.metric like '%over_threshold_ratio' or {{ row }}.metric = 'p95_to_threshold_ratio'
            then
                'catalog.yml: latency_threshold_seconds and placements of its models; triptych.yml: usage: latency of a'
                || ' prometheus source'
        when {{ row }}.metric = 'idle_cost_per_month'
            then 'allocation.yml: pools; a source of their capacity (accelerator_usage)'
        when {{ row }}.metric = 'training_cost_per_month' then 'allocation.yml: lifecycle_stage: training'
        when {{ row }}.metric like '%per_thousand_inferences'
            then 'catalog.yml: placements of its models over whole months; a source of their successful_requests (model_usage)'
        when {{ row }}.metric like 'training%'
            then 'catalog.yml: placements with stage: training; triptych.yml: a source of training runs, such as mlflow'
        when {{ row }}.metric = 'spend_to_budget_ratio' then 'a budget with scope_type all in a source with stream: budgets'
        when {{ row }}.metric like 'integration%'
            then 'catalog.yml: migrations with integration_rules; hours booked with category: integration'
        when {{ row }}.metric like 'infra_hours%'
            then 'catalog.yml: team of the platform; its hours with category: infra, and platform_id where it runs several'
        when {{ row }}.metric like 'firefighting%'
            then 'catalog.yml: team of the platform; its hours on incidents, or a source of incidents, and its headcount'
        when {{ row }}.metric = 'remaining_commitment' then 'triptych.yml: a source with type: tables, stream: commitments'
        when {{ row }}.metric = 'required_skill_count' then 'catalog.yml: skills of the platform'
        when {{ row }}.is_unclassified then 'catalog.yml: portability of its services'
        when {{ row }}.metric like '%_spend_ratio' then 'catalog.yml: match of the platform, so that charges are placed on it'
        else 'a further month with charges'
    end
{%- endmacro %}
