"""Works measures out from the semantic files by plain SQL, without the compiler.

Expressions and conditions are executed as the files have them. A sum with an unknown
part is unknown; a ``case`` without ``else`` selects rows.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import yaml

from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FOLDER: Final = dbt_project_dir() / "semantic"
_SOURCE: Final = re.compile(r"\{\{ source\('(\w+)', '(\w+)'\) \}\}")
_DIMENSION: Final = re.compile(r"(?:\{\{ )?Dimension\('\w+?__(\w+)'\)(?: \}\})?")


@cache
def files(kind: str) -> list[dict[str, Any]]:
    """Return what the semantic files have under a key."""
    return [
        each
        for path in sorted(_FOLDER.glob("*.yml"))
        for each in yaml.load(path.read_text("utf-8"), yaml.CSafeLoader).get(kind, ())
    ]


@cache
def metrics() -> dict[str, dict[str, Any]]:
    """Return name → metric, with those of the billed basis that files only imply."""
    found = {
        m["name"]: m for model in files("models") for m in model.get("metrics", ())
    }
    for name, metric in [*found.items()]:
        if expr := _meta(metric).get("billed_expr"):
            found[f"billed_{name}"] = metric | {"expr": expr}
    for name, metric in [*found.items()]:
        halves = [_billed(found, metric.get(h)) for h in ("numerator", "denominator")]
        if metric["type"] == "ratio" and halves[0] and f"billed_{name}" not in found:
            below = halves[1] or metric["denominator"]
            twin = {"numerator": halves[0], "denominator": below}
            found[f"billed_{name}"] = metric | twin
    return found


def _meta(metric: Mapping[str, Any]) -> dict[str, Any]:
    meta: dict[str, Any] = metric.get("config", {}).get("meta", {})
    return meta


def _billed(found: Mapping[str, dict[str, Any]], name: str | None) -> str | None:
    """Return the name of a metric on the billed basis, if it has one."""
    twin = _meta(found[name]).get("billed", f"billed_{name}") if name else None
    return twin if twin in found else None


def condition(metric: Mapping[str, Any]) -> str:
    """Return SQL of the rows that a metric counts."""
    conditions = metric.get("filter", "true")
    listed = [conditions] if isinstance(conditions, str) else conditions
    return " AND ".join(plain(each) for each in listed)


def plain(written: str) -> str:
    """Return a condition of a file as SQL."""
    return _DIMENSION.sub(r"\1", written)


def aggregate(name: str) -> str:
    """Return SQL of a metric over the rows of its model."""
    metric = metrics()[name]
    if metric["type"] == "ratio":
        above, below = metric["numerator"], metric["denominator"]
        return (
            f"CAST({aggregate(above)} AS DOUBLE)"
            f" / nullif(CAST({aggregate(below)} AS DOUBLE), 0)"
        )
    expr, only = metric["expr"], f"FILTER (WHERE {condition(metric)})"
    if newest := metric.get("non_additive_dimension"):
        return f"arg_max({expr}, {newest['name']}) {only}"
    if metric["agg"] == "count_distinct":
        return f"count(DISTINCT {expr}) {only}"
    if metric["agg"] == "percentile":
        within = f"percentile_cont({metric['percentile']}) WITHIN GROUP"
        return f"{within} (ORDER BY {expr}) {only}"
    sql = f"{'avg' if metric['agg'] == 'average' else metric['agg']}({expr}) {only}"
    if metric["agg"] != "sum":
        return sql
    selected, value = selection(expr)
    unknown = f"count(*) FILTER (WHERE {condition(metric)} AND {selected} AND"
    return f"CASE WHEN {unknown} ({value}) IS NULL) = 0 THEN {sql} END"


def selection(expr: str) -> tuple[str, str]:
    """Return the condition of a ``case`` without ``else``, and its value."""
    if expr.startswith("case ") and " else " not in expr:
        selected, value = expr.removeprefix("case when ").split(" then ")
        return f"({selected})", value.removesuffix(" end")
    return "true", expr


def rows_of_model(name: str) -> str:
    """Return SQL of the rows of a semantic model, in brackets."""
    text = (_FOLDER / f"{name}.sql").read_text("utf-8")
    rows = _SOURCE.sub(r"\1.\2", text)
    return f"({rows})"


def written_sql(
    model: str, names: Iterable[str], by: Iterable[str], where: str = "true"
) -> str:
    """Return plain SQL of metrics of a model by some columns."""
    keys = [f'"{name}"' for name in by]
    picked = [*keys, *(f'{aggregate(name)} AS "{name}"' for name in names)]
    sql = f"SELECT {', '.join(picked)} FROM {rows_of_model(model)} WHERE {where}"
    return f"{sql} GROUP BY {', '.join(keys)}" if keys else sql
