{#-
  The register of assumptions, a row for each dated version. One that nobody but its
  owner stands for can be seen, and counts in no headline.
-#}
select
    assumption_id,
    assumption_version,
    kind,
    coalesce(feature_id, 'all') as feature_id,
    metric,
    assumed,
    assumed_low,
    assumed_high,
    unit,
    better,
    takes_margin,
    is_cash,
    amortised_months,
    owner,
    evidence,
    approved_by,
    approved_by is not null as is_approved,
    valid_from,
    valid_to
from {{ source('control', 'assumptions') }}
