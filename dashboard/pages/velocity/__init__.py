"""Page *Velocity*."""
