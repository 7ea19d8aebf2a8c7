"""Acts on a workspace from its pages, with the functions of the commands."""
