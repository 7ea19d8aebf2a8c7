"""Days on which something cost more than its past lets expect, and likely why."""
