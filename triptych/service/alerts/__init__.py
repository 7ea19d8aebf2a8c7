"""Alerts on facts of a published run, each sent once."""
