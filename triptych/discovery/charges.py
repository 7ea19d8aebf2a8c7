"""Classification of sampled charges: AI or not, kind and model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from triptych.core.file_names import literal
from triptych.core.knowledge.knowledge_base import KINDS_WITH_MODELS, service_rules
from triptych.core.knowledge.model_keys import NAMING_COLUMNS
from triptych.core.knowledge.model_names import find_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

#: Columns that distinguish charges, apart from the resource, the tags and the day.
SUBJECT_COLUMNS = (
    "service_provider_name",
    "service_name",
    "service_category",
    "sku_id",
    "sku_meter",
    "sku_price_details",
    "charge_description",
)
_RESOURCE_COLUMNS = ("resource_id", "resource_name")
_MOST_RESOURCES = 50_000


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model that charges name, with the naming column and spelling."""

    model_id: str
    column: str
    spelling: str


def classify(connection: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Make the table ``classified`` of a relation with the ledger's columns.

    It has the columns of ``relation`` and ``rule_id``, ``kind``, ``is_ai``,
    ``named_model``, ``named_in`` and ``spelling``; all but ``is_ai`` may be NULL.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Connection that holds the relation.
    relation : str
        A table, or a query in parentheses.
    """
    columns = ", ".join(SUBJECT_COLUMNS)
    connection.execute(
        "CREATE OR REPLACE TABLE subjects AS"
        f" SELECT row_number() OVER () AS subject, {columns}, {_rule_id()} AS rule_id"
        f" FROM (SELECT DISTINCT {columns} FROM {relation})"
    )
    _register_kinds(connection)
    connection.execute(
        f"CREATE OR REPLACE TABLE judged AS SELECT rows.*, subjects.subject,"
        f" subjects.rule_id, kinds.kind,"
        f" coalesce(kinds.kind <> 'not_ai', false) AS is_ai"
        f" FROM {relation} AS rows JOIN subjects ON {_same_subject()}"
        f" LEFT JOIN kinds ON kinds.rule_id = subjects.rule_id"
    )
    _register_names(connection)
    connection.execute(
        "CREATE OR REPLACE TABLE classified AS SELECT judged.* EXCLUDE (subject),"
        " coalesce(by_subject.model_id, by_resource.model_id) AS named_model,"
        " coalesce(by_subject.named_in, by_resource.named_in) AS named_in,"
        " coalesce(by_subject.spelling, by_resource.spelling) AS spelling"
        " FROM judged LEFT JOIN names AS by_subject"
        " ON by_subject.subject = judged.subject AND by_subject.resource IS NULL"
        " LEFT JOIN names AS by_resource ON by_resource.subject = judged.subject"
        f" AND by_resource.resource = {_resource()}"
    )


def model_named_by(texts: Iterable[tuple[str, str | None]]) -> NamedModel | None:
    """Return the model that the first of several (column, text) names."""
    for column, text in texts:
        found = find_model(text) if text else None
        if found is not None:
            return NamedModel(found.id, column, found.spelling)
    return None


def _rule_id() -> str:
    branches = []
    for rule in service_rules():
        conditions = (
            f"regexp_matches({column}, {literal(pattern)})"
            for column, pattern in rule.match.items()
        )
        branches.append(f"WHEN {' AND '.join(conditions)} THEN {literal(rule.id)}")
    return f"CASE {' '.join(branches)} END"


def _same_subject() -> str:
    return " AND ".join(
        f"rows.{column} IS NOT DISTINCT FROM subjects.{column}"
        for column in SUBJECT_COLUMNS
    )


def _resource() -> str:
    texts = (f"coalesce({column}, '')" for column in _RESOURCE_COLUMNS)
    return " || chr(31) || ".join(texts)


def _register_kinds(connection: duckdb.DuckDBPyConnection) -> None:
    rules = service_rules()
    kinds = pa.table(
        {"rule_id": [rule.id for rule in rules], "kind": [rule.kind for rule in rules]}
    )
    connection.register("kinds", kinds)


def _register_names(connection: duckdb.DuckDBPyConnection) -> None:
    kinds = ", ".join(literal(kind) for kind in sorted(KINDS_WITH_MODELS))
    subjects = connection.execute(
        f"SELECT subject, {', '.join(NAMING_COLUMNS)} FROM subjects"
        f" JOIN kinds USING (rule_id) WHERE kind IN ({kinds})"
    ).fetchall()
    names: list[tuple[int, str | None, NamedModel]] = [
        (subject, None, named)
        for subject, *texts in subjects
        if (named := model_named_by(zip(NAMING_COLUMNS, texts, strict=True)))
    ]
    silent = {subject for subject, *_ in subjects} - {name[0] for name in names}
    names += _named_by_resources(connection, sorted(silent))
    connection.register("names", _as_table(names))


def _named_by_resources(
    connection: duckdb.DuckDBPyConnection, subjects: Sequence[int]
) -> list[tuple[int, str | None, NamedModel]]:
    if not subjects:
        return []
    rows = connection.execute(
        f"SELECT DISTINCT subject, {_resource()}, {', '.join(_RESOURCE_COLUMNS)}"
        f" FROM judged WHERE list_contains(?, subject) LIMIT {_MOST_RESOURCES}",
        [list(subjects)],
    ).fetchall()
    return [
        (subject, resource, named)
        for subject, resource, *texts in rows
        if (named := model_named_by(zip(_RESOURCE_COLUMNS, texts, strict=True)))
    ]


def _as_table(names: Sequence[tuple[int, str | None, NamedModel]]) -> pa.Table:
    return pa.table(
        {
            "subject": pa.array([name[0] for name in names], pa.int64()),
            "resource": pa.array([name[1] for name in names], pa.string()),
            "model_id": pa.array([name[2].model_id for name in names], pa.string()),
            "named_in": pa.array([name[2].column for name in names], pa.string()),
            "spelling": pa.array([name[2].spelling for name in names], pa.string()),
        }
    )
