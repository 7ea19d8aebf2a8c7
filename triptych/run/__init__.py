"""One run from sources to published marts."""
