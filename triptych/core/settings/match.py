"""Match of a rule: a mapping in the file, conditions for the engine.

::

    service_name: Amazon EKS            equals
    resource_id: "*"                    present
    service_name: {in: [a, b]}          in
    sku_id: {prefix: p4d.}              prefix
    resource_name: {regex: "^gpu-"}     regex
    region_id: {not: eu-central-1}      not_equals
    region_id: {not: [a, b]}            not_in
    tags: {team: ml}                    the same for a tag: column ``tags.team``
    columns: {CostCenter: "7"}          the same for any column of the bill
    x_CostCenter: "7"                   the same, for a provider's own FOCUS column

All conditions of a match must hold. ``{}`` has none and matches every charge.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from triptych.core.declared import Declared
from triptych.core.settings.columns import (
    DELIVERED_PREFIX,
    MATCH_COLUMNS,
    RENAMED_COLUMNS,
    SOURCE_COLUMN,
    TAG_PREFIX,
    is_known_column,
    is_own_column,
)
from triptych.core.settings.complaint import Complaint, complaints_error
from triptych.core.settings.problems import known_names

if TYPE_CHECKING:
    import duckdb

    from triptych.core.settings.document import ValuePath

Operator = Literal["equals", "present", "in", "prefix", "regex", "not_equals", "not_in"]

_PRESENT = "*"
_FILE_OPERATORS = ("in", "prefix", "regex", "not")
_TEMPLATE = re.compile(r"\$\{([^}]*)\}")


class Condition(Declared):
    """A single condition on a charge.

    Attributes
    ----------
    column : str
        A FOCUS column in snake case, ``source``, ``tags.<key>`` or ``columns.<name>``.
    operator : str
        Operator that compares ``values``.
    values : tuple of str
        Compared as text; empty for ``present``.
    """

    column: str
    operator: Operator
    values: tuple[str, ...] = ()


def normalise_match(given: object) -> tuple[Condition, ...]:
    """Turn the mapping of a file into conditions, in the order written.

    Raises
    ------
    pydantic_core.PydanticCustomError
        Part of it means nothing; every part is named.
    """
    if isinstance(given, tuple) and all(isinstance(one, Condition) for one in given):
        return given
    complaints: list[Complaint] = []
    conditions = _conditions(given, complaints)
    if complaints:
        raise complaints_error(complaints)
    return tuple(conditions)


def _conditions(given: object, complaints: list[Complaint]) -> list[Condition]:
    if not isinstance(given, dict):
        text = "'match' must be a mapping, such as {service_name: Amazon EKS}."
        complaints.append(Complaint((), text))
        return []
    conditions = []
    for key, value in given.items():
        if key == "tags":
            conditions += _keyed_conditions("tags", value, complaints)
        elif key == "columns":
            conditions += _keyed_conditions("columns", value, complaints)
        elif is_own_column(key):
            column = f"{DELIVERED_PREFIX}{key}"
            conditions += _condition(column, value, (key,), complaints)
        elif key == SOURCE_COLUMN or key in MATCH_COLUMNS:
            conditions += _condition(key, value, (key,), complaints)
        else:
            complaints.append(Complaint((key,), _unknown_column(key)))
    return conditions


def _unknown_column(key: str) -> str:
    if key.startswith(TAG_PREFIX):
        tag = key.removeprefix(TAG_PREFIX)
        return f"'match' names column {key!r}; write tags: {{{tag}: …}}."
    if key in RENAMED_COLUMNS:
        now = RENAMED_COLUMNS[key]
        return f"'match' names column {key!r}; in FOCUS 1.4 it is {now!r}."
    known = known_names(
        "columns", ["tags", "columns", SOURCE_COLUMN, *MATCH_COLUMNS], given=key
    )
    return f"'match' names column {key!r}, which the ledger does not have; {known}"


_EXAMPLES = {"tags": "tag keys, such as {team: ml}", "columns": "column names"}


def _keyed_conditions(
    section: str, given: object, complaints: list[Complaint]
) -> list[Condition]:
    """Return the conditions of ``tags`` or ``columns``, with free keys."""
    if not isinstance(given, dict) or not given:
        text = f"{section!r} must be a mapping of {_EXAMPLES[section]}."
        complaints.append(Complaint((section,), text))
        return []
    conditions = []
    for key, value in given.items():
        if not key:
            what = "a tag key" if section == "tags" else "a column name"
            complaints.append(Complaint((section, key), f"{what} is empty."))
            continue
        path = (section, key)
        conditions += _condition(f"{section}.{key}", value, path, complaints)
    return conditions


def _condition(
    column: str, value: object, path: ValuePath, complaints: list[Complaint]
) -> list[Condition]:
    """Return a condition, or none after adding its errors."""
    try:
        operator, values = _operator_and_values(value)
        problem = _values_problem(operator, values)
    except ValueError as error:
        problem = str(error)
    if problem:
        complaints.append(Complaint(path, f"'match' of {column!r}: {problem}"))
        return []
    return [Condition(column=column, operator=operator, values=values)]


def _operator_and_values(value: object) -> tuple[Operator, tuple[str, ...]]:
    if value == _PRESENT:
        return "present", ()
    if isinstance(value, str):
        return "equals", (value,)
    if isinstance(value, dict) and len(value) == 1:
        [(name, operand)] = value.items()
        return _named_operator(name, operand)
    raise ValueError(
        'a value is text, "*" (present), or one of {in: [..]}, {prefix: ..},'
        " {regex: ..}, {not: ..}."
    )


def _named_operator(name: str, operand: object) -> tuple[Operator, tuple[str, ...]]:
    is_list = isinstance(operand, list)
    values = _texts(operand if isinstance(operand, list) else [operand])
    match name:
        case "in":
            if not is_list:
                raise ValueError("'in' takes a list, such as {in: [a, b]}.")
            return "in", values
        case "prefix":
            return "prefix", values
        case "regex":
            return "regex", values
        case "not":
            return ("not_in" if is_list else "not_equals"), values
    known = known_names("operators", _FILE_OPERATORS, given=name)
    raise ValueError(f"unknown operator {name!r}; {known}")


def _texts(values: list[Any]) -> tuple[str, ...]:
    if not values or not all(isinstance(value, str) and value for value in values):
        raise ValueError("a value is missing or is not plain text.")
    return tuple(values)


def _values_problem(operator: Operator, values: tuple[str, ...]) -> str:
    """Return why ``values`` cannot be compared; empty when they can."""
    if "" in values:
        return "an empty value never matches; use {not: ..} or leave it out."
    if operator != "regex" and _PRESENT in values:
        return '"*" stands for "present" and only alone.'
    if operator == "regex":
        problems = (regex_problem(pattern) for pattern in values)
        return next((problem for problem in problems if problem), "")
    return ""


@lru_cache(maxsize=4096)  # a page reads the settings again, with the same patterns
def regex_problem(pattern: str) -> str:
    """Return why the engine cannot run ``pattern``; empty when it can.

    The engine itself is asked. It has neither lookaround nor backreferences, which
    is why its regular expressions take linear time.
    """
    import duckdb  # noqa: PLC0415  (only rules with a regex pay for the import)

    try:
        # A separate cursor: a shared cursor would keep the unread answer.
        with _engine().cursor() as cursor:
            cursor.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].partition("Error: ")[2]
        hint = _regex_hint(reason)
        return f"regex {pattern!r} does not compile: {reason}.{hint}"
    return ""


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """Return an engine for all patterns: starting takes longer than a query."""
    import duckdb  # noqa: PLC0415  (as above)

    return duckdb.connect(":memory:", config={"threads": 1})


def _regex_hint(reason: str) -> str:
    if re.search(r"invalid perl operator: \(\?[=!<]", reason):
        return " The engine has no lookahead or lookbehind."
    if re.search(r"invalid escape sequence: \\[1-9k]", reason):
        return " The engine has no backreferences."
    return ""


def template_problem(target: str) -> str:
    """Return why ``target`` cannot be filled in from a charge; empty when it can."""
    names = _TEMPLATE.findall(target)
    if "${" in _TEMPLATE.sub("", target):
        return f"target {target!r} opens '${{' and does not close it."
    for name in names:
        if not is_known_column(name):
            known = known_names(
                "columns", ["tags.KEY", SOURCE_COLUMN, *MATCH_COLUMNS], given=name
            )
            return f"target {target!r} refers to {name!r}; {known}"
    return ""


def template_columns(target: str) -> list[str]:
    """Return the columns from which a target is filled in."""
    return _TEMPLATE.findall(target)


def is_template(target: str) -> bool:
    """Return True if ``target`` is filled in charge by charge."""
    return "${" in target


Match = Annotated[tuple[Condition, ...], BeforeValidator(normalise_match)]
