"""A run whose marts have invented rows: what measures read, by the marts' contracts.

Each mart has rows of all kinds that its contract and the conditions of measures name.
Amounts have all decimals that a mart keeps, and those of type DOUBLE are multiples of
1/64, so that sums are exact.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import yaml

from tests.triptych.core.measures.as_written import files, plain, rows_of_model
from triptych.core.measures.definition import definitions
from triptych.core.project_folder import dbt_project_dir
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    Row = dict[str, Any]

MONTHS: Final = ("2026-08", "2026-09")
#: Marts that say of a run and its months what qualifies figures.
_STANDING: Final = (
    "core.mart_run",
    "core.mart_month_completeness",
    "core.mart_source_freshness",
    "cost.mart_period_states",
)
#: Sources of these are so many that some are complete and some are not.
_SOURCES_OF_RUN: Final = {("source", mart) for mart in _STANDING}
_ROWS: Final = 120
_TYPES: Final = {"string": "VARCHAR"}
_NUMBERS: Final[Mapping[str, Callable[[random.Random], Any]]] = {
    "decimal": lambda draw: Decimal(draw.randrange(1, 10**13)).scaleb(-10),
    "double": lambda draw: draw.randrange(1, 640) / 64,
    **dict.fromkeys(("bigint", "int", "integer"), lambda draw: draw.randrange(1, 9)),
}
_LITERAL: Final = re.compile(
    r"(\w+)'?\)?(?: \}\})? (?:=|in|not in|like) \(?((?:'[^']*'(?:, )?)+)"
)
#: Of AI cost are all but these, as the macro ``is_ai_cost`` has it.
_NOT_AI: Final = frozenset({"ledger", "out_of_scope", "tax", "credit"})


#: Hours, and the column that counts how often they were read: never, if unknown.
_HOURS_READ: Final = {
    "requested_idle_gpu_hours": "active_hour_count",
    "infrastructure_idle_gpu_hours": "capacity_hour_count",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """What a mart promises of its rows.

    Attributes
    ----------
    types : mapping
        Column → type.
    grain, never_null : tuple of str
        Columns that identify a row, and those that are always known.
    domains : mapping
        Column → values that it may have, where these are listed.
    """

    mart: str
    types: Mapping[str, str]
    grain: tuple[str, ...]
    never_null: frozenset[str]
    domains: Mapping[str, tuple[str, ...]]


@cache
def contracts() -> dict[str, Contract]:
    """Return the contracts of all marts that measures read, by ``schema.mart``."""
    models = {m.model.mart for m in definitions().measures.values()} | {*_STANDING}
    described = dict(_described())
    return {
        mart: _contract(mart, described[mart.partition(".")[2]])
        for mart in sorted(models)
    }


def _described() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in (dbt_project_dir() / "models" / "marts").rglob("_*models.yml"):
        content = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for model in content["models"]:
            yield model.get("config", {}).get("alias", model["name"]), model


def _contract(mart: str, model: Mapping[str, Any]) -> Contract:
    columns = {column["name"]: column for column in model["columns"]}
    tests = (test for test in model.get("data_tests", ()) if isinstance(test, dict))
    unique = [
        t["grain_is_unique"]["arguments"] for t in tests if "grain_is_unique" in t
    ]
    return Contract(
        mart,
        {name: column["data_type"] for name, column in columns.items()},
        tuple(unique[0]["columns"]) if unique else (),
        frozenset(unique[0].get("never_null", ())) if unique else frozenset(),
        {name: tuple(_accepted(column, mart)) for name, column in columns.items()},
    )


def _accepted(column: Mapping[str, Any], mart: str) -> list[str]:
    """Return the values that a column may have: of its contract, else of conditions."""
    listed: list[str] = []
    for test in column.get("data_tests", ()):
        if isinstance(test, dict) and "accepted_values" in test:
            listed += map(str, test["accepted_values"]["arguments"]["values"])
    name = column["name"]
    named = _named_in_conditions(mart).get(name, [])
    if listed:
        return [*listed, *(each for each in named if each in listed)]
    return [*dict.fromkeys(named), f"{name} a"] if named else []


@cache
def _named_in_conditions(mart: str) -> dict[str, list[str]]:
    """Return column → values that expressions and conditions over a mart name."""
    named: dict[str, list[str]] = {}
    for model in files("models"):
        rows = rows_of_model(model["name"])
        if f"{mart} " not in rows.replace(")", " ").replace("\n", " "):
            continue
        asked = f"{model.get('primary_entity')}__"
        saved = (each for each in files("saved_queries") if asked in str(each))
        conditions = [plain(text) for text in _texts([model, *saved])]
        for column, values in _LITERAL.findall(" ".join([rows, *conditions])):
            named.setdefault(column, []).extend(re.findall(r"'%?([^']*)'", values))
    return named


def _texts(written: Any) -> Iterator[str]:
    """Yield the texts within what a file has."""
    match written:
        case str():
            yield written
        case dict():
            yield from _texts([*written.values()])
        case list():
            for each in written:
                yield from _texts(each)


def rows_of(contract: Contract, most: int, unknown: float) -> list[Row]:
    """Return rows of a mart, no two with the same grain.

    Parameters
    ----------
    most : int
        How many rows at most.
    unknown : float
        Share of amounts that are NULL.
    """
    draw = random.Random(contract.mart)
    count = 1 if contract.mart == "core.mart_run" else most
    rows: dict[tuple[Any, ...], Row] = {}
    for number in range(count):
        row = {
            name: _value(draw, contract, name, number, unknown)
            for name in contract.types
        }
        _agree(row)
        rows.setdefault(tuple(row[name] for name in contract.grain) or (number,), row)
    return [*rows.values()]


def _agree(row: Row) -> None:
    """Make columns agree that follow from others."""
    if "is_ai_cost" in row and ({"component", "step"} & row.keys()):
        row["is_ai_cost"] = (row.get("component") or row.get("step")) not in _NOT_AI
    for hours, count in _HOURS_READ.items():
        if count in row and row[hours] is None:
            row[count] = 0
    if "gap_amount" in row and row["compared_cost"] is None:
        row["gap_amount"] = None
    if "is_assigned" in row:
        row["is_assigned"] = row["is_assigned"] and row["is_ai_cost"]
    # The months of half of the models have one owner each, those of others several.
    if {"component", "team_id"} <= row.keys() and (
        row["model_id"] or ""
    ) < "model_id e":
        row["team_id"], row["cost_center"] = "team_id a", "cost_center a"
    if row.get("metric") == "change_fail_ratio" and "event_value" in row:
        row["event_value"] = float((row["event_value"] or 0) > 1)


def _value(
    draw: random.Random, contract: Contract, name: str, number: int, unknown: float
) -> Any:
    """Return a value for a column of a row."""
    kind = contract.types[name].partition("(")[0]
    if kind == "string":
        return _text(draw, contract, name)
    if kind == "boolean":
        return draw.random() < 0.6
    if kind == "date":
        return date(2026, 9, 1) + timedelta(number % 28)
    if kind == "timestamp":
        return datetime(2026, 9, 1) + timedelta(hours=number)  # noqa: DTZ001
    if kind not in _NUMBERS or _is_unknown(draw, contract, name, unknown):
        return None
    return _NUMBERS[kind](draw)


def _is_unknown(
    draw: random.Random, contract: Contract, name: str, unknown: float
) -> bool:
    return draw.random() < unknown and name not in contract.never_null


def _text(draw: random.Random, contract: Contract, name: str) -> str | None:
    if domain := contract.domains.get(name):
        return draw.choice(domain)
    if name == "currency":
        return draw.choice(("EUR", "USD"))
    if name == "window":
        return f"until_{draw.choice(MONTHS)}"
    if "month" in name:
        return draw.choice(MONTHS)
    is_key = name.endswith(("_key", "_id")) or (name, contract.mart) in _SOURCES_OF_RUN
    letters = "abcdefgh" if is_key else "ab"
    choices = tuple(f"{name} {letter}" for letter in letters)
    is_known = name in contract.never_null or contract.mart in _STANDING
    return draw.choice(choices if is_known else (*choices, None))


def publish(root: Path, *, most: int = _ROWS, unknown: float = 0) -> None:
    """Publish a run of invented rows.

    Parameters
    ----------
    most : int
        Rows of a mart at most.
    unknown : float
        Share of amounts that are NULL.
    """
    workspace = Workspace(root)
    workspace.published_dir.mkdir(parents=True, exist_ok=True)
    name = f"run-{len([*workspace.published_dir.iterdir()])}.duckdb"
    with duckdb.connect(str(workspace.published_dir / name)) as connection:
        for contract in contracts().values():
            fill(connection, contract, rows_of(contract, most, unknown))
    workspace.pointer.write_text(f"published/{name}\n", "utf-8")


def fill(
    connection: duckdb.DuckDBPyConnection, contract: Contract, rows: Iterable[Row]
) -> None:
    """Create a mart with rows."""
    schema = contract.mart.partition(".")[0]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    columns = ", ".join(
        f'"{name}" {_TYPES.get(kind, kind)}' for name, kind in contract.types.items()
    )
    connection.execute(f"CREATE TABLE {contract.mart} ({columns})")
    connection.register("invented", pa.Table.from_pylist([*rows]))
    connection.execute(f"INSERT INTO {contract.mart} FROM invented")
