"""What several connectors have in common, by the kind of system they read."""
