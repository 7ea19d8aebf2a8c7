"""Reports of a running installation on itself."""
