"""Rows and bytes that a fresh build keeps for each line item, which must not grow.

Models that read line items, or keep more than a tenth of a row for each, declare the
CPU seconds that a million lines take: ``reads_line_items`` and ``keeps_days_of_models``
in their YAML. Zero are those that read lines of shadowed rules, of loads that repeat
others or of split rows of AWS, which this bill has not. The card of
:mod:`benchmarks.bars` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest

from benchmarks.bars import KEEPS, READS, read_declared
from benchmarks.generate import MODEL_COUNT, generate, generate_tokens
from benchmarks.workspace import divide_by_tokens, lay_workspace
from tests.layers import IS_FULL
from triptych.core.control.rules import rule_sets
from triptych.core.marts.months import reads_line_items
from triptych.core.marts.recipe import read_recipe
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.locks import NO_HISTORY
from triptych.core.workspace import Workspace
from triptych.run import pipeline

if TYPE_CHECKING:
    from triptych.core.marts.recipe import Node

LINES = 1_000_000 if IS_FULL else 100_000
MODELS = MODEL_COUNT if IS_FULL else 2
#: Shape of the bill → rows per line but for prices by SKU, and bytes with them: five
#: per cent above 309, 64 and 254 bytes. Before prices were kept, a bill of 2 models
#: took 0.757 rows per line, of 200 models 1.044, and one of tokens 0.507.
BARS = {
    "models": (1.17, 67) if IS_FULL else (0.81, 325),
    "tokens": (0.55, 267),
}
DECLARED = read_declared()


@dataclass(frozen=True)
class Build:
    """A fresh build.

    Attributes
    ----------
    shape : str
        Shape of its bill.
    nodes : tuple of Node
        Its models and tests.
    rows : dict of str to float
        Table → rows per line item.
    bytes_per_line : float
        Size of a compact copy of the file per line item.
    """

    shape: str
    nodes: tuple[Node, ...]
    rows: dict[str, float]
    bytes_per_line: float


@pytest.fixture(scope="module", params=["models", "tokens"])
def build(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Build:
    folder = tmp_path_factory.mktemp("rows")
    lines = LINES if request.param == "models" else 100_000
    if request.param == "models":
        generate(folder / "data", rows=lines, seed=7, month_count=4, model_count=MODELS)
    else:
        generate_tokens(folder / "data", rows=lines, seed=7)
    workspace = Workspace(lay_workspace(folder / "data", folder / "workspace"))
    if request.param == "tokens":
        divide_by_tokens(workspace.root)
    settings = load_settings(workspace.root)
    pipeline.run(workspace, settings, progress=SilentProgress())
    recipe = read_recipe(rule_sets(settings, NO_HISTORY))
    file = workspace.build_database
    compact = folder / "compact.duckdb"
    with duckdb.connect(str(compact), config={"threads": 1}) as connection:
        connection.execute(f"ATTACH '{file}' AS build (READ_ONLY)")
        rows = connection.execute(
            "SELECT table_name, estimated_size FROM duckdb_tables() "
            "WHERE database_name = 'build'"
        ).fetchall()
        # Blocks left free by the order of writes would count: a copy has none.
        connection.execute("COPY FROM DATABASE build TO compact")
    return Build(
        request.param,
        recipe.nodes,
        {table: count / lines for table, count in rows},
        compact.stat().st_size / lines,
    )


def test_line_items_are_read_by_declared_models_alone(build: Build) -> None:
    views = {node.unique_id: node for node in build.nodes if node.is_view}
    lines = "model.triptych.int_charges_unioned"

    def reaches_lines(node: Node) -> bool:
        return any(
            parent == lines or (parent in views and reaches_lines(views[parent]))
            for parent in node.parents
        )

    readers = {
        node.name
        for node in build.nodes
        if not (node.is_view or node.is_test)
        and (reads_line_items(node) or reaches_lines(node))
    }
    declared = DECLARED[READS]
    assert readers == declared.keys()
    assert sum(declared.values()) <= 2.4


def test_no_other_model_keeps_a_row_for_ten_line_items(build: Build) -> None:
    declared = DECLARED[KEEPS]
    longer = {name for name, rows in build.rows.items() if rows > 0.1}
    assert longer <= declared.keys() | DECLARED[READS].keys()
    assert sum(declared.values()) <= 0.5


def test_rows_and_bytes_of_all_models_stay_those_of_a_build(build: Build) -> None:
    by_price = build.rows["int_charges_by_sku"]
    rows_per_line, bytes_per_line = BARS[build.shape]
    assert sum(build.rows.values()) - by_price <= rows_per_line
    assert build.bytes_per_line <= bytes_per_line
