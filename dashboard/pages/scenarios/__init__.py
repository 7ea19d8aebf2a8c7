"""Page *Scenarios*."""
