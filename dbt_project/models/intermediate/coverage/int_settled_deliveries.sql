{#-
  Current loads of a source of which another delivery counts, with the newest reason: they
  came all the same.
-#}
with settled as (
    select
        loads.source,
        loads.stream,
        loads.load_id,
        decisions.reason || ' (' || decisions.answer || ' as of ' || decisions.counted_source || ')' as reason,
        row_number() over (
            partition by loads.source, loads.stream
            order by decisions.decided_at desc, decisions.overlap_id desc
        ) as place
    from {{ source('catalogue', 'loads') }} as loads
    inner join {{ source('control', 'settled_loads') }} as decisions on loads.load_id = decisions.load_id
    where loads.status = 'current'
)

select
    source,
    stream,
    count(distinct load_id) as settled_load_count,
    max(case when place = 1 then reason end) as settled_reason
from settled
group by source, stream
