"""Page *Assumptions & lineage*."""
