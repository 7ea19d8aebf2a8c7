"""Campaigns: hostile deliveries and settings, kills and faults, with a table each."""
