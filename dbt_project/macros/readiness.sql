{#-
  What a feature needs to be judged, and the first thing to do where it is missing: the
  entry of a file, or the command.
-#}
{% macro needed_measurements() -%}
    {{ return([
        ('cost', 'Cost that rules give to it', 'allocation.yml: assignments, a rule with model or feature; then triptych run'),
        ('requests', 'Requests and usage of its models', 'triptych.yml: sources, a meter (prometheus, litellm, railway) or type: tables, stream: model_usage; then triptych ingest'),
        ('latency', 'Latency as histograms, with a threshold', 'triptych.yml: usage: latency of a prometheus source; catalog.yml: models, latency_threshold_seconds'),
        ('deployments', 'Deployments of its services', 'triptych receive, or a source of type github, gitlab or argocd; catalog.yml: identities'),
        ('incidents', 'Incidents of its services', 'triptych.yml: sources, type: pagerduty, incident_io or tables with stream: incidents; catalog.yml: identities'),
        ('training_runs', 'Training runs of its models', 'triptych.yml: sources, type: mlflow, or type: tables with stream: training_runs; catalog.yml: identities, registered_model'),
        ('worklogs', 'Hours that its team books', 'triptych.yml: sources, type: jira_worklogs, or type: tables with stream: worklogs; catalog.yml: features, team'),
        ('survey', 'A survey that asks its team', 'triptych.yml: sources, type: surveys, with the group named as the team'),
        ('outcomes', 'Its business metric, day by day', 'triptych.yml: sources, type: tables, stream: outcomes or process_volumes, with feature'),
        ('study', 'A study that is locked', 'a plan in the folder studies, then triptych study register with its file, before its launch'),
        ('assumptions', 'An approved value of its outcome', 'assumptions.yml: kind: conversion, applies_to the feature or its metric, with approved_by'),
        ('budget', 'A budget that it is held against', 'triptych.yml: sources, type: tables, stream: budgets; budgets.csv: scope_type feature, scope_id the feature'),
    ]) }}
{%- endmacro %}
