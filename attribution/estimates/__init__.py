"""What every estimate shares: the store, processes, versions."""
