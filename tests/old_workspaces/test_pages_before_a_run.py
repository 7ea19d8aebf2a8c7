"""A page of a run that an earlier version published shows no figure of two versions."""

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
VERSIONS = sorted({path.name.partition(".")[0] for path in ARCHIVES})


@pytest.mark.parametrize("page", ["summary", "impact"])
@pytest.mark.parametrize("version", VERSIONS)
def test_before_its_next_run_a_page_asks_for_a_build(
    tmp_path: Path, open_app: OpenApp, version: str, page: str
) -> None:
    for path in ARCHIVES:
        if path.name.startswith(f"{version}."):
            with tarfile.open(path) as archive:
                archive.extractall(tmp_path, filter="data")
    app = open_app(tmp_path, page=page)
    [error] = app.error
    assert "Run `triptych build` to publish it again" in error.value
    assert not app.exception
    assert tiles(app) == {}
