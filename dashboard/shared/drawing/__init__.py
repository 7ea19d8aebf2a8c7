"""Graphics beyond tables: waterfalls, stories, steppers, and pictures."""
