"""Times of delivery, censored ones too."""
