{#-
  The three and the twelve months that end with each month of a CTE: half-open, of whole
  months of the organisation's calendar, so that monthly figures and these have the same
  items. Yields `windows`.
-#}
{% macro windows_ending_with(months) -%}
windows as (
    {% for window_months in [3, 12] -%}
    {%- set first_day = "cast(" ~ months ~ ".month || '-01' as timestamp) - interval '" ~ (window_months - 1) ~ "' month" %}
    select
        {{ months }}.month,
        {{ window_months }} as window_months,
        {{ month_label(first_day) }} as first_month,
        cast({{ first_day }} as date) as window_start,
        cast({{ month_end(months ~ '.month') }} as date) as window_end
    from {{ months }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)
{%- endmacro %}
