"""Map pods and tasks in AWS split cost rows to models and pools.

Split cost rows give the part of an instance that each Kubernetes pod or ECS task
reserved and used. Rules of the source name the owner; they become SQL, because the rows
stay in the files that AWS delivered and are never rewritten.

::

    split_usage:
      - {match: {namespace: chat}, model: chat-70b}
      - {match: {namespace: {prefix: "model-"}}, model: "${namespace}"}
      - {match: {cluster: prod}, pool: gpu-cluster}
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import duckdb

from ingest.connector import LandingOptions
from ingest.engine.projection import literal, quote
from ingest.reading.label_mapping import refuse_unknown_labels
from ingest.storage.files import column_names
from triptych.core.spare_engines import spare_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ingest.reading.label_mapping import MappingRule

#: Operations of AWS with lines that repeat the money of an instance.
SPLIT_OPERATIONS = ("EKSPod-EC2", "ECSTask-EC2")
TAG = "tag:"
LABELS = ("account", "cluster", "namespace", "node", "operation", "workload")
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")


def checked_rules(rules: tuple[MappingRule, ...]) -> tuple[MappingRule, ...]:
    """Return the rules; for use in a validator of a source's ``split_usage``.

    Raises
    ------
    ValueError
        A rule matches a label that split cost rows do not have, or by a pattern that
        the engine does not know, such as a look-ahead.
    """
    tags = {name for rule in rules for name in rule.match if name.startswith(TAG)}
    refuse_unknown_labels(rules, {*LABELS, *(tags - {TAG})})
    with spare_engine() as engine:
        for pattern in _patterns(rules):
            try:
                engine.execute("SELECT regexp_matches('', ?)", [pattern])
            except duckdb.Error as error:
                message = f"the engine cannot read the pattern {pattern!r}: {error}"
                raise ValueError(message) from error
    return rules


def split_mapping(
    rules: Sequence[MappingRule],
    *,
    column: Callable[[str], str],
    tag: Callable[[str], str],
) -> dict[str, str]:
    """Return the mapping of ``x_split_model_id`` and ``x_split_pool_id``.

    Parameters
    ----------
    rules : sequence of MappingRule
        In their order: the first that matches and names a model gives the model, the
        first that matches and names a pool the pool.
    column : callable
        Returns SQL for a column of ``aws_cur2``, over the delivered columns.
    tag : callable
        Returns SQL for the value of a tag; NULL where it is absent or empty.
    """
    labels = _Labels(column, tag)
    mapping = {}
    for name, target in (("x_split_model_id", "model"), ("x_split_pool_id", "pool")):
        found = ", ".join(
            f"CASE WHEN {_condition(rule, labels)}"
            f" THEN {_filled(rule, target, labels)} END"
            for rule in rules
            if getattr(rule, target)
        )
        if found:
            operations = ", ".join(literal(text) for text in SPLIT_OPERATIONS)
            is_split = f"{column('line_item_operation')} IN ({operations})"
            mapping[name] = f"CASE WHEN {is_split} THEN coalesce({found}) END"
    return mapping


def cur2_landing(rules: Sequence[MappingRule], path: Path) -> LandingOptions | None:
    """Return how a file of CUR 2.0 is read; ``None`` without rules: as it is.

    Its tags are a map in Parquet, and a JSON object in text.
    """
    if not rules:
        return None
    columns = {name.casefold(): name for name in column_names(path)}

    def column(name: str) -> str:
        return quote(columns[name]) if name in columns else "CAST(NULL AS VARCHAR)"

    tags, is_map = column("resource_tags"), _has_map(path, "resource_tags")

    def tag(key: str) -> str:
        if is_map:
            return f"nullif({tags}[{literal(key)}], '')"
        return f"nullif(json_extract_string({tags}, {literal(_json_path(key))}), '')"

    return LandingOptions(split_mapping(rules, column=column, tag=tag))


def rules_digest(rules: Sequence[MappingRule]) -> str:
    """Return a digest that differs when rules do; empty without rules."""
    text = "\n".join(rule.model_dump_json() for rule in rules)
    return hashlib.sha256(text.encode()).hexdigest() if rules else ""


def _patterns(rules: Sequence[MappingRule]) -> Iterator[str]:
    for rule in rules:
        for value in rule.match.values():
            if isinstance(value, dict):
                yield from _texts(value.get("regex", []))


def _has_map(path: Path, column: str) -> bool:
    if path.suffix != ".parquet":
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    position = schema.get_field_index(column)
    return position >= 0 and bool(pa.types.is_map(schema.field(position).type))


def _json_path(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'$."{escaped}"'


class _Labels:
    """The labels of a row, as SQL."""

    def __init__(self, column: Callable[[str], str], tag: Callable[[str], str]) -> None:
        self._column = column
        self._tag = tag

    def sql(self, label: str) -> str:
        if label.startswith(TAG):
            return self._tag(label.removeprefix(TAG))
        return {
            "account": self._filled("line_item_usage_account_id"),
            "cluster": self._cluster(),
            "namespace": self._namespace(),
            "node": self._filled("split_line_item_parent_resource_id"),
            "operation": self._filled("line_item_operation"),
            "workload": f"coalesce({self._tag('aws_eks_workload_name')},"
            f" {self._tag('aws_ecs_service_name')})",
        }[label]

    def _cluster(self) -> str:
        resource = self._column("line_item_resource_id")
        return (
            f"coalesce({self._tag('aws_eks_cluster_name')},"
            f" {self._tag('aws_ecs_cluster_name')},"
            f" nullif(split_part({resource}, '/', 2), ''))"
        )

    def _namespace(self) -> str:
        resource = self._column("line_item_resource_id")
        is_pod = f"{self._column('line_item_operation')} = 'EKSPod-EC2'"
        return (
            f"coalesce({self._tag('aws_eks_namespace')},"
            f" CASE WHEN {is_pod} THEN nullif(split_part({resource}, '/', 3), '') END)"
        )

    def _filled(self, name: str) -> str:
        return f"nullif({self._column(name)}, '')"


def _condition(rule: MappingRule, labels: _Labels) -> str:
    conditions = [
        _matches(labels.sql(label), value) for label, value in rule.match.items()
    ]
    return " AND ".join(conditions) or "true"


def _matches(value: str, wanted: Any) -> str:  # noqa: ANN401  (what YAML holds)
    if wanted == "*":
        return f"{value} IS NOT NULL"
    if isinstance(wanted, str):
        return f"{value} = {literal(wanted)}"
    [(operator, operand)] = wanted.items()
    texts = _texts(operand)
    listed = ", ".join(literal(text) for text in texts)
    match operator:
        case "in":
            return f"{value} IN ({listed})"
        case "not":
            return f"({value} IS NULL OR {value} NOT IN ({listed}))"
        case "prefix":
            return _any(f"starts_with({value}, {literal(text)})" for text in texts)
        case _:
            return _any(f"regexp_matches({value}, {literal(text)})" for text in texts)


def _any(conditions: Iterable[str]) -> str:
    return f"coalesce({' OR '.join(conditions)}, false)"


def _filled(rule: MappingRule, target: str, labels: _Labels) -> str:
    """Return the target with the values that matched, as SQL."""
    pieces = _TEMPLATE.split(str(getattr(rule, target)))
    parts = [
        _value(rule, piece, labels) if position % 2 else literal(piece)
        for position, piece in enumerate(pieces)
        if piece
    ]
    return f"nullif({' || '.join(parts)}, '')"


def _value(rule: MappingRule, label: str, labels: _Labels) -> str:
    value, wanted = labels.sql(label), rule.match[label]
    if isinstance(wanted, dict) and "prefix" in wanted:
        branches = " ".join(
            f"WHEN starts_with({value}, {literal(text)})"
            f" THEN substr({value}, {len(text) + 1})"
            for text in _texts(wanted["prefix"])
        )
        return f"CASE {branches} END"
    return f"coalesce({value}, '')"


def _texts(operand: Any) -> list[str]:  # noqa: ANN401
    operands = operand if isinstance(operand, list) else [operand]
    return [str(each) for each in operands]
