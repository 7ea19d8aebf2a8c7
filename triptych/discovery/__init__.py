"""First contact: says what unknown files hold, and proposes rules for them."""
