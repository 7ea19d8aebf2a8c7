"""First contact: describes unknown files, and proposes rules for them."""
