{#- One row per combination of the columns of the model's stated grain; NULL is a value. -#}
{% test grain_is_unique(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
