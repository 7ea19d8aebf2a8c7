"""How values and files are read: text, notation, archives, malformed rows."""
