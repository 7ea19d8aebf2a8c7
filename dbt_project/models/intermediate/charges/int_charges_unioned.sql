{#-
  The ledger at line level: every current charge, without those of which another delivery
  counts.
-#}
select * from {{ ref('int_charges_delivered') }}
{%- set settled = rules('settled_charges') %}
{% if settled -%}
where not ({{ is_settled_charge(settled) }})
{%- endif %}
