"""Page *Cost by model*."""
