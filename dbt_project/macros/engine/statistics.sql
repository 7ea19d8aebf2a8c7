{#- Statistics of small groups, as DOUBLE and alike on both engines. -#}

{#- The bound of Wilson's interval of 90 % for a proportion; sign is -1 or 1. NULL without a denominator. -#}
{% macro wilson_bound(hits, trials, sign) -%}
    case
        when {{ trials }} > 0
            then least(cast(1 as double), greatest(cast(0 as double),
                (
                    cast({{ hits }} as double) / {{ trials }} + cast(2.705543454095404 as double) / (2 * {{ trials }})
                    + ({{ sign }}) * cast(1.6448536269514722 as double) * sqrt(
                        (
                            (cast({{ hits }} as double) / {{ trials }})
                            * (1 - cast({{ hits }} as double) / {{ trials }})
                            + cast(2.705543454095404 as double) / (4 * {{ trials }})
                        ) / {{ trials }}
                    )
                )
                / (1 + cast(2.705543454095404 as double) / {{ trials }})
            ))
    end
{%- endmacro %}

{#-
  The rank, from the least, of the value that bounds a median from below with 95 %
  (order statistics; the same from the largest bounds it from above): the largest l with
  P(Bin(n, 1/2) < l) <= 5 %, at a few sizes one less. Defined from five values on.
-#}
{% macro median_bound_rank(count) -%}
    case
        when {{ count }} >= 5
            then cast(floor({{ count }} / 2.0 + 0.5 - 0.8224 * sqrt(cast({{ count }} as double))) as bigint)
    end
{%- endmacro %}

{#- A value between two, so many tenths of the way. -#}
{% macro tenths_between(lower, upper, tenths) -%}
    (cast({{ lower }} as double) + (cast({{ upper }} as double) - {{ lower }}) * {{ tenths }} / 10.0)
{%- endmacro %}

{#- The median, and the ninth decile, of a sorted list of n values, by linear interpolation. -#}
{% macro median_of_sorted(values, n) -%}
    {{ tenths_between(
        value_at(values, integer_quotient('(' ~ n ~ ' + 1)', '2')),
        value_at(values, integer_quotient('(' ~ n ~ ' + 2)', '2')), '5'
    ) }}
{%- endmacro %}

{% macro ninth_decile_of_sorted(values, n) -%}
    {{ tenths_between(
        value_at(values, integer_quotient('(9 * (' ~ n ~ ' - 1))', '10') ~ ' + 1'),
        value_at(values, integer_quotient('(9 * (' ~ n ~ ' - 1) + 9)', '10') ~ ' + 1'),
        '((9 * (' ~ n ~ ' - 1)) % 10)'
    ) }}
{%- endmacro %}

{#- Where a cumulative count reaches a share of all, linear between two bounds. -#}
{% macro bound_reached(lower_bound, upper_bound, lower_count, upper_count, wanted) -%}
    (
        {{ lower_bound }} + ({{ upper_bound }} - {{ lower_bound }})
        * (cast({{ wanted }} as double) - {{ lower_count }}) / (cast({{ upper_count }} as double) - {{ lower_count }})
    )
{%- endmacro %}

{#- First moment of the five minutes that a moment lies in. -#}
{% macro five_minutes(moment) -%}
    {{ return(adapter.dispatch('five_minutes', 'triptych')(moment)) }}
{%- endmacro %}

{% macro default__five_minutes(moment) -%}
    time_bucket(interval '5 minutes', {{ moment }}, timestamp '2000-01-01')
{%- endmacro %}

{% macro spark__five_minutes(moment) -%}
    timestamp_seconds(unix_timestamp({{ moment }}) - unix_timestamp({{ moment }}) % 300)
{%- endmacro %}

{#- Per cent of promoters less per cent of detractors, -100 to 100. -#}
{% macro net_promoter_score(promoters, detractors, answers) -%}
    case
        when {{ answers }} > 0
            then 100 * cast({{ promoters }} - {{ detractors }} as double) / {{ answers }}
    end
{%- endmacro %}

{#-
  The bound of its interval of 90 %: the score interval of a mean m of -1, 0 and 1, whose
  variance is the share that is not passive less m^2, with z^2 answers added to that share.
  It is Wilson's where no answer is passive, has a width where all agree, and ends at -100 and 100.
-#}
{% macro net_promoter_bound(promoters, detractors, answers, sign) -%}
    {%- set z_squared = 'cast(2.705543454095404 as double)' -%}
    {%- set balance = 'cast(' ~ promoters ~ ' - ' ~ detractors ~ ' as double)' -%}
    case
        when {{ answers }} > 0
            then
                100 * (
                    (
                        {{ balance }}
                        + ({{ sign }}) * sqrt(
                            {{ z_squared }} * (
                                {{ z_squared }}
                                + ({{ promoters }} + {{ detractors }} - {{ balance }} * {{ balance }} / {{ answers }})
                            )
                        )
                    )
                    / ({{ answers }} + {{ z_squared }})
                )
    end
{%- endmacro %}

{#-
  The sum of doubles in the order of their size: the same to the last bit in every run,
  however many threads. NULL where there is none.
-#}
{% macro sum_in_order(value) -%}
    {{ return(adapter.dispatch('sum_in_order', 'triptych')(value)) }}
{%- endmacro %}

{% macro default__sum_in_order(value) -%}
    list_sum(list_sort(list({{ value }})))
{%- endmacro %}

{% macro spark__sum_in_order(value) -%}
    case
        when count({{ value }}) > 0
            then aggregate(sort_array(collect_list({{ value }})), cast(0 as double), (total, one) -> total + one)
    end
{%- endmacro %}

{#-
  The quantile of 95 % of Student's t, by the first terms of Cornish and Fisher: within
  1.3 % from two degrees of freedom on (2.885 for 2.920, 2.014 for 2.015 at five).
-#}
{% macro student_t_95(degrees) -%}
    (
        cast(1.6448536 as double) + cast(1.5237698 as double) / ({{ degrees }})
        + cast(1.4202660 as double) / (({{ degrees }}) * ({{ degrees }}))
        + cast(0.9831000 as double) / (({{ degrees }}) * ({{ degrees }}) * ({{ degrees }}))
    )
{%- endmacro %}

{#- A quotient as DOUBLE, of any sign; NULL where nothing is divided by. -#}
{% macro quotient(numerator, denominator) -%}
    (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{#- The mean of doubles, the same to the last bit in every run; NULL of none. -#}
{% macro mean_in_order(value) -%}
    ({{ sum_in_order(value) }} / nullif(cast(count({{ value }}) as double), 0))
{%- endmacro %}

{#- The log of the power of two that a positive number lies above. -#}
{% macro binary_band(value) -%}
    cast(floor(log2({{ value }})) as bigint)
{%- endmacro %}

{#-
  Is a slope of least squares none, as far as n places tell? `products` is the sum of
  products of place and value less their means. Within a billionth nothing moved.
-#}
{% macro slope_is_flat(products, place_squares, value_squares, n) -%}
    abs({{ quotient(products, place_squares) }}) <= {{ student_t_95(n ~ ' - 2') }} * sqrt(
        greatest({{ value_squares }} - {{ quotient(products ~ ' * ' ~ products, place_squares) }}, 0)
        / nullif(({{ n }} - 2) * {{ place_squares }}, 0)
    ) + cast(0.000000001 as double)
{%- endmacro %}

{#- Half an interval of 90 % of a difference of two means, by the smaller of their degrees of freedom. -#}
{% macro half_width_of_difference(first_squares, first_n, second_squares, second_n) -%}
    case
        when {{ first_n }} > 2 and {{ second_n }} > 2
            then
                {{ student_t_95('least(' ~ first_n ~ ', ' ~ second_n ~ ') - 1') }} * sqrt(
                    {{ first_squares }} / ({{ first_n }} - 1) / {{ first_n }}
                    + {{ second_squares }} / ({{ second_n }} - 1) / {{ second_n }}
                )
    end
{%- endmacro %}

{#- Half an interval of 90 % of a ratio, from the squares of what its clusters leave over. -#}
{% macro half_width_of_ratio(squares, n, denominator) -%}
    case
        when {{ n }} > 2
            then {{ student_t_95(n ~ ' - 1') }} * sqrt({{ squares }} * {{ n }} / ({{ n }} - 1)) / {{ denominator }}
    end
{%- endmacro %}
