"""Checks that may lower a grade or refuse a study; none can raise a grade."""
