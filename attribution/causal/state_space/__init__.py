"""A level that moves, short memory and controls, filtered for many draws at once."""
