"""Page *Impact*."""
