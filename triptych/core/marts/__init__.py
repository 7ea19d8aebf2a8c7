"""Builds the marts on the embedded engine, and only what is out of date of them.

dbt compiles the project into a recipe (:mod:`triptych.core.marts.recipe`); whatever a
node is made of has a digest (:mod:`triptych.core.marts.sources`,
:mod:`triptych.core.marts.states`), and a node or a billing month of it is executed
(:mod:`triptych.core.marts.execution`) only when one of them differs from what it was
built from.
"""
