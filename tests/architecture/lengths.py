"""``python -m tests.architecture.lengths``: what is longer than we aim for.

A list to look at in review, never a gate: a module of 400 lines, a function of 40
and a SQL model of 90 are aims, and a good reason to exceed one needs no waiver.
"""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDERS = ("triptych", "ingest", "attribution", "dashboard", "benchmarks")
MODULE_LINES, FUNCTION_LINES, MODEL_LINES = 400, 40, 90


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and the length in lines of each function of a module."""
    for node in _statements(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{path}:{node.lineno} {node.name}", length


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is below a node, without the expressions: no function is in these."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from _statements(child)


def report() -> Iterator[str]:
    """Yield one line for each thing that is longer than we aim for."""
    modules = [path for folder in FOLDERS for path in Path(folder).rglob("*.py")]
    models = list(Path("dbt_project/models").rglob("*.sql"))
    found = [item for path in modules for item in functions(path)]
    yield f"median function: {median(length for _, length in found):.0f} lines"
    yield f"median module: {median(_lines(path) for path in modules):.0f} lines"
    measured = [
        ("module", MODULE_LINES, [(str(path), _lines(path)) for path in modules]),
        ("function", FUNCTION_LINES, found),
        ("model", MODEL_LINES, [(str(path), _lines(path)) for path in models]),
    ]
    for kind, aim, items in measured:
        for name, length in sorted(items, key=lambda item: -item[1]):
            if length > aim:
                yield f"{kind:8} {length:5}  {name}"


def _lines(path: Path) -> int:
    return path.read_text("utf-8").count("\n")


if __name__ == "__main__":
    print("\n".join(report()))  # noqa: T201  (its answer)
