{#-
  How an accrual is worked out. Known days are those before the newest day of a bill,
  which is incomplete as a rule, unless that is the last of the month.
-#}

{#- Days of a month, given as YYYY-MM. -#}
{% macro days_of_month(month) -%}
    cast(extract(day from {{ month_end(month) }} - interval '1' day) as integer)
{%- endmacro %}

{#- Days on which a bill must have charges for its missing days to be counted at all. -#}
{% macro daily_bill_day_count() -%}
    {{ return(20) }}
{%- endmacro %}

{#- Known days that a run-rate needs, so that the first of the month, with its fees, is none of the last seven. -#}
{% macro run_rate_known_day_count() -%}
    {{ return(8) }}
{%- endmacro %}

{#-
  An error relative to what was expected, exact on both engines: amounts count in
  thousands so that invoices below 3 * 10^11 fit, and nine million stands for all above.
-#}
{% macro relative_error(error_amount, expected_amount) -%}
    {%- set in_thousands = [] -%}
    {%- for operand in (error_amount, expected_amount) -%}
        {%- do in_thousands.append('cast(' ~ operand ~ ' * cast(0.001 as decimal(4, 3)) as decimal(28, 10))') -%}
    {%- endfor -%}
    case
        when {{ in_thousands[1] }} > 0 and {{ in_thousands[0] }} = 0 then cast(0 as decimal(38, 18))
        when {{ in_thousands[1] }} > 0
            then coalesce({{ to_rate(in_thousands[0], in_thousands[1]) }}, cast(9000000 as decimal(38, 18)))
    end
{%- endmacro %}

{#-
  Rank of the error that four of five stay below, of so many errors that were made: the
  quantile of split conformal prediction. More than there are of them: no interval.
-#}
{% macro interval_rank(error_count) -%}
    {{ integer_quotient('(4 * (' ~ error_count ~ ' + 1) + 4)', '5') }}
{%- endmacro %}

{#-
  Five days' cost from the last seven known ones, each weekday once, less the dearest and
  the cheapest of them: one purchase or one outage does not set the pace. Five times the
  run-rate, because a fifth of a decimal is none.
-#}
{% macro run_rate_of_five_days() -%}
    {%- set amount -%}
    case
        when days.day_number <= masked.known_day_count and days.day_number > masked.known_day_count - 7
            then days.amount
    end
    {%- endset -%}
    coalesce(sum({{ amount }}) - max({{ amount }}) - case when count({{ amount }}) = 7 then min({{ amount }}) else 0 end, 0)
{%- endmacro %}
