{#- Months that finance has closed keep the figures they were closed with. -#}

{#- Rows of an internal stream whose lock is in force. -#}
{% macro rows_in_force(rows_of_locks) -%}
select locked.*
from {{ rows_of_locks }} as locked
inner join {{ source('control', 'period_locks') }} as locks on locked.lock_id = locks.lock_id
{%- endmacro %}

{#-
  A public mart: computed rows, but of a closed month the rows that it was closed with.

  mart     name of the mart, as the locks know it
  live     relation with what the current evidence and rules make
  locked   relation with the rows of the locks in force
  columns  names of the columns, which both have
-#}
{% macro live_or_locked(mart, live, locked, columns) -%}
select
    {% for column in columns -%}
    live.{{ column }}{{ "," if not loop.last }}
    {% endfor -%}
from {{ live }} as live
left join {{ source('control', 'period_lock_marts') }} as frozen
    on live.billing_month = frozen.billing_month and frozen.mart_name = '{{ mart }}'
where frozen.billing_month is null
union all
select
    {% for column in columns -%}
    locked.{{ column }}{{ "," if not loop.last }}
    {% endfor -%}
from {{ locked }} as locked
{%- endmacro %}

{#-
  Is this item of an adjustment one that the month was closed with and no ledger has? The
  same month in two currencies is no amount that anything is booked with.
-#}
{% macro is_booked_item(items) -%}
    not {{ items }}.is_in_ledger_of_booked_month and {{ items }}.kind <> 'currency_change'
{%- endmacro %}

{#- What a line of the ledger is known by, where months are compared with what they were closed with. -#}
{% macro columns_of_adjusted_lines() -%}
    {{ return([
        'source', 'charge_date', 'provider', 'platform_id', 'model_id', 'feature_id', 'team_id', 'cost_center',
        'lifecycle_stage', 'component', 'pool_id', 'currency',
    ]) }}
{%- endmacro %}

{#- The month after a month, both YYYY-MM. -#}
{% macro next_month(month) -%}
    {{ month_label("cast(" ~ month ~ " || '-01' as timestamp) + interval '1' month") }}
{%- endmacro %}

{#- Why a month that was closed in one currency and is reported in another has no difference. -#}
{% macro currency_since_close(closed, reported) -%}
    'Closed in ' || {{ closed }} || ', and reported in ' || {{ reported }} || ' since.'
{%- endmacro %}
