"""Builds the outdated parts of the marts on the embedded engine.

dbt compiles the project into a recipe (:mod:`triptych.core.marts.recipe`); every input
of a node has a digest (:mod:`triptych.core.marts.sources`,
:mod:`triptych.core.marts.states`), and a node or a billing month of it is executed
(:mod:`triptych.core.marts.execution`) only when a digest differs from the digest it was
built from.
"""
