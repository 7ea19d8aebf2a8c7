{#- Every current charge of every provider, FOCUS 1.4 names. -#}
{% for bill in bill_streams() -%}
select * from {{ ref(bill.charges) }}
{{ "union all" if not loop.last }}
{% endfor %}
