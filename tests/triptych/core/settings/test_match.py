"""A match becomes a list of conditions that SQL can be written from."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from triptych.core.settings import Condition, normalise_match
from triptych.core.settings.columns import MATCH_COLUMNS, RENAMED_COLUMNS
from triptych.core.settings.document import parse_document
from triptych.core.settings.match import regex_problem, template_problem
from triptych.core.settings.problems import Problems


def condition(column: str, operator: str, *values: str) -> Condition:
    return Condition.model_validate(
        {"column": column, "operator": operator, "values": values}
    )


def complaint_of(match: object) -> str:
    with pytest.raises(PydanticCustomError) as caught:
        normalise_match(match)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "operator", "values"),
    [
        ("Amazon EKS", "equals", ("Amazon EKS",)),
        ("*", "present", ()),
        ({"in": ["a", "b"]}, "in", ("a", "b")),
        ({"prefix": "p4d."}, "prefix", ("p4d.",)),
        ({"prefix": ["p4d.", "p5."]}, "prefix", ("p4d.", "p5.")),
        ({"regex": "^gpu-[0-9]+$"}, "regex", ("^gpu-[0-9]+$",)),
        ({"not": "a"}, "not_equals", ("a",)),
        ({"not": ["a", "b"]}, "not_in", ("a", "b")),
    ],
)
def test_every_form_of_a_value_has_one_condition(
    value: object, operator: str, values: tuple[str, ...]
) -> None:
    assert normalise_match({"service_name": value}) == (
        condition("service_name", operator, *values),
    )
    assert normalise_match({"tags": {"a.b": value}}) == (
        condition("tags.a.b", operator, *values),
    )


def test_an_empty_match_has_no_condition_and_so_holds_for_everything() -> None:
    assert normalise_match({}) == ()


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ("all", "'match' must be a mapping"),
        ({"servce_name": "x"}, "did you mean 'service_name'?"),
        ({"billed_cost": "3"}, "known columns: tags, columns, source, "),
        ({"provider_name": "x"}, "in FOCUS 1.4 it is 'service_provider_name'"),
        ({"tags.model": "x"}, "write tags: {model: …}"),
        ({"tags": "model"}, "'tags' must be a mapping"),
        ({"tags": {}}, "'tags' must be a mapping"),
        ({"tags": {"": "x"}}, "a tag key is empty"),
        ({"tags": {"model": None}}, 'a value is text, "*" (present)'),
        ({"sku_id": ["a"]}, 'a value is text, "*" (present)'),
        ({"sku_id": {}}, 'a value is text, "*" (present)'),
        ({"sku_id": {"in": ["a"], "not": "b"}}, 'a value is text, "*" (present)'),
        ({"sku_id": {"regx": "a"}}, "Did you mean 'regex'?"),
        ({"sku_id": {"in": "a"}}, "'in' takes a list"),
        ({"sku_id": {"in": []}}, "a value is missing"),
        ({"sku_id": {"in": [["a"]]}}, "a value is missing or is not plain text"),
        ({"sku_id": {"not": "*"}}, '"*" stands for "present" and only alone'),
        ({"sku_id": ""}, "an empty value never matches"),
        ({"sku_id": {"regex": "["}}, "regex '[' does not compile: missing ]"),
        ({"sku_id": {"regex": "a(?=b)"}}, "no lookahead or lookbehind"),
        ({"sku_id": {"regex": "(?<!a)b"}}, "no lookahead or lookbehind"),
        ({"sku_id": {"regex": r"(a)\1"}}, "no backreferences"),
    ],
)
def test_what_means_nothing_is_refused_in_words(match: object, text: str) -> None:
    assert text in complaint_of(match)


def test_all_complaints_of_a_match_come_together() -> None:
    with pytest.raises(PydanticCustomError) as caught:
        normalise_match({"nonsense": "x", "tags": {"a": {"no": "b"}}, "sku_id": ""})
    context = caught.value.context
    assert context is not None
    assert [complaint.path for complaint in context["complaints"]] == [
        ("nonsense",),
        ("tags", "a"),
        ("sku_id",),
    ]


TEXTS = st.text(min_size=1, max_size=12).filter(lambda text: text != "*")
LISTS = st.lists(TEXTS, min_size=1, max_size=4)
VALUES = st.one_of(
    st.tuples(TEXTS, st.just("equals")),
    st.tuples(st.just("*"), st.just("present")),
    st.tuples(st.fixed_dictionaries({"in": LISTS}), st.just("in")),
    st.tuples(st.fixed_dictionaries({"prefix": TEXTS}), st.just("prefix")),
    st.tuples(st.fixed_dictionaries({"not": TEXTS}), st.just("not_equals")),
    st.tuples(st.fixed_dictionaries({"not": LISTS}), st.just("not_in")),
)


@given(
    columns=st.dictionaries(st.sampled_from((*MATCH_COLUMNS, "source")), VALUES),
    tags=st.dictionaries(TEXTS, VALUES, max_size=4),
)
def test_every_key_gives_one_condition_in_the_order_written(
    columns: dict[str, tuple[Any, str]], tags: dict[str, tuple[Any, str]]
) -> None:
    match: dict[str, Any] = {name: value for name, (value, _) in columns.items()}
    if tags:
        match["tags"] = {name: value for name, (value, _) in tags.items()}

    conditions = normalise_match(match)

    names = [*columns, *(f"tags.{name}" for name in tags)]
    operators = [operator for _, operator in (*columns.values(), *tags.values())]
    assert [one.column for one in conditions] == names
    assert [one.operator for one in conditions] == operators


PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12
).filter(lambda text: text != "*")


@given(st.dictionaries(st.sampled_from(MATCH_COLUMNS), PRINTABLE, min_size=1))
def test_text_reaches_the_condition_unchanged_through_yaml(
    match: dict[str, str],
) -> None:
    problems = Problems()
    text = json.dumps({"match": match}, ensure_ascii=False)  # JSON is YAML
    document = parse_document(text, name="file.yml", problems=problems)

    assert not problems
    conditions = normalise_match(document.data["match"])
    assert {one.column: one.values[0] for one in conditions} == match


@given(st.text(max_size=20))
def test_a_regex_is_accepted_exactly_when_the_engine_runs_it(pattern: str) -> None:
    try:
        duckdb.connect().execute("SELECT regexp_matches('x', ?)", [pattern]).fetchall()
    except duckdb.Error:
        assert regex_problem(pattern)
    else:
        assert regex_problem(pattern) == ""


@pytest.mark.parametrize(
    "target", ["eta", "${tags.model}", "${resource_id}", "x-${source}-${tags.a.b}"]
)
def test_a_target_may_be_filled_from_columns_and_tags(target: str) -> None:
    assert template_problem(target) == ""


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("${tags.model", "does not close it"),
        ("${modl}", "refers to 'modl'"),
        ("${tags.}", "refers to 'tags.'"),
        ("${}", "refers to ''"),
        ("${resorce_id}", "did you mean 'resource_id'?"),
    ],
)
def test_a_target_that_cannot_be_filled_is_refused(target: str, text: str) -> None:
    assert text in template_problem(target)


def test_match_columns_are_sorted_and_renamed_ones_are_not_among_them() -> None:
    assert list(MATCH_COLUMNS) == sorted(set(MATCH_COLUMNS))
    assert not set(RENAMED_COLUMNS) & set(MATCH_COLUMNS)
    assert set(RENAMED_COLUMNS.values()) <= set(MATCH_COLUMNS)
