"""What the documentation lists is what there is: nothing more and nothing less."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import triptych
from ingest.engine.registry import BUILT_IN
from ingest.streams import STREAMS
from ingest.streams.meanings import AS_REPORTED, IN_STREAM, MEANINGS
from tests.docs.reference_pages import (
    INDEX,
    PAGES,
    README,
    allowed_values,
    commands,
    guides,
    index_page,
    meaning,
    readme_page,
    rendered,
    source_folders,
    source_readme,
)
from triptych.core import errors
from triptych.core.errors import TriptychError
from triptych.core.settings import environment
from triptych.core.settings.access import AccessSettings, OidcSettings, ProxySettings
from triptych.core.settings.allocation import (
    AllocationFile,
    AssignmentEntry,
    Policies,
    Pool,
    ScopeRule,
    TaskOutcome,
)
from triptych.core.settings.assumptions import Assumption
from triptych.core.settings.catalog import Catalog
from triptych.core.settings.columns import MATCH_COLUMNS, is_own_column
from triptych.core.settings.general import (
    AttributionSettings,
    BiSettings,
    DashboardSettings,
    ExchangeSettings,
    GeneralFile,
    HealthSettings,
    LogSettings,
    MetricsSettings,
    NotifySettings,
    OwnModelsSettings,
    ReceiveSettings,
    SparkSettings,
    WarehouseSettings,
    WebhookSettings,
)

_ROW = re.compile(r"^\| (`[^|]+) \|", re.MULTILINE)
_WORD = re.compile(r"`([^`]+)`")
_REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"


def page(name: str) -> str:
    """Return the text of a reference page."""
    return (_REFERENCE / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next of its level."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"there is no section {heading!r}"
    return rest.split("\n## ", 1)[0]


def listed(text: str) -> set[str]:
    """Return every `word` in the first column of the tables of ``text``."""
    return {word for row in _ROW.findall(text) for word in _WORD.findall(row)}


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_derived_page_is_up_to_date(name: str) -> None:
    assert page(name) == rendered(name), "run `make reference`"


def test_the_first_page_lists_every_type_of_source_with_its_guide() -> None:
    assert INDEX.read_text("utf-8") == index_page(), "run `make reference`"
    shown = {one for types in guides().values() for one in types}
    assert shown == set(BUILT_IN)
    assert all(f"sources.md#{one})" in INDEX.read_text("utf-8") for one in shown)


def test_the_readme_leads_to_the_guide_of_every_source() -> None:
    readme = README.read_text("utf-8")
    assert readme == readme_page(), "run `make reference`"
    assert not [page for page in guides() if f"how_to/{page.name}" not in readme]


def test_the_folder_of_each_source_has_its_page() -> None:
    for folder in source_folders():
        page_of_folder = (folder / "README.md").read_text("utf-8")
        assert page_of_folder == source_readme(folder), "run `make reference`"


def test_every_column_of_a_stream_says_what_it_means_and_in_which_unit() -> None:
    """A vendor's own report aside: its columns are described where it is."""
    columns = [
        (stream, column)
        for stream in STREAMS.values()
        if stream.name not in AS_REPORTED
        for column in stream.columns
    ]
    silent = [(s.name, c.name) for s, c in columns if not meaning(s, c)]
    assert not silent
    numbers = [
        (stream.name, column.name)
        for stream, column in columns
        if re.match("DECIMAL|DOUBLE|BIGINT", column.type)
        and not re.search(r"\[[^]]+\]\.?( |$)", meaning(stream, column))
    ]
    assert not numbers
    used = {column.name for _, column in columns}
    assert set(MEANINGS) <= used
    assert set(IN_STREAM) <= {(stream.name, column.name) for stream, column in columns}


def test_the_values_that_a_stream_allows_are_listed() -> None:
    assert allowed_values(STREAMS["incidents"], "status") == [
        *("open", "acknowledged", "resolved", "unknown")
    ]
    assert "One of `charge`, `tax`, `credit`." in page("streams.md")


def test_every_command_of_the_contract_of_this_release_is_there() -> None:
    assert {name.split()[0] for name in commands()} == {
        *("init", "demo", "check", "discover", "ingest", "build", "run", "sql"),
        "status",
        *("quarantine", "connector", "dashboard", "close", "reopen", "reconcile"),
        *(
            "accrue",
            "assumption",
            "comment",
            "export",
            "explain",
            "receive",
            "mcp",
            "mcp-tokens",
            "notify",
            "alerts",
            "own-models",
            "study",
            "value",
            "prune",
            "recover",
            "upgrade",
            "audit",
            "loads",
            "withdraw",
            "source",
        ),
        *("health", "metrics", "scenario", "verify"),
        "attribute",
    }


def test_every_option_of_every_command_says_what_it_does() -> None:
    silent = [
        f"{name} {parameter.name}"
        for name, command in commands().items()
        for parameter in command.params
        if not parameter.help
    ]
    assert not silent


def test_the_top_level_settings_listed_are_those_read() -> None:
    top_level = page("settings.md").split("\n## ", 1)[0]
    assert listed(top_level) == set(GeneralFile.model_fields)


@pytest.mark.parametrize(
    ("heading", "model"),
    [("oidc", OidcSettings), ("proxy", ProxySettings)],
)
def test_the_keys_of_each_way_of_signing_in_listed_are_those_read(
    heading: str, model: type[BaseModel]
) -> None:
    text = section(page("settings.md"), "access")
    own, *inner = text.split("\n### access.")
    assert listed(own) == set(AccessSettings.model_fields)
    [found] = [part for part in inner if part.startswith(f"{heading}\n")]
    assert listed(found) == set(model.model_fields)


