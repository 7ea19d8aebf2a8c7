"""Causes of adjustments: what a close kept of rules, catalogue and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from triptych.core.settings import load_settings
from triptych.core.warehouse.closing_inputs import cause_of_changes, closing_inputs

if TYPE_CHECKING:
    from pathlib import Path

CATALOG = "teams: [{id: ops, name: Operations}]\n"
RULES = """\
assignments:
  - {name: model tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "triptych.yml").write_text("organisation: Acme\ncurrency: EUR\n")
    (tmp_path / "catalog.yml").write_text(CATALOG)
    (tmp_path / "allocation.yml").write_text(RULES)
    return tmp_path


def inputs_of(root: Path) -> dict[str, str]:
    return closing_inputs(load_settings(root))


def test_of_several_causes_the_first_is_the_kind_and_all_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = inputs_of(root)
    assert cause_of_changes(then, then) == (
        "input_change",
        "deliveries of meters, or settings",
    )
    monkeypatch.setattr("triptych.core.warehouse.closing_inputs.__version__", "9.1.0")
    version = f"version of triptych ({then['version']}, now 9.1.0)"
    assert cause_of_changes(then, inputs_of(root)) == ("version_change", version)
    (root / "catalog.yml").write_text(CATALOG.replace("Operations", "Delivery"))
    assert cause_of_changes(then, inputs_of(root)) == (
        "catalogue_change",
        f"catalogue, {version}",
    )
    (root / "allocation.yml").write_text(RULES.replace("model tag", "by tag"))
    assert cause_of_changes(then, inputs_of(root)) == (
        "rule_change",
        f"rules, catalogue, {version}",
    )


def test_a_comment_and_another_order_of_keys_are_no_change(root: Path) -> None:
    then = inputs_of(root)
    (root / "catalog.yml").write_text(
        "# Ours: ask Ana.\nteams:\n- name: Operations\n  id: ops\n"
    )
    (root / "allocation.yml").write_text(f"\n{RULES}# checked in May\n")
    assert inputs_of(root) == then


def test_a_close_that_kept_no_digests_has_no_cause(root: Path) -> None:
    assert cause_of_changes({}, inputs_of(root)) is None


def test_without_a_catalogue_there_is_a_digest_of_none(root: Path) -> None:
    then = inputs_of(root)
    (root / "catalog.yml").unlink()
    kind, words = cause_of_changes(then, inputs_of(root)) or ("", "")
    assert (kind, words) == ("catalogue_change", "catalogue")
