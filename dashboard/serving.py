"""``python -m dashboard.serving``: Streamlit, with all that pages import loaded before.

Streamlit imports what a page needs when somebody opens it first, and so the first
reader would wait for tables, charts and the database to load. Here the server does,
before it listens.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from streamlit.web.cli import main

#: The modules through which pages import everything that takes time.
_LOADED: Final = (
    *("access", "charts", "data", "exports", "page", "return_summary", "sparks"),
    *("summary_figures", "tables"),
)

if __name__ == "__main__":
    for name in _LOADED:
        import_module(f"dashboard.{name}")
    main(prog_name="streamlit")
