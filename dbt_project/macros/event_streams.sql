{#-
  Streams of what happens now and then. Nothing new in them is no sign of a broken
  source: they are as new as the last time that the source was asked and answered.
-#}
{% macro event_stream_names() -%}
    {{ return(sql_texts([
        'deployments', 'commits', 'training_runs', 'model_versions', 'promotions', 'incidents', 'worklogs',
        'survey_responses', 'headcount',
    ])) }}
{%- endmacro %}
