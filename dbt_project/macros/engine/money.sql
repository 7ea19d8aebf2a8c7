{#-
  Money arithmetic. DuckDB gives DOUBLE for decimal / decimal and for decimal *
  double, and Spark changes the scale of wide products; the types below are chosen
  so that both engines multiply exactly and round alike.
-#}

{#- A sum or a delivered amount as it is stored: ten decimals. -#}
{% macro to_money(amount) -%}
    cast({{ amount }} as decimal(28, 10))
{%- endmacro %}

{#-
  A decimal of more than ten decimals, rounded once to ten, halves away from zero. A cast
  does the same; DuckDB takes two to three times as long for it, a microsecond a value.
-#}
{% macro rounded_money(amount) -%}
    {{ return(adapter.dispatch('rounded_money', 'triptych')(amount)) }}
{%- endmacro %}

{% macro default__rounded_money(amount) -%}
    cast(round({{ amount }}, 10) as decimal(28, 10))
{%- endmacro %}

{% macro spark__rounded_money(amount) -%}
    cast({{ amount }} as decimal(28, 10))
{%- endmacro %}

{#- A delivered amount before rounding: eighteen decimals. -#}
{% macro to_exact_money(amount) -%}
    cast({{ amount }} as decimal(38, 18))
{%- endmacro %}

{#-
  An exact amount that is added to others: DECIMAL(38, 18) + DECIMAL(38, 18) loses the
  last digit in Spark, which keeps room for a carry; up to three of these do not.
-#}
{% macro to_addend(amount) -%}
    cast({{ amount }} as decimal(36, 18))
{%- endmacro %}

{#-
  A meter reading as a weight: eight decimals, so that its sums do not depend on the
  order of the rows and its shares can be worked out in whole numbers.
-#}
{% macro to_weight(quantity) -%}
    cast({{ quantity }} as decimal(28, 8))
{%- endmacro %}

{#- Money as a weight: a hundredfold, so that eight decimals hold the ten of money. -#}
{% macro money_as_weight(amount) -%}
    cast({{ amount }} * 100 as decimal(28, 8))
{%- endmacro %}

{#-
  weight / total as an exact decimal of fourteen digits, rounded down, so that the
  shares of one origin never sum to more than one. NULL where total is not positive.
  Both are weights, below 10^16.
-#}
{% macro to_share(weight, total) -%}
    {{ return(adapter.dispatch('to_share', 'triptych')(weight, total)) }}
{%- endmacro %}

{% macro default__to_share(weight, total) -%}
    case
        {#- Most weights of what was requested and not used are zero, and a quotient takes a microsecond. #}
        when {{ total }} > 0 and {{ weight }} = 0 then cast(0 as decimal(15, 14))
        when {{ total }} > 0
            then
                cast(
                    cast(
                        cast({{ to_weight(weight) }} * 100000000 as hugeint) * 100000000000000
                        // cast({{ to_weight(total) }} * 100000000 as hugeint)
                        as bigint
                    )
                    * cast(0.00000000000001 as decimal(15, 14))
                    as decimal(15, 14)
                )
    end
{%- endmacro %}

{#- The same in decimals of scale zero, whose whole-number division gives a BIGINT. -#}
{% macro spark__to_share(weight, total) -%}
    case
        when {{ total }} > 0
            then
                cast(
                    (
                        cast({{ to_weight(weight) }} * 100000000 as decimal(24, 0)) * cast(100000000000000 as decimal(15, 0))
                        div cast({{ to_weight(total) }} * 100000000 as decimal(24, 0))
                    )
                    * cast(0.00000000000001 as decimal(15, 14))
                    as decimal(15, 14)
                )
    end
{%- endmacro %}

{#- The share of a whole that a share of one of its parts is. -#}
{% macro share_within(share, outer_share) -%}
    cast(cast({{ share }} as decimal(15, 14)) * cast({{ outer_share }} as decimal(15, 14)) as decimal(15, 14))
{%- endmacro %}

{#- amount * share, exact in twenty-four decimals, rounded once to ten. -#}
{% macro money_times_share(amount, share) -%}
    {{ rounded_money('cast(' ~ amount ~ ' as decimal(22, 10)) * cast(' ~ share ~ ' as decimal(15, 14))') }}
{%- endmacro %}

{#- The same of a share that is nearly always zero: only what is not is multiplied, and rounded. -#}
{% macro money_times_rare_share(amount, share) -%}
    case when {{ share }} = 0 then {{ to_money('0') }} else {{ money_times_share(amount, share) }} end
{%- endmacro %}

{#-
  amount * exchange rate, rounded once to ten decimals. Rates from 100 up keep eight
  decimals, those below 0.001 fifteen and the others twelve: ten significant digits and
  more, down to the rates of the smallest currencies there are.
-#}
{% macro money_times_rate(amount, rate) -%}
    {%- set money = 'cast(' ~ amount ~ ' as decimal(22, 10))' -%}
    case
        when {{ rate }} >= 100 then {{ rounded_money(money ~ ' * cast(' ~ rate ~ ' as decimal(15, 8))') }}
        when {{ rate }} < 0.001 then {{ rounded_money(money ~ ' * cast(' ~ rate ~ ' as decimal(15, 15))') }}
        else {{ rounded_money(money ~ ' * cast(' ~ rate ~ ' as decimal(15, 12))') }}
    end
{%- endmacro %}

{#- A decimal amount in the reporting currency, at ten decimals; where no rate is known, as it is. -#}
{% macro converted_money(amount, rate='rates.rate') -%}
    case
        when {{ rate }} is null then {{ rounded_money(amount) }}
        else {{ money_times_rate(rounded_money(amount), rate) }}
    end
{%- endmacro %}

{#- numerator / denominator for display, as DOUBLE; NULL without a denominator. -#}
{% macro safe_ratio(numerator, denominator) -%}
    case
        when {{ denominator }} > 0
            then cast({{ numerator }} as double) / cast({{ denominator }} as double)
    end
{%- endmacro %}

{#- Whole-number division of non-negative integers. -#}
{% macro integer_quotient(number, divisor) -%}
    {{ return(adapter.dispatch('integer_quotient', 'triptych')(number, divisor)) }}
{%- endmacro %}

{% macro default__integer_quotient(number, divisor) -%}
    ({{ number }} // {{ divisor }})
{%- endmacro %}

{% macro spark__integer_quotient(number, divisor) -%}
    ({{ number }} div {{ divisor }})
{%- endmacro %}

{#-
  amount * numerator / denominator, rounded once to a millionth, halves away from zero.
  Worked out in whole numbers, so that both engines say the same: numerator and
  denominator are positive, count in four decimals and stay below 10^14, and what comes
  out stays below 9 * 10^12. The amount itself where the two are equal; NULL where
  either is not positive.
-#}
{% macro money_in_proportion(amount, numerator, denominator) -%}
    case
        when {{ numerator }} = {{ denominator }} and {{ denominator }} > 0 then {{ to_money(amount) }}
        when {{ numerator }} > 0 and {{ denominator }} > 0
            then
                cast(
                    case when {{ amount }} < 0 then -1 else 1 end
                    * {{ millionths_in_proportion(amount, numerator, denominator) }}
                    * cast(0.000001 as decimal(7, 6))
                    as decimal(28, 10)
                )
    end
{%- endmacro %}

{#-
  The same of quantities of any size and of any decimals, as bills have them: worked out in
  floating point and rounded to a millionth. The amount itself where the two are equal. With
  a suffix, columns named with it hold the doubles: a cast of a decimal takes as long as all else.
-#}
{% macro money_at_quantity(amount, numerator, denominator, double_suffix=none) -%}
    {%- set doubles = [] -%}
    {%- for column in [amount, numerator, denominator] -%}
    {%- do doubles.append(column ~ double_suffix if double_suffix else 'cast(' ~ column ~ ' as double)') -%}
    {%- endfor -%}
    case
        when {{ numerator }} = {{ denominator }} and {{ denominator }} > 0 then {{ to_money(amount) }}
        when {{ numerator }} > 0 and {{ denominator }} > 0
            then {{ to_money('round(' ~ doubles[0] ~ ' * ' ~ doubles[1] ~ ' / ' ~ doubles[2] ~ ', 6)') }}
    end
{%- endmacro %}

{% macro millionths_in_proportion(amount, numerator, denominator) -%}
    {{ return(adapter.dispatch('millionths_in_proportion', 'triptych')(amount, numerator, denominator)) }}
{%- endmacro %}

{% macro default__millionths_in_proportion(amount, numerator, denominator) -%}
    cast(
        (
            cast(abs(cast({{ amount }} as decimal(22, 6))) * 1000000 as hugeint)
            * cast(cast({{ numerator }} as decimal(28, 4)) * 10000 as hugeint)
            + cast(cast({{ denominator }} as decimal(28, 4)) * 10000 as hugeint) // 2
        )
        // nullif(cast(cast({{ denominator }} as decimal(28, 4)) * 10000 as hugeint), 0)
        as decimal(19, 0)
    )
{%- endmacro %}

{#- Whole-number division of decimals of scale zero gives a BIGINT: nineteen digits. -#}
{% macro spark__millionths_in_proportion(amount, numerator, denominator) -%}
    {%- set in_units -%}
    cast(cast({{ denominator }} as decimal(18, 4)) * cast(10000 as decimal(5, 0)) as decimal(18, 0))
    {%- endset -%}
    cast(
        (
            cast(abs(cast({{ amount }} as decimal(19, 6))) * cast(1000000 as decimal(7, 0)) as decimal(19, 0))
            * cast(cast({{ numerator }} as decimal(18, 4)) * cast(10000 as decimal(5, 0)) as decimal(18, 0))
            + cast({{ in_units }} div 2 as decimal(18, 0))
        )
        div case when {{ in_units }} > 0 then {{ in_units }} end
        as decimal(19, 0)
    )
{%- endmacro %}

{#- What so many seconds come to at an amount per hour: exact in twelve decimals, before it is rounded. -#}
{% macro amount_for_seconds(hourly_amount, seconds) -%}
    cast({{ hourly_amount }} as decimal(12, 4)) * cast({{ hours_of_seconds(seconds) }} as decimal(16, 8))
{%- endmacro %}
