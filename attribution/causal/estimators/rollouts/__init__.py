"""The mathematics of roll-outs."""
