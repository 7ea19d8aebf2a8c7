"""Page *Budget & forecast*."""
