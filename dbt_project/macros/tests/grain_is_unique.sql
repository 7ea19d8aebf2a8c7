{#-
  One row per combination of the columns of the model's stated grain, where NULL is a
  value, and no row without a value in the columns that always have one. One test and
  not one for each column: each costs every run as much as a small model.
-#}
{% test grain_is_unique(model, columns, never_null=[]) %}
{#- What repeats within a month alone is asked of the months that were built again. -#}
{% if 'billing_month' in columns %}{{ config(meta={'built_by': 'billing_month'}) }}{% endif %}
select
    'more than one row of {{ columns | join(", ") }}' as broken_promise
    , count(*) as row_count
from {{ model }} as checked
{#- A column of the contract is called window, which is a word of SQL. #}
group by checked.{{ columns | join(', checked.') }}
having count(*) > 1
{% for column in never_null %}
union all
select
    '{{ column }} is NULL' as broken_promise
    , count(*) as row_count
from {{ model }} as checked
where checked.{{ column }} is null
having count(*) > 0
{% endfor %}
{% endtest %}
