"""Stage 4: shows the published warehouse, and can write nothing."""
