"""Scenarios: the returns of a run carried forward, with changes.

A scenario is a small file. Its changes act on the inputs of the functions of
:mod:`attribution.roi`, and those functions do the rest, as for actuals.
"""
