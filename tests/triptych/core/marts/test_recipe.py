"""dbt compiles the project once; what reads rules is rendered as dbt would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triptych.core.control.rules import rule_sets
from triptych.core.marts import recipe
from triptych.core.marts.recipe import read_recipe
from triptych.core.marts.rendering import Renderer
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

NO_RULES: dict[str, list[object]] = {
    "scope_rules": [],
    "assignment_rules": [],
    "platform_rules": [],
    "hourly_pools": [],
}
SETTINGS = """
organisation: Nordhafen
currency: USD
sources: []
"""
#: Conditions, targets and texts of every kind, quotes and non-ASCII letters among them.
RULES = r"""
scope:
  - {name: "all that's AI", match: {service_name: {in: [Bedrock, "O'Brien's"]}}}
  - {name: by tag, match: {tags: {ai: "*"}}}
assignments:
  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
  - {name: cluster, match: {tags: {cluster: "gpu's"}}, pool: gpu}
  - {name: feature, match: {tags: {feature: "*", ä: ja}}, feature: "${tags.feature}"}
  - {name: named, match: {service_name: {regex: '^Amazon S.*'}}, team: platform}
pools:
  - {name: gpu, driver: gpu_hours, interval: hour, idle: show}
"""


def _rules(folder: Path) -> Mapping[str, Sequence[Any]]:
    (folder / "triptych.yml").write_text(SETTINGS, "utf-8")
    (folder / "allocation.yml").write_text(RULES, "utf-8")
    return rule_sets(load_settings(folder))


@pytest.mark.full
def test_rules_are_rendered_as_dbt_would_compile_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = _rules(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    without = read_recipe(NO_RULES)
    rendered = read_recipe(rules)
    by_dbt = recipe.recipe_of(recipe._ask_dbt(rules), rendered.digest)
    assert rendered.nodes == by_dbt.nodes
    differing = {
        node.name
        for node, other in zip(without.nodes, rendered.nodes, strict=True)
        if node.sql != other.sql
    }
    assert differing == {
        "int_charges_assigned",
        "int_charges_matched",
        "int_charges_summed",
        "int_daily_charges_placed",
        "int_daily_service_charges",
    }


def test_dbt_is_asked_once_and_again_where_a_rule_cannot_be_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    known = recipe.read_kept(recipe.cache_folder() / "none")
    assert known is None
    manifest = {
        "nodes": {"model.triptych.m": _model("select 1")},
        "sources": {},
        "macros": {},
        "reading_rules": {
            "model.triptych.m": "select {{ rules('scope_rules') | length }}"
        },
    }
    asked: list[Mapping[str, Sequence[Any]]] = []

    def ask_dbt(rules: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        asked.append(rules)
        return manifest

    monkeypatch.setattr(recipe, "_ask_dbt", ask_dbt)
    assert [read_recipe({"scope_rules": []}).nodes[0].sql for _ in range(2)] == [
        "select 0",
        "select 0",
    ]
    assert read_recipe({"scope_rules": ["a", "b"]}).nodes[0].sql == "select 2"
    assert len(asked) == 1
    manifest["reading_rules"] = {"model.triptych.m": "{{ graph.nodes }}"}
    for kept in recipe.cache_folder().iterdir():
        kept.unlink()
    assert read_recipe({"scope_rules": []}).nodes[0].sql == "select 1"
    assert len(asked) == 3


def test_what_was_rendered_for_some_rules_is_not_rendered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = {
        "nodes": {"model.triptych.m": _model("select 1")},
        "sources": {},
        "macros": {},
        "reading_rules": {"model.triptych.m": "select {{ rules('a') | length }}"},
    }
    monkeypatch.setattr(recipe, "_ask_dbt", lambda _: manifest)
    rendered: list[str] = []
    render = Renderer.sql_of

    def counted(renderer: Renderer, raw_code: str) -> str:
        rendered.append(raw_code)
        return render(renderer, raw_code)

    monkeypatch.setattr(Renderer, "sql_of", counted)
    for rules, sql in (([], 0), ([], 0), (["b"], 1), ([], 0)):
        assert read_recipe({"a": rules}).nodes[0].sql == f"select {sql}"
    assert len(rendered) == 2


def _model(sql: str) -> dict[str, Any]:
    return {
        "unique_id": "model.triptych.m",
        "resource_type": "model",
        "name": "m",
        "schema": "intermediate",
        "relation_name": '"build"."intermediate"."m"',
        "compiled_code": sql,
        "depends_on": {"nodes": [], "macros": []},
        "tags": [],
        "meta": {},
        "columns": {},
        "config": {"materialized": "view", "contract": None, "meta": {}},
    }
