"""The sample company: what a real one would feed in, generated from a seed.

:func:`ingest.sample_company.company.write_company` writes a whole workspace. Its bills
and meters are in the providers' own formats and go through the same connectors as real
ones; what was planted stands in ``sample/truth.yml``, which no connector reads.
"""
