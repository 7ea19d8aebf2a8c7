"""Studies: plans as files, and the register of plans declared in time."""
