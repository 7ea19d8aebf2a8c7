{{ rows_in_force(source('evidence', 'locked_cost_waterfall')) }}
