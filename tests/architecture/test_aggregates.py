"""dbt owns every figure: pages, services and commands add nothing up."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("dashboard", "triptych/service", "triptych/cli")
_AGGREGATES: Final = re.compile(
    r"\b(?:sum|avg|median|quantile\w*|percentile\w*)\(|\bgroup by\b"
    r"|\w*(?:cost|amount)\w* ?[-+*/] ?\w",
    re.IGNORECASE,
)
#: Options of commands, addresses of figures, names of files such as cost-by-month, and
#: formulas of workbooks.
_NO_SQL: Final = re.compile(
    r"--[a-z][a-z-]+|\b[a-z]+\.(?:mart|fct)_\w+/\w+|\A[a-z]+-(?:by|of)-[a-z]+\Z"
    r"|\A=SUM\("
)


def test_no_file_adds_up_or_computes_with_money() -> None:
    """A new figure is a measure; see CONTRIBUTING.md, Add a measure."""
    assert not _left(ROOT)


def test_a_sum_in_a_page_is_found(tmp_path: Path) -> None:
    """One page of the product with one line more."""
    page = tmp_path / "dashboard" / "pages" / "gpu_idle" / "queries.py"
    page.parent.mkdir(parents=True)
    text = (ROOT / page.relative_to(tmp_path)).read_text("utf-8")
    page.write_text(text, "utf-8")
    assert not _left(tmp_path)
    page.write_text(text + '\nTOTAL = "select sum(cost) from t"\n', "utf-8")
    assert _left(tmp_path) == {"dashboard/pages/gpu_idle/queries.py": ["sum("]}


def test_sums_and_arithmetic_on_money_are_found_and_words_are_not() -> None:
    query = "'select team_id, sum(cost), actual_cost - budget from t group by team_id'"
    assert len(_aggregates_in(f"QUERY = {query}")) == 3
    named = "'--cost-center; cost.mart_x/cost?m=1', 'cost-by-month'"
    assert not _aggregates_in(f"A = {named}")
    assert len(_aggregates_in("A = 'bills.actual_cost/requests', 'cost-budget'")) == 2
    assert len(_aggregates_in("A = 'median(hours), quantile_cont(hours, 0.9)'")) == 2
    assert not _aggregates_in('FORMULA = "=SUM(A1:A9)"')
    assert not _aggregates_in('"""The sum(cost) of a month."""\nCOLUMN = "actual_cost"')


def _left(root: Path) -> dict[str, list[str]]:
    """Return file → the aggregates of its SQL; files without are left out."""
    found = {
        path.relative_to(root).as_posix(): _aggregates_in(path.read_text("utf-8"))
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
    }
    return {name: texts for name, texts in found.items() if texts}


def _aggregates_in(source: str) -> list[str]:
    """Return the aggregates in the texts of a module, docstrings apart."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        aggregate
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
        for aggregate in _AGGREGATES.findall(_NO_SQL.sub("", node.value))
    ]
