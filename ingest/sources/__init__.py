"""Vendor folders: connectors and the code that only they need."""
