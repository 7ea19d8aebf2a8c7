"""The unit tests that stand beside the models, run on compiled SQL in memory.

dbt runs them, too, in the full layer: it renders each row of each input through macros
and asks for columns anew, which takes fifteen times as long.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import yaml

from triptych.core.control.rules import rule_sets
from triptych.core.marts.recipe import read_recipe
from triptych.core.marts.rendering import Renderer
from triptych.core.project_folder import dbt_project_dir
from triptych.core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.dbt.dbt_commands import DbtCommands

    Row = Mapping[str, Any]

_REF = re.compile(r"""ref\(\s*['"](\w+)['"]\s*\)""")
_RULES = re.compile(r"""\brules\(\s*['"](\w+)['"]\s*\)""")
_SOURCE = re.compile(r"""source\(\s*['"](\w+)['"]\s*,\s*['"](\w+)['"]\s*\)""")


@dataclass(frozen=True, slots=True)
class UnitCase:
    """A unit test: rows that a model reads, and rows or SQL that it makes of them."""

    name: str
    model: str
    description: str
    given: tuple[Mapping[str, Any], ...]
    expected: tuple[Row, ...] | str
    overrides: Mapping[str, Mapping[str, Any]]

    @property
    def is_incremental(self) -> bool:
        """Whether it is of SQL that dbt alone renders: that of changed months."""
        return bool(self.overrides.get("macros", {}).get("is_incremental"))


@functools.cache
def unit_cases() -> tuple[UnitCase, ...]:
    """Return every unit test of the project."""
    return tuple(_read_cases())


def _read_cases() -> Iterator[UnitCase]:
    for path in sorted((dbt_project_dir() / "models").rglob("_*unit_tests.yml")):
        written = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        for test in written["unit_tests"]:
            yield UnitCase(
                test["name"],
                test["model"],
                test.get("description", ""),
                tuple(test.get("given", ())),
                _rows(test["expect"]),
                test.get("overrides", {}),
            )


def _rows(written: Mapping[str, Any]) -> tuple[Row, ...] | str:
    rows = written.get("rows") or ()
    return str(rows) if written.get("format") == "sql" else tuple(rows)


class UnitBench:
    """Every relation of an empty workspace as a table in memory, and all models.

    Parameters
    ----------
    dbt : DbtCommands
        On a workspace in which every relation exists.
    """

    def __init__(self, dbt: DbtCommands) -> None:
        rules = rule_sets(load_settings(dbt.workspace.root))
        recipe = read_recipe(rules)
        self._manifest = recipe.manifest
        self._relations = {
            **{node.name: node.relation for node in recipe.nodes if not node.is_test},
            **{
                ".".join(key.split(".")[2:]): relation
                for key, relation in recipe.sources.items()
            },
        }
        self._renderer = Renderer(recipe.manifest["macros"], self._relations, {})
        self._sql = {node.name: node.sql for node in recipe.nodes if not node.is_test}
        self._connection = duckdb.connect(config={"threads": 1})
        self._types = _tables(self._connection, dbt)

    @property
    def models(self) -> set[str]:
        """Return the names of all models."""
        return set(self._sql)

    def difference(self, case: UnitCase) -> str:
        """Return how the rows of a model differ from those expected; empty if not."""
        if refusal := self._refusal_of_dbt(case):
            return refusal
        filled = [self._fill(given) for given in case.given]
        try:
            return self._compare(self._sql_of(case), case.expected)
        except duckdb.Error as error:
            return str(error)
        finally:
            for table in filled:
                self._connection.execute(f"DELETE FROM {table}")

    def _refusal_of_dbt(self, case: UnitCase) -> str:
        """Return why dbt could not run a case: it knows no rules but those given."""
        asked = _RULES.findall(self._raw_code(case) or "")
        if missing := sorted({*asked} - {*case.overrides.get("vars", {})}):
            return f"overrides: vars: it gives no {', '.join(missing)}"
        rows = () if isinstance(case.expected, str) else case.expected
        if len({frozenset(row) for row in rows}) > 1:
            return "the rows that are expected do not have the same columns"
        return ""

    def _raw_code(self, case: UnitCase) -> str | None:
        raw_code = self._manifest["reading_rules"].get(f"model.triptych.{case.model}")
        return None if raw_code is None else str(raw_code)

    def _sql_of(self, case: UnitCase) -> str:
        given = case.overrides.get("vars")
        raw_code = self._raw_code(case)
        if given is None or raw_code is None:
            return self._sql[case.model]
        # Its macros are compiled once; rules are looked up whenever a model asks.
        self._renderer.rules = given
        return self._renderer.sql_of(raw_code)

    def _fill(self, given: Mapping[str, Any]) -> str:
        table, rows = self._relation(given["input"]), given.get("rows") or []
        if given.get("format") == "sql":
            self._connection.execute(f"INSERT INTO {table} BY NAME {rows}")
            return table
        if rows:
            types = self._types[table]
            given_rows = [f"SELECT {_cast(row, types)}" for row in rows]
            values = " UNION ALL BY NAME ".join(given_rows)
            self._connection.execute(f"INSERT INTO {table} BY NAME {values}")
        return table

    def _relation(self, written: str) -> str:
        if model := _REF.search(written):
            return self._relations[model[1]]
        source = _SOURCE.search(written)
        assert source is not None, written
        return self._relations[f"{source[1]}.{source[2]}"]

    def _compare(self, sql: str, expected: tuple[Row, ...] | str) -> str:
        ask = self._connection
        ask.execute(f"CREATE OR REPLACE TEMP TABLE found AS {sql}")
        if not expected:
            extra = ask.execute("FROM found").fetchall()
            return f"unexpected: {extra}" if extra else ""
        described = ask.execute("DESCRIBE found").fetchall()
        types = {name: type_ for name, type_, *_ in described}
        compared = list(types if isinstance(expected, str) else expected[0])
        names = ", ".join(f'"{name}"' for name in compared)
        wanted = expected
        if not isinstance(wanted, str):
            rows = [{name: row[name] for name in compared} for row in wanted]
            wanted = " UNION ALL ".join(f"SELECT {_cast(row, types)}" for row in rows)
        found = f"SELECT {names} FROM found"
        wanted = f"SELECT {names} FROM ({wanted})"
        if _counted(ask, wanted) == _counted(ask, found):
            return ""
        lost = ask.execute(f"{wanted} EXCEPT ALL {found}").fetchall()
        extra = ask.execute(f"{found} EXCEPT ALL {wanted}").fetchall()
        return f"expected: {lost}; found: {extra}" if lost or extra else ""


def _counted(ask: duckdb.DuckDBPyConnection, sql: str) -> Counter[str]:
    """Return rows as they are written → how many there are."""
    return Counter(str(row) for row in ask.execute(sql).fetchall())


def _cast(row: Row, types: Mapping[str, str]) -> str:
    """Return the values of a row as dbt writes them: each cast to its column's type."""
    known = {name.lower(): type_ for name, type_ in types.items()}
    return ", ".join(
        f'CAST({_literal(value)} AS {known[name.lower()]}) AS "{name}"'
        for name, value in row.items()
    )


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str | date):
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)


