"""Page *Data health*."""
