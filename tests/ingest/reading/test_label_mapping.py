"""Labels of a reading become a model and a pool."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ingest.reading.label_mapping import LabelMapping, MappingRule, Target

ETA = {"tag": ("env:prod", "feature:eta"), "team": ("ml", "id-1"), "provider": ()}


def target(*rules: dict[str, Any]) -> Target:
    mapping = LabelMapping([MappingRule.model_validate(rule) for rule in rules])
    return mapping.target(ETA)


def test_the_first_rule_that_names_a_target_gives_it_for_each_target() -> None:
    assert target(
        {"match": {"tag": "feature:chat"}, "model": "chat", "pool": "chat"},
        {"match": {"team": "ml"}, "pool": "key"},
        {"match": {"tag": "feature:eta"}, "model": "eta-v2", "pool": "other"},
        {"match": {}, "model": "rest"},
    ) == Target("eta-v2", "key")


def test_what_no_rule_matches_has_no_target() -> None:
    assert target({"match": {"tag": "eta"}, "model": "eta"}) == Target(None, None)
    assert target() == Target(None, None)


@pytest.mark.parametrize(
    ("match", "is_matched"),
    [
        ({}, True),
        ({"team": "*"}, True),
        ({"provider": "*"}, False),
        ({"unheard": "*"}, False),
        ({"team": "id-1"}, True),
        ({"team": {"in": ["x", "ml"]}}, True),
        ({"team": {"not": "ml"}}, False),
        ({"team": {"not": ["x", "y"]}}, True),
        ({"provider": {"not": "openai"}}, True),
        ({"tag": {"prefix": ["x", "env:"]}}, True),
        ({"tag": {"regex": "^feature:e.a$"}}, True),
        ({"tag": {"regex": "^e.a$"}}, False),
        ({"team": "ml", "tag": "feature:chat"}, False),
    ],
)
def test_all_conditions_must_hold_for_some_value(
    match: dict[str, Any], is_matched: bool
) -> None:
    model = "m" if is_matched else None
    assert target({"match": match, "model": "m"}).model_id == model


def test_a_target_may_be_what_matched_without_the_prefix_asked_for() -> None:
    rule = {
        "match": {"tag": {"prefix": "feature:"}, "team": "ml"},
        "model": "${team}/${tag}",
        "pool": "${team}",
    }
    assert target(rule) == Target("ml/eta", "ml")


def test_a_template_that_is_left_with_nothing_names_no_model() -> None:
    rule = {"match": {"tag": {"prefix": "feature:eta"}}, "model": "${tag}"}
    assert target(rule, {"match": {}, "model": "rest"}).model_id == "rest"


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"match": {}}, "needs 'model', 'pool' or both"),
        ({"match": {"a": 5}, "model": "m"}, "the value of 'a' is text"),
        ({"match": {"a": {"like": "x"}}, "model": "m"}, "the value of 'a' is text"),
        ({"match": {"a": {"in": []}}, "model": "m"}, "the value of 'a' is text"),
        ({"match": {"a": {"regex": "("}}, "model": "m"}, "pattern of 'a' cannot"),
        ({"match": {"a": "x"}, "model": "${b}"}, "'\\${b}' is no label"),
        ({"match": {}, "model": "m", "team": "x"}, "Extra inputs"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(
    rule: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MappingRule.model_validate(rule)