@pytest.mark.parametrize(
    ("name", "heading", "model"),
    [
        ("settings.md", "warehouse", WarehouseSettings),
        ("settings.md", "bi", BiSettings),
        ("settings.md", "own_models", OwnModelsSettings),
        ("settings.md", "notify", NotifySettings),
        ("settings.md", "spark", SparkSettings),
        ("settings.md", "dashboard", DashboardSettings),
        ("settings.md", "fx", ExchangeSettings),
        ("settings.md", "receive", ReceiveSettings),
        ("settings.md", "log", LogSettings),
        ("settings.md", "health", HealthSettings),
        ("settings.md", "metrics", MetricsSettings),
        ("settings.md", "webhook", WebhookSettings),
        ("settings.md", "attribution", AttributionSettings),
        ("allocation.md", "scope", ScopeRule),
        ("allocation.md", "assignments", AssignmentEntry),
        ("allocation.md", "pools", Pool),
        ("allocation.md", "policies", Policies),
        ("allocation.md", "task_outcomes", TaskOutcome),
    ],
)
def test_the_keys_of_a_section_listed_are_those_read(
    name: str, heading: str, model: type[BaseModel]
) -> None:
    assert listed(section(page(name), heading)) == set(model.model_fields)


@pytest.mark.parametrize(
    ("name", "heading", "model"),
    [
        ("settings.md", "warehouse", WarehouseSettings),
        ("settings.md", "spark", SparkSettings),
        ("settings.md", "dashboard", DashboardSettings),
        ("settings.md", "fx", ExchangeSettings),
        ("settings.md", "receive", ReceiveSettings),
        ("settings.md", "log", LogSettings),
        ("settings.md", "health", HealthSettings),
        ("settings.md", "metrics", MetricsSettings),
        ("settings.md", "webhook", WebhookSettings),
        ("settings.md", "attribution", AttributionSettings),
        ("allocation.md", "pools", Pool),
        ("allocation.md", "policies", Policies),
        ("allocation.md", "task_outcomes", TaskOutcome),
    ],
)
def test_a_default_listed_is_the_default(
    name: str, heading: str, model: type[BaseModel]
) -> None:
    text = section(page(name), heading)
    for key, field in model.model_fields.items():
        if not field.is_required() and isinstance(field.default, str | int):
            default = field.default
            written = str(default).lower() if isinstance(default, bool) else default
            assert f"| `{key}` | `{written}` |" in text


def test_every_section_of_allocation_yml_is_described() -> None:
    text = page("allocation.md")
    for heading in AllocationFile.model_fields:
        assert section(text, heading)


def test_every_key_of_the_catalog_is_described() -> None:
    text = page("catalog.md")
    for name, field in Catalog.model_fields.items():
        entry = _item_type(field.annotation)
        rows = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        described = {word for row in rows for word in _WORD.findall(row.split("|")[2])}
        own = set(entry.model_fields) - {"id", "name"}
        assert rows
        assert described - {"id", "name"} == own


def test_every_key_and_every_kind_of_an_assumption_is_described() -> None:
    described = listed(page("assumptions.md"))
    kinds = set(get_args(Assumption.model_fields["kind"].annotation))
    assert len(kinds) == 8
    assert set(Assumption.model_fields) | kinds <= described


def test_every_variable_that_is_listened_to_is_listed() -> None:
    found = {
        environment.variable_name((name, *inner))
        for name, field in environment._Variables.model_fields.items()
        for inner in _inner_names(field.annotation)
    }
    text = section(page("settings.md"), "Precedence")
    listed_there = text.partition("`TRIPTYCH_WORKSPACE`")[2]
    shown = {"TRIPTYCH_WORKSPACE", *re.findall(r"`(TRIPTYCH_\w+)`", listed_there)}
    assert shown == found


def test_every_exit_code_and_every_error_is_listed() -> None:
    text = page("exit_codes.md")
    for error in _tree(TriptychError):
        beginning = f"| `{error.exit_code}` |"
        row = next(line for line in text.splitlines() if line.startswith(beginning))
        assert f"`{error.__name__}`" in row
    assert listed(text) == {*map(str, range(10)), "130", "143"}


def test_every_error_stands_in_the_tree_that_the_module_draws() -> None:
    drawn = errors.__doc__ or ""
    for error in _tree(TriptychError):
        if error.__module__ == errors.__name__:
            assert f"{error.__name__} " in drawn
            assert f"exit {error.exit_code}" in drawn


def test_the_columns_that_examples_match_exist() -> None:
    keys = re.findall(r"match: {(\w+):", page("allocation.md") + page("catalog.md"))
    assert keys
    own = {key for key in keys if is_own_column(key)}
    assert set(keys) - own <= {*MATCH_COLUMNS, "source", "tags", "columns"}


def _tree(root: type[TriptychError]) -> list[type[TriptychError]]:
    for module in pkgutil.walk_packages(triptych.__path__, "triptych."):
        if module.name != "triptych.__main__":
            import_module(module.name)
    found = [root]
    for error in found:
        found += [child for child in error.__subclasses__() if child not in found]
    return [error for error in found if error.__module__.startswith("triptych")]


def _item_type(annotation: object) -> type[BaseModel]:
    item: type[BaseModel] = get_args(annotation)[0]
    return item


def _inner_names(annotation: object) -> list[tuple[str, ...]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(name,) for name in annotation.model_fields]
    return [()]
