{#-
  Exchange rates from published ones. A quotient of decimals is a DOUBLE in one engine and
  loses digits in the other, so it is worked out in whole numbers, halves rounded up:
  to twelve decimals, below one to fifteen. Operands count in ten decimals and stay below
  31 * 10^7, so that no whole number has more than the 34 digits that Spark divides exactly.
  NULL where the result is not a rate that an amount can be multiplied by.
-#}
{% macro to_rate(numerator, denominator) -%}
    case
        when {{ numerator }} >= 9000000 * {{ denominator }} then null
        when {{ numerator }} >= {{ denominator }}
            then cast({{ rounded_quotient(numerator, denominator, 12) }} as decimal(38, 18))
        when {{ numerator }} > 0
            then cast({{ rounded_quotient(numerator, denominator, 15) }} as decimal(38, 18))
    end
{%- endmacro %}

{#- numerator / denominator, both in ten decimals, rounded to so many decimals. -#}
{% macro rounded_quotient(numerator, denominator, decimals) -%}
    {{ return(adapter.dispatch('rounded_quotient', 'triptych')(numerator, denominator, decimals)) }}
{%- endmacro %}

{% macro default__rounded_quotient(numerator, denominator, decimals) -%}
    cast(
        (
            cast(cast({{ numerator }} as decimal(28, 10)) * 10000000000 as hugeint) * 1{{ '0' * decimals }}
            + cast(cast({{ denominator }} as decimal(28, 10)) * 10000000000 as hugeint) // 2
        )
        // cast(cast({{ denominator }} as decimal(28, 10)) * 10000000000 as hugeint)
        as bigint
    )
    * cast(0.{{ '0' * (decimals - 1) }}1 as decimal({{ decimals + 1 }}, {{ decimals }}))
{%- endmacro %}

{#- Whole-number division of decimals of scale zero gives a BIGINT: nineteen digits. -#}
{% macro spark__rounded_quotient(numerator, denominator, decimals) -%}
    {%- set in_units = [] -%}
    {%- for operand in (numerator, denominator) -%}
        {%- do in_units.append(
            "cast(cast(" ~ operand ~ " as decimal(28, 10)) * cast(10000000000 as decimal(11, 0)) as decimal(19, 0))"
        ) -%}
    {%- endfor -%}
    cast(
        (
            {{ in_units[0] }} * cast(1{{ '0' * decimals }} as decimal({{ decimals + 1 }}, 0))
            + cast({{ in_units[1] }} div 2 as decimal(19, 0))
        )
        div {{ in_units[1] }}
        as decimal(19, 0)
    )
    * cast(0.{{ '0' * (decimals - 1) }}1 as decimal({{ decimals + 1 }}, {{ decimals }}))
{%- endmacro %}
