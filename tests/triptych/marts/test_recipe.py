"""The compiled project is kept, and other rules compile what reads them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triptych.marts import recipe
from triptych.marts.recipe import read_recipe

if TYPE_CHECKING:
    from pathlib import Path

NO_RULES: dict[str, list[object]] = {
    "scope_rules": [],
    "assignment_rules": [],
    "platform_rules": [],
    "hourly_pools": [],
}
ONE_POOL: dict[str, list[object]] = {**NO_RULES, "hourly_pools": ["spot"]}


@pytest.mark.full
def test_other_rules_compile_to_what_the_whole_project_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each set of rules is compiled once, and never again where it was seen."""
    commands: list[tuple[str, ...]] = []
    run_compile = recipe._run_compile

    def counted(folder: Path, rules: dict[str, list[object]], *options: str) -> Path:
        commands.append(options)
        return run_compile(folder, rules, *options)

    monkeypatch.setattr(recipe, "_run_compile", counted)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "first"))
    without = read_recipe(NO_RULES)
    pooled = read_recipe(ONE_POOL)
    assert read_recipe(ONE_POOL) == pooled
    assert [bool(options) for options in commands] == [False, True]

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "second"))
    at_once = read_recipe(ONE_POOL)
    assert pooled.nodes == at_once.nodes
    differing = {
        one.name
        for one, other in zip(without.nodes, pooled.nodes, strict=True)
        if one.sql != other.sql
    }
    assert differing == {"int_charges_summed"}
