{#-
  How many line items of a group break a FOCUS money rule. They are counted in the
  same pass that sums the money, and warn; they never change an amount.

  M2  a purchase under a commitment has effective cost 0; covered usage has billed cost 0
  M4  a charge that neither covers nor is covered has equal billed and effective cost
-#}
{% macro quality_counts() -%}
    sum(case
        when
            commitment_discount_id is not null
            and (
                (charge_category = 'Purchase' and effective_cost <> 0)
                or (commitment_discount_status in ('Used', 'Unused') and billed_cost <> 0)
            )
            then 1
        else 0
    end) as commitment_counted_twice_count,
    sum(case
        when
            commitment_discount_id is null
            and charge_category in ('Usage', 'Purchase')
            and billed_cost <> effective_cost
            then 1
        else 0
    end) as billed_differs_from_effective_count
{%- endmacro %}
