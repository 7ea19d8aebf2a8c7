"""Built-in connectors, one file each."""
