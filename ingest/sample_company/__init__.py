"""Sample company: inputs of a real company, generated from a seed.

:func:`ingest.sample_company.company.write_company` writes a whole workspace. Its bills
and meters are in the providers' own formats and go through the same connectors as real
bills and meters; the planted facts are in ``sample/truth.yml``, which no connector
reads.
"""
