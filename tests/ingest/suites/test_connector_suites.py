"""Each connector passes the shared suites: what all must do, and what all must survive.

Read from the test modules themselves, so that a connector without them is noticed.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ingest.engine.registry import BUILT_IN

SUITES_FOLDER = Path(__file__).parent
TESTS = SUITES_FOLDER.with_name("sources")
#: Sources that are files alone: nobody answers who could misbehave.
ONLY_FILES = {
    *("event_inbox", "focus_files", "openshift_metrics", "opentelemetry"),
    *("surveys", "tables"),
}
#: One public file without pages and credentials; its own tests let it misbehave.
ONE_FILE = {"ecb_rates"}
SUITES = {
    "SurvivesMisbehaviour",
    "SurvivesS3Misbehaviour",
    "SurvivesBlobMisbehaviour",
}
#: What a suite that is made milder for a vendor has to test all the same.
BEHAVIOURS: dict[str, tuple[str, ...]] = {
    "misbehaviour.py": (
        *("asks_to_wait", "what_passes", "takes_too_long", "stays_down"),
        *("expired_credential", "in_a_circle", "comes_twice", "out_of_order"),
        *("no_secret", "nobody"),
    ),
}
BEHAVIOURS["store_misbehaviour.py"] = tuple(
    name for name in BEHAVIOURS["misbehaviour.py"] if name != "nobody"
)


def bases_of(path: Path) -> set[str]:
    """Return what the test classes of a module inherit from."""
    classes = [
        node
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    return {base.id for c in classes for base in c.bases if isinstance(base, ast.Name)}


@pytest.mark.parametrize("connector", sorted(BUILT_IN))
def test_a_connector_passes_the_suites(connector: str) -> None:
    [module] = TESTS.glob(f"*/test_{connector}.py")
    bases = bases_of(module)
    assert "ConnectorContract" in bases
    if connector not in ONLY_FILES | ONE_FILE:
        assert bases & SUITES


@pytest.mark.parametrize("suite", sorted(BEHAVIOURS))
def test_a_suite_has_every_misbehaviour(suite: str) -> None:
    tree = ast.parse((SUITES_FOLDER / suite).read_text("utf-8"))
    tests = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    tests = [name for name in tests if name.startswith("test_")]
    for behaviour in BEHAVIOURS[suite]:
        assert any(behaviour in name for name in tests), behaviour
