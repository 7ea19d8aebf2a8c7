"""The router and server: who looks, and which page."""
