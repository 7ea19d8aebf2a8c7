"""Every question to Railway is valid against the types that its schema documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from ingest.sources.railway import queries

SCHEMA = Path(__file__).with_name("railway_schema.graphql")


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(SCHEMA.read_text("utf-8"))


@pytest.mark.parametrize("operation", sorted(queries.ALL))
def test_a_question_is_valid_and_carries_its_name(
    schema: GraphQLSchema, operation: str
) -> None:
    document = parse(queries.ALL[operation])

    assert validate(schema, document) == []
    (definition,) = document.definitions
    assert definition.name.value == operation  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("includeDeleted: true", "includeRemoved: true"),
        ("    measurement\n", "    amountDollars\n"),
        ("$startDate: DateTime!", "$startDate: Int!"),
        ("SERVICE_ID", "SERVICE_NAME"),
    ],
)
def test_a_question_that_the_schema_does_not_know_is_found(
    schema: GraphQLSchema, right: str, wrong: str
) -> None:
    assert right in queries.USAGE
    planted = queries.USAGE.replace(right, wrong)

    assert validate(schema, parse(planted)) != []


def test_nothing_that_was_deleted_is_left_out() -> None:
    for name in ("Projects", "Usage", "Deployments"):
        assert "includeDeleted: true" in queries.ALL[name]


def test_nobody_and_no_log_is_asked_for() -> None:
    text = " ".join(queries.ALL.values())

    assert not re.search(r"\b(creator|email|members|billingAddress|\w*Logs)\b", text)
