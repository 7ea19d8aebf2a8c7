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
Named = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | Named


def public_things(module: ast.Module) -> Iterator[tuple[str, Documented]]:
    """Yield a module, its public classes, their public methods, its functions."""
    yield "module", module
    for node in module.body:
        if isinstance(node, Named) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, Named) and inner.name[0] != "_":
                        yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("package", PACKAGES)
def test_everything_public_has_a_docstring(package: str) -> None:
    silent = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name, node in public_things(ast.parse(path.read_text("utf-8")))
        if not ast.get_docstring(node)
    ]
    assert not silent
