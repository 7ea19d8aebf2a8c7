{{ rows_in_force(source('evidence', 'locked_statement_lines')) }}
