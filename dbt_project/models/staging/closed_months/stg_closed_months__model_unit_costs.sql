{{ rows_in_force(source('evidence', 'locked_model_unit_costs')) }}
