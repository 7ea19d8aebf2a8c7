"""Shared parts of every estimate: the store, processes, versions."""
