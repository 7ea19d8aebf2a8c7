"""The pages, a folder each; the router runs them, and no page imports another's page.

This folder does not lie in that of the router: Streamlit would serve its files by
itself to the first visitor of a page's address.
"""
