"""Pages of a run of an earlier version: a plain sentence, or its figures."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.dashboard.conftest import (
    _charts_are_checked,
    _kept_as_by_a_server,
    _loopback_server,
    open_app,
    tiles,
)

if TYPE_CHECKING:
    from tests.dashboard.conftest import OpenApp

__all__ = [
    "_charts_are_checked",
    "_kept_as_by_a_server",
    "_loopback_server",
    "open_app",
]

ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
#: Their files lack columns that the pages read; a file of 0.2.0 has them.
RELEASED_0_2_0 = "68e3934c"
VERSIONS = sorted({path.name.partition(".")[0] for path in ARCHIVES} - {RELEASED_0_2_0})


@pytest.mark.parametrize("page", ["summary", "impact"])
@pytest.mark.parametrize("version", VERSIONS)
def test_before_its_next_run_a_page_asks_for_a_build(
    tmp_path: Path, open_app: OpenApp, version: str, page: str
) -> None:
    _unpack(version, tmp_path)
    app = open_app(tmp_path, page=page)
    [error] = app.error
    assert "Run `triptych build` to publish it again" in error.value
    assert not app.exception
    assert tiles(app) == {}


def test_a_file_of_the_same_layout_shows_its_figures(
    tmp_path: Path, open_app: OpenApp
) -> None:
    """31 days of July at 12.50 + 7.25 + 3.10 EUR."""
    _unpack(RELEASED_0_2_0, tmp_path)
    app = open_app(tmp_path, page="summary")
    assert not app.exception
    assert tiles(app)["AI cost, amortised · stale"] == "EUR 708.35"


def _unpack(version: str, folder: Path) -> None:
    for path in ARCHIVES:
        if path.name.startswith(f"{version}."):
            with tarfile.open(path) as archive:
                archive.extractall(folder, filter="data")
