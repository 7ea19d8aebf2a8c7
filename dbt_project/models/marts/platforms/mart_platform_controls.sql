{#-
  Security and compliance of each platform as catalog.yml declares it: what somebody has
  evidence for, what has expired by the day of the run, and what is not known. What is not
  declared is unknown, never absent. No score: what is needed, a reader knows.
-#}
with controls as (
    {% for control, name, detail in platform_control_kinds() -%}
    select
        '{{ control }}' as control,
        {{ loop.index }} as control_order,
        '{{ name }}' as control_name,
        '{{ detail }}' as detail_to_write
    {{ "union all" if not loop.last }}
    {% endfor %}
),

judged as (
    select
        declared.*,
        cast(moment.as_of as date) as judged_on,
        case
            when not declared.holds then 'absent'
            when declared.expires_on < cast(moment.as_of as date) then 'expired'
            when declared.evidenced_on <= cast(moment.as_of as date) then 'evidenced'
            else 'declared'
        end as state
    from {{ source('control', 'platform_controls') }} as declared
    cross join {{ ref('int_reporting_moment') }} as moment
)

select
    platforms.platform_id,
    platforms.platform_name,
    controls.control,
    controls.control_order,
    controls.control_name,
    judged.detail,
    coalesce(judged.state, 'unknown') as state,
    judged.source,
    judged.evidenced_on,
    judged.expires_on,
    cast(moment.as_of as date) as judged_on,
    case coalesce(judged.state, 'unknown')
        when 'unknown' then 'catalog.yml has no entry for it'
        when 'expired' then 'it expired on ' || cast(judged.expires_on as string)
        when 'declared' then case
            when judged.evidenced_on is null then 'no document or address shows it'
            else 'its evidence is dated ' || cast(judged.evidenced_on as string) || ', after the day of this run'
        end
    end as reason,
    case coalesce(judged.state, 'unknown')
        when 'unknown'
            then
                'catalog.yml, controls: - {platform: ' || platforms.platform_id || ', control: ' || controls.control
                || controls.detail_to_write || ', source: document or URL, evidenced_on: YYYY-MM-DD}'
                || ', or with holds: false'
        when 'expired' then 'catalog.yml, controls: the source, evidenced_on and expires_on of its renewal'
        when 'declared' then 'catalog.yml, controls: add source and evidenced_on to its entry'
    end as next_step
from {{ ref('dim_platforms') }} as platforms
cross join controls
cross join {{ ref('int_reporting_moment') }} as moment
left join judged on platforms.platform_id = judged.platform_id and controls.control = judged.control
