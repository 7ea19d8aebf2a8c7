"""Page *Platform scorecard*."""
