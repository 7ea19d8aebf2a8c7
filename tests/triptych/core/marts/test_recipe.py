"""dbt compiles the project once; what reads rules is rendered as dbt would."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest

from triptych.core.control.rules import rule_sets
from triptych.core.errors import TransformError
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
    manifest = _counting_rules()
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


def test_a_recipe_that_is_read_ahead_is_waited_for_and_dbt_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = _counting_rules()
    asked: list[Mapping[str, Sequence[Any]]] = []
    is_asked, may_answer = Event(), Event()

    def ask_dbt(rules: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        asked.append(rules)
        is_asked.set()
        assert may_answer.wait(30)
        return manifest

    monkeypatch.setattr(recipe, "_ask_dbt", ask_dbt)
    ahead = recipe.read_recipe_ahead()
    assert ahead is not None
    assert is_asked.wait(30)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(read_recipe, {"scope_rules": ["a", "b"]})
        may_answer.set()
        assert read.result(30).nodes[0].sql == "select 2"
    assert len(asked) == 1
    assert recipe.read_recipe_ahead() is None


def test_what_dbt_refuses_ahead_is_told_to_who_reads_the_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(_: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
        raise TransformError(
            "dbt could not compile the project.", where="model", next_step="Correct it."
        )

    monkeypatch.setattr(recipe, "_ask_dbt", refuse)
    ahead = recipe.read_recipe_ahead()
    assert ahead is not None
    ahead.join(30)
    with pytest.raises(TransformError, match="could not compile"):
        read_recipe({})


def test_what_was_rendered_for_some_rules_is_not_rendered_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest = _counting_rules()
    monkeypatch.setattr(recipe, "_ask_dbt", lambda _: manifest)
    rendered: list[str] = []
    render = Renderer.sql_of

    def counted(renderer: Renderer, raw_code: str) -> str:
        rendered.append(raw_code)
        return render(renderer, raw_code)

    monkeypatch.setattr(Renderer, "sql_of", counted)
    for rules, sql in (([], 0), ([], 0), (["b"], 1), ([], 0)):
        assert read_recipe({"scope_rules": rules}).nodes[0].sql == f"select {sql}"
    assert len(rendered) == 2


def _counting_rules() -> dict[str, Any]:
    """Return a project of one model, which tells how many rules of scope there are."""
    counted = "select {{ rules('scope_rules') | length }}"
    return {
        "nodes": {"model.triptych.m": _model("select 1")},
        "sources": {},
        "macros": {},
        "reading_rules": {"model.triptych.m": counted},
    }


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
