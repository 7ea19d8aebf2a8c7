"""Studies: plans as files, and the register that says which were declared in time."""
