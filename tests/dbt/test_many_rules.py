"""Rules as a list give the answers that rules asked one after the other give."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.layers import examples
from triptych.core.marts.rendering import Renderer
from triptych.core.project_folder import dbt_project_dir

_MACRO = re.compile(r"\{% macro (\w+)\(.*?\{%-? endmacro %\}", re.DOTALL)
VALUES = [f"v{number}" for number in range(60)]
LINES = [*VALUES, "none", None]

conditions = st.builds(
    lambda column, operator, values: {
        "column": column,
        "operator": operator,
        "values": values[:1] if operator == "equals" else values,
    },
    st.sampled_from(["service_name", "sku_id"]),
    st.sampled_from(["equals", "in"]),
    st.lists(st.sampled_from(VALUES), min_size=1, max_size=3),
)
rules = st.builds(
    lambda match, days, target, kind: {
        "match": match,
        "valid_from": days,
        "valid_to": None,
        "target": target,
        "target_kind": kind,
    },
    st.one_of(
        st.lists(conditions, min_size=1, max_size=1),
        st.lists(conditions, min_size=1, max_size=2),
    ),
    st.sampled_from([None, None, None, None, "2026-02-01"]),
    st.sampled_from(["a", "it's", "${service_name}-x"]),
    st.sampled_from(["pool", "model", None]),
)
#: Enough of one column in a row for a list, with others before, between and after.
rule_lists = st.builds(
    lambda first, column, run, last: [
        *first,
        *(
            {**rule, "match": [{**rule["match"][0], "column": column}]}
            | {"valid_from": None}
            for rule in run
        ),
        *last,
    ],
    st.lists(rules, max_size=3),
    st.sampled_from(["service_name", "sku_id"]),
    st.lists(rules, min_size=30, max_size=36),
    st.lists(rules, max_size=3),
)


@cache
def renderer() -> Renderer:
    folder = dbt_project_dir() / "macros"
    names = ("engine/lists.sql", "engine/text.sql", "rules.sql")
    text = "".join((folder / name).read_text("utf-8") for name in names)
    macros = {match[1]: match[0] for match in _MACRO.finditer(text)}
    return Renderer(macros, relations={}, rules={})


@cache
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE lines (service_name VARCHAR, sku_id VARCHAR, charge_date DATE)"
    )
    connection.executemany(
        "INSERT INTO lines VALUES (?, ?, ?)",
        [
            (name, LINES[-place], day)
            for place, name in enumerate(LINES)
            for day in ("2026-01-31", "2026-02-01")
        ],
    )
    return connection


def rendered(call: str, rule_list: list[dict[str, Any]]) -> str:
    return renderer().sql_of(f"{{% set rule_list = {rule_list!r} %}}{{{{ {call} }}}}")


def matches(rule: dict[str, Any], line: tuple[Any, ...]) -> bool:
    row = dict(zip(("service_name", "sku_id"), line[:2], strict=True))
    starts = rule["valid_from"]
    return (starts is None or str(line[2]) >= starts) and all(
        row[each["column"]] in each["values"] for each in rule["match"]
    )


@settings(max_examples=examples(80), deadline=None, derandomize=True)
@given(rule_lists)
def test_the_first_rule_that_matches_takes_a_line(
    rule_list: list[dict[str, Any]],
) -> None:
    position = rendered("first_matching_rule(rule_list, [])", rule_list)
    kind = rendered("rule_attribute('p', rule_list, 'target_kind', \"'?'\")", rule_list)
    target = rendered("rule_target('p', rule_list, [])", rule_list)
    pools = rendered(
        "positions_match('p', rule_list, 'target_kind', ['pool'])", rule_list
    )
    lines = engine().execute("FROM lines").fetchall()
    answers = engine().execute(
        f"SELECT p, {kind}, {target}, {pools}"
        f" FROM (SELECT *, {position} AS p FROM lines)"
    )
    for line, answer in zip(lines, answers.fetchall(), strict=True):
        found = next(
            (place for place, rule in enumerate(rule_list) if matches(rule, line)), None
        )
        if found is None:
            assert answer == (None, "?", None, False)
            continue
        rule = rule_list[found]
        filled = rule["target"].replace("${service_name}", line[0] or "")
        expected = None if "${" in rule["target"] and line[0] is None else filled
        is_pool = rule["target_kind"] == "pool"
        assert answer == (found + 1, rule["target_kind"], expected, is_pool)


def test_many_values_of_one_column_are_compiled_to_a_list() -> None:
    rule_list = [
        {"match": [{"column": "sku_id", "operator": "equals", "values": [value]}]}
        for value in VALUES
    ]
    sql = rendered("first_matching_rule(rule_list, [])", rule_list)
    assert "list_position(" in sql
    assert " when " not in sql
