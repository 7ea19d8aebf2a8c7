"""Files and objects where sources keep them."""
