{#-
  Which model each text names, as the parser of names read it. NULL where a line names none; a
  meter always names one.
-#}
{{ config(materialized='table') }}

select
    texts.model_text,
    names.model_key,
    names.model_date
from {{ ref('int_model_texts') }} as texts
left join {{ source('control', 'model_names') }} as names
    on texts.model_text = names.model_text
