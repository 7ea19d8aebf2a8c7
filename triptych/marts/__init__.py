"""Builds the marts on the embedded engine, and only what is out of date of them.

dbt compiles the project into a recipe (:mod:`triptych.marts.recipe`); whatever a node
is made of has a digest (:mod:`triptych.marts.sources`, :mod:`triptych.marts.states`),
and a node or a billing month of it is executed (:mod:`triptych.marts.execution`) only
when one of them differs from what it was built from.
"""
