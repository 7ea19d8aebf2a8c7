"""Finds what people must know in a published run, and sends it once."""
