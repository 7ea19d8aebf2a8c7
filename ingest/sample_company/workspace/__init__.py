"""Settings, plans and registers of the sample company."""
