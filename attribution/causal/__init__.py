"""Effects of launches: plans, designs, estimators, checks, grades."""
