{{ rows_in_force(source('evidence', 'locked_unallocated_causes')) }}
