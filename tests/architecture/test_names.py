"""Names that would get in each other's way, and names that say nothing."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from importlib.metadata import packages_distributions
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("triptych", "ingest", "attribution", "dashboard")
#: Names of variables that say nothing of what they hold, and how many are left: fewer,
#: never more. Write the thing's name; of a page's period, scope and data it is
#: ``view``.
EMPTY_NAMES = {"one": 641, "found": 972, "told": 188, "said": 90, "here": 10}
DRAWER_NAMES = {"util", "utils", "common", "misc", "helper", "helpers", "manager"}


def test_no_module_of_the_dashboard_is_named_like_a_library(repository: Path) -> None:
    """Streamlit puts the folder of the app first on the import path."""
    modules = {
        path.stem
        for path in (repository / "dashboard").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    libraries = set(sys.stdlib_module_names) | set(packages_distributions())
    assert not (modules - {"__init__"}) & libraries


def test_no_module_is_a_drawer_for_odds_and_ends(repository: Path) -> None:
    modules = [path for name in PACKAGES for path in (repository / name).rglob("*.py")]
    assert len(modules) > len(PACKAGES)
    assert not [path for path in modules if path.stem in DRAWER_NAMES]


def test_no_module_imports_relatively(repository: Path) -> None:
    for package in PACKAGES:
        for path in (repository / package).rglob("*.py"):
            lines = path.read_text("utf-8").splitlines()
            assert not [line for line in lines if line.startswith("from .")], path


def test_variables_with_names_that_say_nothing_become_fewer(repository: Path) -> None:
    counts: Counter[str] = Counter()
    for package in PACKAGES:
        for path in (repository / package).rglob("*.py"):
            if path.is_relative_to(repository / "dashboard" / "pages"):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Name):
                    counts[node.id] += 1
                elif isinstance(node, ast.arg):
                    counts[node.arg] += 1
    more = {n: counts[n] for n, most in EMPTY_NAMES.items() if counts[n] > most}
    assert more == {}
