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

{#- The bound of its interval of 90 %, by the standard error 100 sqrt((p + d - (p - d)^2) / n). -#}
{% macro net_promoter_bound(promoters, detractors, answers, sign) -%}
    case
        when {{ answers }} > 0
            then
                100 * cast({{ promoters }} - {{ detractors }} as double) / {{ answers }}
                + ({{ sign }}) * cast(164.48536269514722 as double) * sqrt(
                    (
                        cast({{ promoters }} + {{ detractors }} as double) / {{ answers }}
                        - (cast({{ promoters }} - {{ detractors }} as double) / {{ answers }})
                        * (cast({{ promoters }} - {{ detractors }} as double) / {{ answers }})
                    ) / {{ answers }}
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
