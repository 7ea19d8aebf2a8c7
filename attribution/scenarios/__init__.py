"""What if: the returns of a run carried forward, with some things changed.

A scenario is a small file. Its changes act on what the functions of
:mod:`attribution.roi` start from, and those functions do the rest, as for actuals.
"""
