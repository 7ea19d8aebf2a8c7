"""What a running installation says of itself."""
