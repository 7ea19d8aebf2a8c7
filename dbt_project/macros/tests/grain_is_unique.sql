{#-
  One row per combination of the columns of the model's stated grain, where NULL is a
  value, and no row without a value in the columns that always have one. One test and
  not one for each column: each costs every run as much as a small model.
-#}
{% test grain_is_unique(model, columns, never_null=[]) %}
select
    'more than one row of {{ columns | join(", ") }}' as broken_promise
    , count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% for column in never_null %}
union all
select
    '{{ column }} is NULL' as broken_promise
    , count(*) as row_count
from {{ model }}
where {{ column }} is null
having count(*) > 0
{% endfor %}
{% endtest %}
