"""Graphics beyond tables: waterfalls, sparks, steppers, and pictures."""
