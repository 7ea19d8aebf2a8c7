"""Glossary: the meaning of page terms and the source of each definition.

Served at ``/glossary``; *About* and *How* of every page link to it.
"""

from __future__ import annotations

import re
from typing import Final

import streamlit as st

from triptych.core.project_folder import glossary_file

#: A link to another document, which the dashboard does not serve.
_LINK_TO_A_DOCUMENT: Final = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]+\)")


def show() -> None:
    """Draw every term with its meaning and source."""
    text = glossary_file().read_text("utf-8")
    without_title = text.partition("\n")[2]
    st.markdown(_LINK_TO_A_DOCUMENT.sub(r"\1", without_title))
