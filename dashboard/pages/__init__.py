"""The pages, a folder each; the router runs them, and no page imports another's page.

This folder does not lie in that of the router: Streamlit would serve its files by
itself to whoever opens a page's address first.
"""
