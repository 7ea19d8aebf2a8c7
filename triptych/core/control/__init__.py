"""Settings as tables that models join."""
