"""What is public says what it is for."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("triptych", "ingest", "attribution", "dashboard", "benchmarks")
MODULES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def public_things(module: ast.Module) -> Iterator[tuple[str, Documented]]:
    """Yield a module, its public classes, their public methods, its functions."""
    yield "module", module
    for node in module.body:
        if isinstance(node, Documented) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, Documented) and inner.name[0] != "_":
                        yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_public_has_a_docstring(path: Path) -> None:
    module = ast.parse(path.read_text("utf-8"))
    things = public_things(module)
    silent = [name for name, node in things if not ast.get_docstring(node)]
    assert not silent
