"""``python -m dashboard.app.serving``: Streamlit with imports preloaded.

Streamlit imports the dependencies of a page on its first visit, and so the first reader
would wait for tables, charts and the database to load. Here the server loads them
before it listens.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import Final

import altair as alt
import pandas as pd
from streamlit.web.cli import main

#: Modules through which pages import everything that takes time.
_LOADED: Final = (
    *("shared.access", "exports", "pages.summary.figures", "pages.summary.queries"),
    *("shared.charts", "shared.frame", "pages.summary.story"),
)
#: Modules that Streamlit itself loads with the first notice that has an icon.
_LOADED_WITH_A_NOTICE: Final = ("streamlit.emojis", "streamlit.material_icon_names")


def load() -> None:
    """Import the pages' dependencies; draw a chart to load Altair's schema."""
    for name in _LOADED:
        import_module(f"dashboard.{name}")
    for name in _LOADED_WITH_A_NOTICE:
        import_module(name)
    one = pd.DataFrame({"month": ["2026-01"], "cost": [1.0]})
    alt.layer(alt.Chart(one).mark_line().encode(x="month:N", y="cost:Q")).to_dict()
    # It all stays: Streamlit looks for garbage after each drawing, and not in here.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    load()
    main(prog_name="streamlit")
