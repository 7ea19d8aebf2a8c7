"""Databases of a ``tables`` source: a module for each access method."""
