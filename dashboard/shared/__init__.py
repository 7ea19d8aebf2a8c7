"""Drawing code shared by several pages."""
