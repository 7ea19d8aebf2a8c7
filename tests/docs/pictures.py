"""Takes the pictures of pages that the documentation and *Set-up* show.

``python -m tests.docs.pictures [WORKSPACE]`` (``make pictures``) serves the sample
company, opens each page in a browser without a window, and writes a picture of it for
the documentation and, where a step of *Set-up* leads to it, a small one for that step.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from PIL import Image

from benchmarks.served_dashboard import served_dashboard
from dashboard.pages.setup import pictures as thumbnails
from dashboard.pages.setup.queries import nothing_yet
from dashboard.pages.setup.steps import steps
from dashboard.shared.roles import AUDIENCES
from tests.dashboard.browsing import opened_browser, visit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs" / "pictures"
THUMBNAILS: Final = thumbnails.FOLDER
#: Of a picture of the documentation [px], made of a screen of a desk.
WIDTH, HEIGHT = 960, 600
_QUALITY: Final = 68
_SMALL_QUALITY: Final = 60
#: What is beside the menu, of the same proportions: a small picture has no room for it.
_BESIDE_MENU: Final = (282, 0, 1440, 724)
#: What every page of the sample company says once it is drawn.
_DRAWN: Final = "SYNTHETIC"


def pages_of_steps() -> tuple[str, ...]:
    """Return the pages that steps of *Set-up* show a picture of."""
    return tuple(dict.fromkeys(step.picture for step in steps(nothing_yet("EUR"))))


def screens(workspace: Path) -> Iterator[tuple[str, Image.Image]]:
    """Open each page of a workspace, and return what a reader sees of it first."""
    with (
        TemporaryDirectory(prefix="triptych-pictures-") as folder,
        served_dashboard(
            workspace, Path(folder) / "server.log", acts="triptych.acts.door"
        ) as (address, _),
        opened_browser() as browser,
    ):
        for page in AUDIENCES:
            with visit(browser, f"http://{address}/{page}") as tab:
                tab.wait_for("About")
                tab.wait_for(_DRAWN)
                tab.settle()
                tab.assert_quiet()
                yield page, Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")


def write(screen: Image.Image, path: Path, size: tuple[int, int], quality: int) -> None:
    """Write a screen in another size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = screen.resize(size, Image.Resampling.LANCZOS)
    small.save(path, "WEBP", quality=quality, method=6)


def main(workspace: Path) -> None:
    """Write all pictures."""
    with_thumbnail = pages_of_steps()
    for page, screen in screens(workspace):
        write(screen, FOLDER / f"{page}.webp", (WIDTH, HEIGHT), _QUALITY)
        if page in with_thumbnail:
            size = (thumbnails.WIDTH, thumbnails.HEIGHT)
            part = screen.crop(_BESIDE_MENU)
            write(part, THUMBNAILS / f"{page}.webp", size, _SMALL_QUALITY)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
