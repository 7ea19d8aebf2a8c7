"""Sources are bound to connectors, or refused with their line and the known keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import ingest.sources
from ingest.connector import Connector
from ingest.engine import registry
from ingest.engine.registry import BUILT_IN, bind_sources, connector_class, known_types
from triptych.core.errors import SettingsError
from triptych.core.settings import SourceEntry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def entry(type_: str, **options: str) -> SourceEntry:
    lines = {key: number for number, key in enumerate(("name", "type", *options), 5)}
    return SourceEntry("bills", type_, options, 5, lines)


def refused(root: Path, *entries: SourceEntry) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        bind_sources(entries, root)
    assert caught.value.exit_code == 2
    return caught.value.located.splitlines()


@pytest.mark.parametrize("type_", sorted(BUILT_IN))
def test_every_built_in_connector_is_of_its_type_and_keeps_the_protocol(
    type_: str,
) -> None:
    kind = connector_class(type_)

    assert kind.type == type_
    assert kind.__module__ == BUILT_IN[type_].partition(":")[0]
    assert {"name", "type", "expected_lag_hours"} <= set(kind.Config.model_fields)


def test_a_source_is_bound_to_its_options_with_their_types(tmp_path: Path) -> None:
    [connector] = bind_sources(
        [entry("focus_files", path="bills", expected_lag_hours="12")], tmp_path
    )

    assert isinstance(connector, Connector)
    assert connector.config.name == "bills"
    assert connector.config.expected_lag_hours == 12


def test_an_unknown_type_is_refused_with_the_nearest_or_all_of_them(
    tmp_path: Path,
) -> None:
    assert refused(tmp_path, entry("focus_file")) == [
        "triptych.yml:6: source 'bills': there is no type 'focus_file';"
        " did you mean 'focus_files'?"
    ]
    assert refused(tmp_path, entry("sap")) == [
        "triptych.yml:6: source 'bills': there is no type 'sap'; known types:"
        f" {', '.join(known_types())}"
    ]


def test_every_wrong_option_of_every_source_is_told_at_once(tmp_path: Path) -> None:
    lines = refused(
        tmp_path,
        entry("focus_files", paht="bills", expected_lag_hours="soon"),
        entry("tables", path="x", stream="model_usages"),
    )

    assert lines[0].startswith("triptych.yml:5: source 'bills' has no 'path'; known")
    assert lines[1].startswith("triptych.yml:5: source 'bills': unknown stream 'model_")
    assert lines[2].startswith(
        "triptych.yml:7: source 'bills': unknown key 'paht' for type 'focus_files';"
    )
    assert lines[2].endswith("Did you mean 'path'?")
    assert lines[3].startswith("triptych.yml:8: source 'bills': expected_lag_hours: ")
    assert len(lines) == 4


def test_a_message_does_not_repeat_a_value(tmp_path: Path) -> None:
    [line] = refused(
        tmp_path, entry("focus_files", path="x", expected_lag_hours="hunter2")
    )

    assert "hunter2" not in line


ACME = """
from ingest.sources.tables.focus_files import FocusFiles

class AcmeBilling(FocusFiles):
    type = "acme_billing"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that installs a package whose entry point has a value."""

    def do(value: str) -> None:
        (tmp_path / "acme.py").write_text(ACME, encoding="utf-8")
        metadata = tmp_path / "acme-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Name: acme\nVersion: 1.0\n", "utf-8")
        entry_points = f"[triptych.connectors]\nacme_billing = {value}\n"
        (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)

    return do


def test_an_installed_connector_is_found_by_its_entry_point(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    install("acme:AcmeBilling")

    [connector] = bind_sources([entry("acme_billing", path="bills")], tmp_path)

    assert connector.type == "acme_billing"
    assert "acme_billing" in known_types()


def test_an_installed_connector_that_cannot_be_imported_says_why(
    install: Callable[[str], None], tmp_path: Path
) -> None:
    install("no_such_package.billing:AcmeBilling")

    [line] = refused(tmp_path, entry("acme_billing"))

    assert "Connector 'acme_billing' cannot be imported" in line
    assert "no_such_package" in line


def test_a_folder_of_a_vendor_is_all_that_a_built_in_source_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    declared = 'CONNECTORS = {"acme_billing": "connector:AcmeBilling"}\n'
    (folder / "__init__.py").write_text(declared, encoding="utf-8")
    paths = [*ingest.sources.__path__, str(tmp_path)]
    monkeypatch.setattr(ingest.sources, "__path__", paths)

    grown = registry._built_in()

    assert grown.pop("acme_billing") == "ingest.sources.acme.connector:AcmeBilling"
    assert grown == BUILT_IN
