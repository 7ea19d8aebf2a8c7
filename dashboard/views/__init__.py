"""The pages, one file each; the router runs them, nothing imports them.

Not called ``pages``: Streamlit serves the files of a folder of that name by itself to
whoever opens a page's address first, without the router.
"""
