"""Page *GPU & idle*."""
