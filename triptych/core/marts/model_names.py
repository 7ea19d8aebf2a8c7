"""Read which models lines of pools and meters name, while the marts are built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from triptych.core.knowledge.model_keys import parse_line, parse_meter
from triptych.core.lake.bulk_rows import append_rows
from triptych.core.warehouse.build import ControlTable

if TYPE_CHECKING:
    import duckdb

    from triptych.core.marts.recipe import Node

#: The model whose texts are parsed as soon as it is built.
_TEXTS: Final = "int_model_texts"
_COLUMNS: Final = ("model_text", "model_key", "model_date")
#: Text → key and date of the model; both NULL where the text names none.
MODEL_NAMES: Final = ControlTable(
    "model_names", dict.fromkeys(_COLUMNS, "VARCHAR"), (), is_kept=True
)


def parse_model_texts(node: Node, connection: duckdb.DuckDBPyConnection) -> None:
    """Replace the names of models where the texts that name them were built again."""
    if node.name != _TEXTS:
        return
    texts = connection.execute(
        f"SELECT DISTINCT model_text, is_line FROM {node.relation} ORDER BY ALL"
    ).fetchall()
    rows = []
    for text, is_line in texts:
        model = parse_line(text) if is_line else parse_meter(text)
        rows.append((text, model.key if model else None, model.date if model else None))
    connection.execute("DELETE FROM control.model_names")
    append_rows(connection, "control.model_names", rows)
