"""What people do to a workspace from its pages, by the functions of the commands."""
