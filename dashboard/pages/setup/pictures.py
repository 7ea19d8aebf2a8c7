"""Small pictures of pages with sample data; ``make pictures`` takes them."""

from __future__ import annotations

import base64
import html
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("thumbnails")
#: Of each picture [px]; it is drawn smaller where there is less room.
WIDTH, HEIGHT = 320, 200


@cache
def thumbnail(page: str, title: str) -> str:
    """Return the picture of a page as HTML; empty where there is none.

    Parameters
    ----------
    page, title : str
        Address and title of the page.
    """
    path = FOLDER / f"{page}.webp"
    if not path.is_file():
        return ""
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    name = html.escape(title)
    return (
        f'<figure class="thumbnail"><img src="data:image/webp;base64,{content}"'
        f' width="{WIDTH}" height="{HEIGHT}" loading="lazy"'
        f' alt="The page {name} with sample data">'
        f"<figcaption>{name}, sample data</figcaption></figure>"
    )
