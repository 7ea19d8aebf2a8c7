"""Read values and files: text, notation, archives, malformed rows."""
