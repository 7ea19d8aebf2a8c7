"""Deliveries of the sample company: planned events and expected results.

Each event is planned once, with its time; :mod:`ingest.sample_company.delivery.truth`
counts the plan in plain Python, apart from the SQL that has to find the same.
"""
