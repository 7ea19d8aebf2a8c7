"""Page *Explore*."""
