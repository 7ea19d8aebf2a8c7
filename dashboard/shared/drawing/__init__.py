"""What pages draw besides tables: waterfalls, sparks and steppers, and pictures."""
