"""Page *Statements & exports*."""
