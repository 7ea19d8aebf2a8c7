{#- The ledger at line level: every current charge of every provider, FOCUS 1.4 names. -#}
select * from {{ ref('stg_focus__charges') }}
union all
select * from {{ ref('stg_gcp_billing__charges') }}
union all
select * from {{ ref('stg_aws_data_exports__charges') }}
