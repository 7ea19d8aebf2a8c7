"""File < environment < flag, and every problem told at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from triptych.core.errors import SettingsError
from triptych.core.settings import load_settings, workspace_from_environment
from triptych.core.settings.environment import _Variables
from triptych.core.settings.general import GeneralFile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.triptych.core.settings.conftest import SettingsFiles

FILE = "organisation: Example\ncurrency: EUR\nwarehouse: {threads: 1, keep_runs: 9}\n"


def test_the_environment_overrides_the_file_and_a_flag_both(
    files: SettingsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.load(triptych=FILE).warehouse.threads == 1

    monkeypatch.setenv("TRIPTYCH_WAREHOUSE__THREADS", "2")
    monkeypatch.setenv("TRIPTYCH_CURRENCY", "USD")
    settings = files.load(triptych=FILE)
    assert (settings.warehouse.threads, settings.currency) == (2, "USD")

    settings = files.load(triptych=FILE, overrides={"warehouse.threads": "3"})
    assert settings.warehouse.threads == 3
    assert settings.warehouse.keep_runs == 9


def test_a_message_names_the_flag_or_the_variable_that_is_wrong(
    files: SettingsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_DASHBOARD__PORT", "99999")
    with pytest.raises(SettingsError) as caught:
        files.load(triptych=FILE, overrides={"warehouse.memory_limit": "much"})

    flag, variable = sorted(caught.value.located.splitlines())
    assert flag.startswith("--memory-limit: warehouse.memory_limit: 'much' is not")
    assert variable.startswith("TRIPTYCH_DASHBOARD__PORT: dashboard.port is '99999'")
    monkeypatch.delenv("TRIPTYCH_DASHBOARD__PORT")
    with pytest.raises(SettingsError, match=r"Correct it and try again\."):
        files.load(triptych=FILE, overrides={"warehouse.memory_limit": "much"})


def test_an_empty_variable_counts_as_unset(
    files: SettingsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_CURRENCY", "")

    assert files.load(triptych=FILE).currency == "EUR"


def test_a_variable_that_cannot_be_read_is_refused_without_its_value(
    files: SettingsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_WAREHOUSE", "not-json")

    [line] = files.refused(triptych=FILE)
    assert line.startswith("environment: A TRIPTYCH_… variable cannot be read.")
    assert "not-json" not in line


def test_every_single_value_of_the_file_has_a_variable() -> None:
    # Lists, rules of the organisation, what is not settable yet, and the format that
    # a run writes.
    sections = {"sources", "delivery", "access", "notify", "format"}
    assert set(GeneralFile.model_fields) - sections == set(_Variables.model_fields) - {
        "workspace"
    }
    for section in ("warehouse", "dashboard", "attribution"):
        in_file, in_environment = (
            set(_section(settings, section).model_fields)
            for settings in (GeneralFile, _Variables)
        )
        assert in_file == in_environment


def _section(settings: type[BaseModel], name: str) -> type[BaseModel]:
    section = settings.model_fields[name].annotation
    assert isinstance(section, type)
    assert issubclass(section, BaseModel)
    return section


def test_the_workspace_may_be_named_by_a_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TRIPTYCH_WORKSPACE", raising=False)
    assert workspace_from_environment() is None

    monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(tmp_path))
    assert workspace_from_environment() == tmp_path


def test_a_folder_without_triptych_yml_is_not_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r'no triptych\.yml.*"triptych init"'):
        load_settings(tmp_path)


def test_all_problems_of_all_files_are_told_in_the_order_of_their_lines(
    files: SettingsFiles,
) -> None:
    lines = files.refused(
        triptych="organisation: x\ncurrency: EURO\ncolour: red\n"
        "sources:\n  - {name: a, type: t}\n  - {name: a, type: t}\n  - {name: B}\n",
        catalog="teams: [{id: ml}]\n"
        "features:\n  - {id: eta, team: mll}\n  - {id: x, colour: red}\n"
        "models:\n  - {id: m}\n  - {id: m}\n  - {id: n, valid_from: never}\n",
        allocation="assignments:\n"
        "  - {name: a, match: {nonsense: 1, sku_id: ''}, model: m}\n"
        "  - {name: b, match: {}, pool: nobody}\n"
        "  - {name: c, match: {}, team: nowhere, lifecycle_stage: live}\n"
        "pools:\n  - {name: p, driver: gpu_hour}\n"
        "  - {name: q, driver: fixed, percentages: {m: 99}}\n",
    )

    assert [":".join(line.split(":")[:2]) for line in lines] == [
        "triptych.yml:2",
        "triptych.yml:3",
        "triptych.yml:6",
        "triptych.yml:7",
        "catalog.yml:3",
        "catalog.yml:4",
        "catalog.yml:7",
        "catalog.yml:8",
        "allocation.yml:2",
        "allocation.yml:2",
        "allocation.yml:3",
        "allocation.yml:4",
        "allocation.yml:4",
        "allocation.yml:6",
        "allocation.yml:7",
    ]
