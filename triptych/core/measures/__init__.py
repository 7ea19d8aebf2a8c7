"""Measures: every figure that leaves triptych, defined once in dbt's semantic files."""
