"""What is known of AI on bills, as dated data, and what reads it."""
