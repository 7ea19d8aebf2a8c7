"""Page *Close & reconcile*."""