def _tables(
    connection: duckdb.DuckDBPyConnection, dbt: DbtCommands
) -> dict[str, dict[str, str]]:
    """Make a table of each relation; return relation → column → type."""
    types: dict[str, dict[str, str]] = {}
    for database, path in (
        ("build", dbt.workspace.build_database),
        ("raw", dbt.workspace.raw_database),
    ):
        with duckdb.connect() as built:
            # A view of the build reads the catalogue.
            raw = dbt.workspace.raw_database
            if database == "build":
                built.execute(f"ATTACH '{raw}' AS raw (READ_ONLY)")
            built.execute(f"ATTACH '{path}' AS {database} (READ_ONLY)")
            rows = built.execute(
                "SELECT schema_name, table_name, column_name, data_type"
                f" FROM duckdb_columns() WHERE database_name = '{database}'"
                " AND NOT internal ORDER BY schema_name, table_name, column_index"
            ).fetchall()
        connection.execute(f"ATTACH ':memory:' AS {database}")
        for schema in {row[0] for row in rows} - {"main"}:
            connection.execute(f'CREATE SCHEMA {database}."{schema}"')
        for schema, table, column, type_ in rows:
            relation = f'"{database}"."{schema}"."{table}"'
            types.setdefault(relation, {})[column] = type_
    for relation, columns in types.items():
        described = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
        connection.execute(f"CREATE TABLE {relation} ({described})")
    return types
