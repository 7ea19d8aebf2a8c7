"""Workspaces with a published warehouse, and the app opened on them."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest
import streamlit as st
from streamlit import config
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.testing.v1 import AppTest, app_test, local_script_runner
from streamlit.util import calc_hash

from dashboard.app.server import APP
from dashboard.shared import charts
from tests.dashboard.browsing import browser
from tests.dashboard.fixtures.warehouse_fixture import Variant, publish
from triptych.core.warehouse.reader import PublishedReader, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


__all__ = ["browser"]


#: Each test's app would look through all that is installed, and compile all scripts.
_installed_components = cache(manifest_scanner.scan_component_manifests)
_compiled_scripts = ScriptCache()
#: What ``dashboard/app/.streamlit/config.toml`` says of the address and of scripts.
_OPTIONS: Final = {"server.address": "127.0.0.1", "runner.magicEnabled": False}
#: Forms of charts that agreed with the schema of Vega-Lite, whatever their data are.
_valid_forms: set[str] = set()
_NAME_OF_DATA: Final = re.compile(r"data-[0-9a-f]{32}")


class OpenApp(Protocol):
    """Opens the app on a workspace, as a link would."""

    def __call__(
        self, root: Path, *, page: str = "cost_by_model", **link: str
    ) -> AppTest:
        """Return the app on a page, after that page's first run."""


@pytest.fixture(autouse=True)
def _loopback_server() -> Iterator[None]:
    """Let the app find what its own configuration sets on a server."""
    before = {name: config.get_option(name) for name in _OPTIONS}
    for name, value in _OPTIONS.items():
        config.set_option(name, value)
    yield
    for name, value in before.items():
        config.set_option(name, value)
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def _kept_as_by_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for components and compile scripts as often as a server does: once."""
    monkeypatch.setattr(
        manifest_scanner, "scan_component_manifests", _installed_components
    )
    for module in (app_test, local_script_runner):
        monkeypatch.setattr(module, "ScriptCache", lambda: _compiled_scripts)
    monkeypatch.setattr(local_script_runner, "require_widgets_deltas", _wait_for)


def _wait_for(runner: local_script_runner.LocalScriptRunner, timeout: float) -> None:
    """Wait for a script without asking a thousand times a second whether it ended."""
    thread = runner._script_thread
    assert thread is not None
    thread.join(timeout)
    if not runner.script_stopped():
        runner.request_stop()
        raise RuntimeError(f"The script has not ended after {timeout} s")


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> OpenApp:
    def open_on(root: Path, *, page: str = "cost_by_model", **link: str) -> AppTest:
        monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(root))
        app = AppTest.from_file(str(APP), default_timeout=30)
        # All of a page at once, unless a test is of its tabs.
        for key, value in {"view": "whole", **link}.items():
            app.query_params[key] = value
        # The first page is the one that an address without a name opens.
        if page != "summary":
            app._page_hash = calc_hash(page)
        return app.run()

    return open_on


@pytest.fixture(autouse=True)
def _charts_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every form of chart against the schema of Vega-Lite; a server holds none."""
    monkeypatch.setattr(charts.Unchecked, "to_dict", _checked)


def _checked(self: charts.Unchecked) -> dict[str, Any]:
    written: dict[str, Any] = self.chart.to_dict(validate=False)
    parts = {name: part for name, part in written.items() if name != "datasets"}
    form = _NAME_OF_DATA.sub("", json.dumps(parts, sort_keys=True, default=repr))
    if form not in _valid_forms:
        written = self.chart.to_dict()
        _valid_forms.add(form)
    return written | charts.AS_LINES


class LookAt(Protocol):
    """Opens a page of the warehouse by hand, for tests that only read what it says."""

    def __call__(
        self,
        variant: Variant = "normal",
        *,
        page: str = "cost_by_model",
        is_synthetic: bool = False,
        **link: str,
    ) -> AppTest:
        """Return the page; nothing on it may be clicked."""


@pytest.fixture(scope="module")
def _pages_looked_at() -> dict[tuple[object, ...], AppTest]:
    return {}


@pytest.fixture
def look_at(
    tmp_path: Path,
    open_app: OpenApp,
    _pages_looked_at: dict[tuple[object, ...], AppTest],
) -> LookAt:
    """Open each page once for all tests of a module."""

    def look(
        variant: Variant = "normal",
        *,
        page: str = "cost_by_model",
        is_synthetic: bool = False,
        **link: str,
    ) -> AppTest:
        key = (variant, page, is_synthetic, *sorted(link.items()))
        if key not in _pages_looked_at:
            root = tmp_path / variant
            publish(root, variant, is_synthetic=is_synthetic)
            _pages_looked_at[key] = open_app(root, page=page, **link)
        return _pages_looked_at[key]

    return look


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """Return the normal warehouse, opened."""
    return snapshot_of(tmp_path, "normal")


def snapshot_of(root: Path, variant: Variant) -> Snapshot:
    publish(root, variant)
    return PublishedReader(root).snapshot()


def text_of(app: AppTest) -> str:
    """Return everything that the page says, as one text."""
    kinds = ["title", "header", "subheader", "markdown", "caption", "html", "code"]
    kinds += ["warning", "info", "error"]
    said = [str(getattr(each, "value", "")) for kind in kinds for each in app.get(kind)]
    said += [f"{metric.label}: {metric.value} {metric.delta}" for metric in app.metric]
    return "\n".join(said).replace("\u00a0", " ").replace("\\", "")


def unknown_tiles(app: AppTest) -> dict[str, str]:
    """Return the tiles that have a dash, each with what is said below and in it."""
    found: dict[str, str] = {}
    blocks: list[Any] = [app._tree]
    while blocks:
        parts = list(blocks.pop().children.values())
        blocks += [part for part in parts if hasattr(part, "children")]
        said = " ".join(
            str(p.value) for p in parts if p.type in {"caption", "markdown"}
        )
        for tile in parts:
            if tile.type == "metric" and "\u2014" in str(tile.value):
                found[tile.label] = f"{tile.value} {tile.help} {said}"
    return found


def tiles(app: AppTest) -> dict[str, str]:
    """Return what the tiles of a page say, by their labels."""
    return {
        metric.label: str(metric.value).replace("\u00a0", " ") for metric in app.metric
    }
