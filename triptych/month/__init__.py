"""Acts on a billing month: accruals, comments, close, audit."""
