"""Counts the aggregates that are still written in SQL of pages, services and commands.

``python -m tests.architecture.aggregates`` writes the counts that
``test_aggregates.py`` compares; they only fall.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("dashboard", "triptych/service", "triptych/cli")
LEFT: Final = Path(__file__).with_name("aggregates_left.json")
_AGGREGATES: Final = re.compile(
    r"\b(?:sum|avg)\(|\bgroup by\b|\w*(?:cost|amount)\w* ?[-+*/] ?\w", re.IGNORECASE
)
#: Options of commands, addresses of figures, names of files such as cost-by-month, and
#: formulas of workbooks.
_NO_SQL: Final = re.compile(
    r"--[a-z][a-z-]+|\b[a-z]+\.(?:mart|fct)_\w+/\w+|\A[a-z]+-(?:by|of)-[a-z]+\Z"
    r"|\A=SUM\("
)


def counted() -> dict[str, int]:
    """Return file → how many aggregates its SQL has; files without are left out."""
    counts: Counter[str] = Counter()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            counts[name] = aggregates_in(path.read_text("utf-8"))
    return dict(sorted((+counts).items()))


def aggregates_in(source: str) -> int:
    """Return how many aggregates the texts of a module have, docstrings apart."""
    tree = ast.parse(source)
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return sum(
        len(_AGGREGATES.findall(_NO_SQL.sub("", node.value)))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in told
    )


if __name__ == "__main__":
    LEFT.write_text(json.dumps(counted(), indent=1) + "\n", "utf-8")
