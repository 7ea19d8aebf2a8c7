{{ rows_in_force(source('evidence', 'locked_daily_pool_costs')) }}
