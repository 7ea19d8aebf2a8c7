{{ rows_in_force(source('evidence', 'locked_meter_gaps')) }}
