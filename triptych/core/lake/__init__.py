"""The lake: catalogue of loads, manifests, audit log."""
