"""Acts on evidence: recovery, withdrawal, pruning."""
