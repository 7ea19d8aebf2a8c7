"""What lands deliveries: registry, runner, landing, lake, recorded loads."""
