{#-
  What the money of a pool of accelerators pays for. The parts of a row sum to its total, on
  either basis:

  used                  what models hold and use
  requested_idle        what models hold and do not use
  unmeasured            what models hold while nobody measures its use
  infrastructure_idle   capacity that nobody holds
  unmapped              what workloads hold that no rule turns into a model
  unobserved            what no reading divides

  Names are written out, so that a search for a column finds them.
-#}
{% macro accelerator_columns() -%}
    {{ return([
        'total_billed_cost',
        'used_billed_cost',
        'requested_idle_billed_cost',
        'unmeasured_billed_cost',
        'infrastructure_idle_billed_cost',
        'unmapped_billed_cost',
        'unobserved_billed_cost',
        'total_effective_cost',
        'used_effective_cost',
        'requested_idle_effective_cost',
        'unmeasured_effective_cost',
        'infrastructure_idle_effective_cost',
        'unmapped_effective_cost',
        'unobserved_effective_cost'
    ]) }}
{%- endmacro %}

{#- In a select list: the columns of a relation. -#}
{% macro accelerator_money(relation) -%}
    {%- for name in accelerator_columns() %}
    {{ relation }}.{{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- In a select list: their sums. Idle that nobody knows is NULL, and never zero. -#}
{% macro accelerator_money_summed() -%}
    {%- for name in accelerator_columns() %}
    {%- set known = 'case when is_idle_known then ' ~ name ~ ' end' if '_idle_' in name else name %}
    {{ to_money('sum(' ~ known ~ ')') }} as {{ name }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#- In a select list: the sums of what int_pool_costs_allocated gives out, with its reason. -#}
{% macro accelerator_money_by_part() -%}
    {%- for basis in ['billed', 'effective'] %}
    {%- set cost = basis ~ '_cost' %}
    {{ to_money('sum(' ~ cost ~ ')') }} as total_{{ cost }},
    {{ to_money(
        'sum(case when model_id is not null then ' ~ cost ~ ' - requested_idle_' ~ cost ~ ' - unmeasured_' ~ cost
        ~ ' else 0 end)'
    ) }} as used_{{ cost }},
    {{ to_money('sum(requested_idle_' ~ cost ~ ')') }} as requested_idle_{{ cost }},
    {{ to_money('sum(unmeasured_' ~ cost ~ ')') }} as unmeasured_{{ cost }},
    {{ to_money("sum(case when participant_id = '__idle__' then " ~ cost ~ ' else 0 end)') }}
        as infrastructure_idle_{{ cost }},
    {{ to_money("sum(case when reason = 'unmapped_workload' then " ~ cost ~ ' else 0 end)') }}
        as unmapped_{{ cost }},
    {{ to_money("sum(case when reason <> 'unmapped_workload' then " ~ cost ~ ' else 0 end)') }}
        as unobserved_{{ cost }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
