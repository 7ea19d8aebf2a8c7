{#-
  Splits an amount by shares so that the parts sum to it exactly.

  amount        money of the origin, repeated on each of its parts
  share         decimal(15, 14) from to_share; the shares of an origin sum to about 1
  partition_by  columns that identify the origin
  order_id      column that breaks ties between equal shares

  Every part is rounded to ten decimals; what rounding leaves over goes to the part
  with the largest share, ties by id. Source: largest-remainder with one receiver,
  which is enough because the residue is below one unit per part.
-#}
{% macro allocate_exactly(amount, share, partition_by, order_id) -%}
    {{ money_times_share(amount, share) }}
    + case
        when row_number() over (
            partition by {{ partition_by | join(', ') }}
            order by {{ share }} desc, {{ order_id }} asc
        ) = 1
            then
                {{ to_money(amount) }}
                - cast(
                    sum({{ money_times_share(amount, share) }}) over (
                        partition by {{ partition_by | join(', ') }}
                    )
                    as decimal(28, 10)
                )
        else cast(0 as decimal(28, 10))
    end
{%- endmacro %}

{#-
  In a sum over an origin: what rounding its parts leaves over of its amount. A model of many
  parts adds it to the part that allocate_exactly would: to the largest share, ties by id.
-#}
{% macro residue_of_parts(amount, part) -%}
    {{ to_money('min(' ~ amount ~ ')') }} - cast(sum({{ part }}) as decimal(28, 10))
{%- endmacro %}
