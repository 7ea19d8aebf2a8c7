"""Stage 3, panels to estimates; nothing of it is in this release."""
