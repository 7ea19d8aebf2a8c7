"""Other tools over the same data, for ratios."""
