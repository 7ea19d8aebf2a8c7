"""The models that read line items, in Spark's SQL.

dbt compiles them for Spark and executes none: no connection is opened. The rules go in
as variables. Each model becomes a view of the session alone, so nothing is left behind
on a server, and no schema there has to be ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from triptych.core.marts.months import limited_to
from triptych.core.warehouse.bills import LINE_ITEM_TABLES
from triptych.run.spark.job import spark_failed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Prefix of schema names in compiled SQL, different from any other word.
SCHEMA_PREFIX = "triptych_session_"

_RELATION = re.compile(rf"\b{SCHEMA_PREFIX}(\w+)\.(\w+)")


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A model and its SQL, which reads views of the session."""

    name: str
    view: str
    sql: str

    @property
    def is_table(self) -> bool:
        """Return True if its rows come back; all others are behind those."""
        return self.name in LINE_ITEM_TABLES

    def of_months(self, months: Sequence[str]) -> str:
        """Return the SQL for the line items of these billing months."""
        return limited_to(self.sql, months)


def evidence_view(stream: str) -> str:
    """Return the name of a stream's line items in compiled SQL."""
    return f"evidence__{stream}"


def compiled_models(
    kept: Path, *, key: str, rules: Mapping[str, Any], options: Sequence[str]
) -> list[CompiledModel]:
    """Return the models that read line items, each after those that it reads.

    Parameters
    ----------
    kept : Path
        File with the models compiled last.
    key : str
        Differs whenever the SQL would; only models not kept under it are compiled.
    rules : mapping
        Rules by the names under which the models look them up.
    options : sequence of str
        Options of dbt: where the project is, and where its logs go.

    Raises
    ------
    TransformError
        The project does not compile.
    """
    known = _read(kept, key)
    if known is None:
        known = _compile(rules, options)
        content = {"key": key, "models": [asdict(model) for model in known]}
        kept.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return known


def _read(kept: Path, key: str) -> list[CompiledModel] | None:
    try:
        content = json.loads(kept.read_text("utf-8"))
        if content["key"] != key:
            return None
        return [CompiledModel(**model) for model in content["models"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _compile(rules: Mapping[str, Any], options: Sequence[str]) -> list[CompiledModel]:
    project = _invoke(["parse", "--no-write-json", *options])
    # With the project at hand dbt reads none of it again, for any variables.
    arguments = ("--no-populate-cache", "--vars", json.dumps(rules))
    selected = [f"+{table}" for table in LINE_ITEM_TABLES]
    compiled = _invoke(
        ["compile", *arguments, "--select", *selected, *options], manifest=project
    )
    nodes = [result.node for result in compiled.results]
    return [
        CompiledModel(node.name, _named(node.relation_name), _named(node.compiled_code))
        for node in nodes
        if node.resource_type == "model"
    ]


def _invoke(arguments: list[str], manifest: Any = None) -> Any:  # noqa: ANN401  (dbt's)
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    outcome: Any = dbtRunner(manifest=manifest).invoke(arguments)
    if not outcome.success:
        results = getattr(outcome.result, "results", ())
        messages = [result.message for result in results if result.message]
        raise spark_failed(f"dbt: {outcome.exception or ' | '.join(messages)}")
    return outcome.result


def _named(sql: str) -> str:
    """Return SQL in which each relation has the name of its view of the session."""
    return _RELATION.sub(r"\1__\2", sql)
