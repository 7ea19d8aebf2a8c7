"""Page *Set-up*."""
