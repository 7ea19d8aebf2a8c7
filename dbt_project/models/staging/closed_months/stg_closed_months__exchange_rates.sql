{{ rows_in_force(source('evidence', 'locked_exchange_rates')) }}
