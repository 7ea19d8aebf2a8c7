"""Page *Summary*."""
