"""A folder for each vendor: connectors and what only they need."""
