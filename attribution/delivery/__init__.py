"""Times of delivery, including censored times."""
