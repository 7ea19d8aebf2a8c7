"""Knowledge of AI on bills, as dated data, and its readers."""
