"""A run from sources to published marts."""
