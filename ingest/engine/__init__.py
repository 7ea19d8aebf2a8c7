"""Ingest engine: registry, runner, landing, lake and recorded loads."""
