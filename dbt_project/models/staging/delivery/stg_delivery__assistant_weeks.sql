{#- Use of coding assistants by week and team, as a source counted it before it landed. -#}
select
    _source as source,
    {{ assistant_name('assistant') }} as assistant,
    cast(period_start as date) as week_begin,
    team_id,
    read_days,
    active_people,
    prompts,
    suggestions,
    acceptances,
    accepted_lines
from {{ source('evidence', 'assistant_use') }}
where read_days is not null
