"""A declared plan: its canonical form, its hash, and what it does not accept."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from attribution.causal.plan import Plan

DECLARED: dict[str, Any] = {
    "id": "copilot",
    "feature": "copilot",
    "outcome": "resolved_tickets",
    "outcome_unit": "tickets",
    "launch": date(2026, 3, 1),
    "window": {"start": date(2025, 3, 1), "end": date(2026, 4, 1)},
    "controls": ["traffic", "orders"],
}


def test_the_hash_is_that_of_the_canonical_form() -> None:
    plan = Plan.model_validate(DECLARED)
    assert plan.hash == hashlib.sha256(plan.canonical().encode()).hexdigest()
    assert '"launch":"2026-03-01"' in plan.canonical()


def test_the_order_of_a_file_does_not_change_the_hash() -> None:
    reordered = dict(reversed(DECLARED.items())) | {"controls": ["orders", "traffic"]}
    assert Plan.model_validate(reordered).hash == Plan.model_validate(DECLARED).hash


@pytest.mark.parametrize(
    "change",
    [
        {"launch": date(2026, 3, 2)},
        {"controls": ["traffic"]},
        {"minimum_effect": 2.0},
        {"decision_rule": {"level": 0.95}},
        {"other_launches": [{"name": "price", "on": date(2026, 3, 9)}]},
    ],
)
def test_whatever_is_declared_otherwise_changes_the_hash(
    change: dict[str, Any],
) -> None:
    plan, other = (Plan.model_validate(one) for one in (DECLARED, DECLARED | change))
    assert plan.hash != other.hash
    before = json.loads(plan.canonical())
    changes = other.changes_since(before)
    assert set(changes) == set(change)
    assert all(old == before[name] for name, (old, _) in changes.items())
    assert all(old != new for old, new in changes.values())
    assert plan.changes_since(before) == {}


def test_a_plan_without_the_younger_fields_keeps_the_hash_it_was_locked_with() -> None:
    """The canonical form of a plan as the first version wrote it, by hand."""
    first = (
        '{"anticipation":0,"assignment":null,"controls":["orders","traffic"],'
        '"decision_rule":{"level":0.9,"text":""},"design":"auto","economics":null,'
        '"feature":"copilot","id":"copilot","interference":false,'
        '"launch":"2026-03-01","looks":1,"may_be_negative":false,'
        '"minimum_effect":null,"other_launches":[{"name":"price","on":"2026-03-09",'
        '"units":[]}],"outcome":"resolved_tickets","outcome_unit":"tickets",'
        '"period":"day","planned_units":null,"rollout":{},"scale":"additive",'
        '"seasonal_control":null,"slope":false,"treated":[],'
        '"unaffected_outcome":null,'
        '"window":{"end":"2026-04-01","start":"2025-03-01"}}'
    )
    launches = [{"name": "price", "on": date(2026, 3, 9)}]
    plan = Plan.model_validate(DECLARED | {"other_launches": launches})
    assert plan.canonical() == first
    said_anew: dict[str, Any] = {
        "better": None,
        "drivers": [],
        "guardrails": [],
        "process": None,
        "claim": "feature",
        "ramp_days": 0,
    }
    launches = [launches[0] | {"ramp_days": 0, "column": None}]
    again = Plan.model_validate(DECLARED | said_anew | {"other_launches": launches})
    assert again.hash == hashlib.sha256(first.encode()).hexdigest()


ADOPTION = {"name": "adoption", "column": "seats", "kind": "ai"}


@pytest.mark.parametrize(
    ("change", "before"),
    [
        ({"drivers": [ADOPTION]}, []),
        ({"claim": "joint"}, "feature"),
        ({"ramp_days": 14}, 0),
        ({"process": {}, "outcome_unit": "minutes"}, None),
        ({"better": "higher"}, None),
    ],
)
def test_an_amendment_of_a_younger_field_shows_what_a_plan_without_it_meant(
    change: dict[str, Any], before: object
) -> None:
    plan, other = (Plan.model_validate(one) for one in (DECLARED, DECLARED | change))
    name = next(iter(change))
    assert plan.hash != other.hash
    forth = other.changes_since(json.loads(plan.canonical()))
    back = plan.changes_since(json.loads(other.canonical()))
    assert forth[name][0] == before
    assert back[name] == forth[name][::-1]


def test_a_plan_says_which_columns_it_needs_and_for_what() -> None:
    price = {"name": "price", "on": date(2026, 3, 9), "column": "price_index"}
    plan = Plan.model_validate(
        DECLARED
        | {
            "drivers": [ADOPTION],
            "other_launches": [price],
            "unaffected_outcome": "visits",
            "assignment": {"column": "arm", "unit": "user"},
            "guardrails": [{"column": "complaints", "better": "lower"}],
        }
    )
    assert plan.columns == {
        "traffic": "control",
        "orders": "control",
        "visits": "unaffected_outcome",
        "arm": "assignment",
        "seats": "driver",
        "price_index": "launch",
        "complaints": "guardrail",
    }
    counted = Plan.model_validate(
        DECLARED | {"controls": [], "process": {}, "outcome_unit": "minutes"}
    )
    assert set(counted.columns) == {"volume", "automated_volume", "handling_minutes"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"drivers": [ADOPTION, ADOPTION]}, "used twice"),
        ({"drivers": [ADOPTION | {"column": "traffic"}]}, "no control"),
        ({"drivers": [ADOPTION | {"kind": "price"}]}, "which is the feature"),
        ({"drivers": [ADOPTION | {"carry_over": [1.0]}]}, "less than 1"),
        ({"process": {}}, "say so as unit"),
        ({"launch": date(2026, 4, 1)}, "outside the window"),
        ({"window": {"start": "2026-04-01", "end": "2026-03-01"}}, "before it starts"),
        ({"controls": ["outcome"]}, "column of its own"),
        ({"controls": ["traffic", "traffic"]}, "twice"),
        ({"seasonal_control": "weather"}, "one of the controls"),
        ({"rollout": {"a": "2026-03-05"}}, "earliest date"),
        ({"treated": ["a"], "rollout": {"a": "2026-03-01"}}, "not in both"),
        ({"minimum_effekt": 1.0}, "Extra inputs"),
        ({"minimum_effect": 0.0}, "greater than 0"),
        ({"minimum_effect": float("inf")}, "finite number"),
        ({"design": "two_way_fixed_effects"}, "counterfactual_series"),
    ],
)
def test_a_plan_that_contradicts_itself_is_not_taken(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Plan.model_validate(DECLARED | change)


def test_the_break_even_is_cost_divided_by_worth() -> None:
    economics = {"cost_amount": 12_000.0, "value_amount_per_unit": 8.0}
    plan = Plan.model_validate(DECLARED | {"economics": economics})
    assert plan.break_even == 1_500.0
    assert Plan.model_validate(DECLARED).break_even is None


def test_where_lower_is_better_a_fall_pays() -> None:
    economics = {"cost_amount": 12_000.0, "value_amount_per_unit": 8.0}
    lower = DECLARED | {"economics": economics, "better": "lower"}
    assert Plan.model_validate(lower).break_even == -1_500.0
    assert Plan.model_validate(lower | {"better": "higher"}).break_even == 1_500.0
