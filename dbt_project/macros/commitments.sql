{#-
  What a charge is to a commitment, as a small number: 0 nothing, 1 to 3 the purchase, the
  used and the unused part of a commitment discount, 5 and 6 the used and the unused part of
  a reservation of capacity. A charge counts once: what an unused reservation costs is lost
  there, whichever discount pays for it.
-#}
{% macro commitment_roles() -%}
    {{ return(['purchase', 'used', 'unused']) }}
{%- endmacro %}

{% macro commitment_role_code() -%}
    case
        when commitment_discount_status = 'Unused' and commitment_discount_id is not null then 3
        when capacity_reservation_status = 'Unused' and capacity_reservation_id is not null then 6
        when commitment_discount_id is not null and commitment_discount_status = 'Used' then 2
        when commitment_discount_id is not null and charge_category = 'Purchase' then 1
        when capacity_reservation_status = 'Used' and capacity_reservation_id is not null then 5
        else 0
    end
{%- endmacro %}

{#-
  Is a charge a use of a commitment? Those are as many as there are charges, and summed
  apart from the ledger by target. What is bought or stays unused is a handful.
-#}
{% macro is_use_of_commitment() -%}
    commitment_role_code in (2, 5)
{%- endmacro %}

{#- Id or name of the commitment that a charge counts for; a reservation has no name. -#}
{% macro commitment_of_role(attribute) -%}
    case
        {%- if attribute == 'id' %}
        when commitment_role_code > 3 then capacity_reservation_id
        when commitment_role_code > 0 then commitment_discount_id
        {%- else %}
        when commitment_role_code in (1, 2, 3) then coalesce(commitment_discount_name, '')
        {%- endif %}
    end
{%- endmacro %}

{% macro commitment_kind(code) -%}
    case when {{ code }} > 3 then 'capacity_reservation' when {{ code }} > 0 then 'commitment_discount' end
{%- endmacro %}

{% macro commitment_role(code) -%}
    case {{ code }}
    {%- for role in commitment_roles() %}
        when {{ loop.index }} then '{{ role }}'
        when {{ loop.index + 3 }} then '{{ role }}'
    {%- endfor %}
    end
{%- endmacro %}
