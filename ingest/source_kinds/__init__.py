"""Code shared by several connectors, by the kind of system they read."""
