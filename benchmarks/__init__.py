"""Generators, peers and the harness that compares triptych with them.

Nothing here is shipped or asserts a time: the harness prints ratios from one run,
with the size of the data, on whatever machine it stands.
"""
