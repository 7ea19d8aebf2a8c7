{{ rows_in_force(source('evidence', 'locked_period_adjustments')) }}
