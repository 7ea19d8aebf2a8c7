"""How the sample company ships: planned events, and what they must come to.

Each event is planned once, with its time; :mod:`ingest.sample_company.delivery.truth`
counts the plan in plain Python, apart from the SQL that has to find the same.
"""
