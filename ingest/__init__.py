"""Stage 1: sources into the lake. Connectors, landing, quarantine, commit."""
