{#-
  The three and the twelve months that end with each month of a CTE: half-open, of whole
  months of the organisation's calendar, so that monthly figures and these have the same
  items. Yields `windows`.
-#}
{% macro windows_ending_with(months) -%}
windows as (
    {% for window_months in [3, 12] -%}
    {%- set first_day = "cast(" ~ months ~ ".month || '-01' as timestamp) - interval '" ~ (window_months - 1) ~ "' month" %}
    select
        {{ months }}.month,
        {{ window_months }} as window_months,
        {{ month_label(first_day) }} as first_month,
        cast({{ first_day }} as date) as window_start,
        cast({{ month_end(months ~ '.month') }} as date) as window_end
    from {{ months }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)
{%- endmacro %}

{#- Why a window has no infra hours per deployment. -#}
{% macro infra_hours_reason(row, platform) -%}
    case
        when {{ row }}.group_reason is not null then {{ row }}.group_reason
        when {{ row }}.infra_hours is not null and {{ row }}.deployment_count > 0 then null
        when {{ row }}.infra_hours is not null and {{ row }}.unknown_deployment_count > 0
            then 'the outcome of each deployment in these months is unknown'
        when {{ row }}.infra_hours is not null then 'no deployment of it counted in these months'
        when {{ row }}.scope_kind = 'platform' and {{ platform }}.team_id is null
            then 'catalog.yml names no team that runs it, and no worklog names it'
        when {{ row }}.scope_kind = 'platform'
            then 'its team booked no infra hours, or nothing was deployed on it to divide them by'
        else 'no infra hours are booked in these months'
    end
{%- endmacro %}

{#- What to do about it: book hours, else where there is a figure. -#}
{% macro infra_hours_way_out(row, platform, everyone) -%}
    case
        when {{ row }}.group_way_out is not null then {{ row }}.group_way_out
        when {{ row }}.infra_hours is not null and {{ row }}.deployment_count > 0 then null
        when {{ row }}.infra_hours is null
            then
                case
                    when {{ row }}.scope_kind <> 'platform' then 'deliver worklogs of category infra'
                    when {{ platform }}.team_id is null then 'name its team in catalog.yml, or book hours with platform_id'
                    else 'book hours with platform_id'
                end
        when {{ row }}.scope_kind <> 'organisation' and {{ everyone }}.deployment_count > 0
            then
                'n = ' || cast({{ everyone }}.deployment_count as string) || ' in the organisation over '
                || cast({{ row }}.window_months as string) || ' months'
        else 'deliver deployments with their outcome'
    end
{%- endmacro %}
