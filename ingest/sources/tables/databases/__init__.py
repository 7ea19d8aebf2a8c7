"""Databases that a ``tables`` source asks: one module for each way to reach them."""
