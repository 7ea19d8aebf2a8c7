select * from {{ source('roi', 'mart_platform_migration_costs') }}
