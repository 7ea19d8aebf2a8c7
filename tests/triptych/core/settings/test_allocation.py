"""Allocation rules are ready to be compiled, or refused line by line."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from triptych.core.control.rules import rule_sets
from triptych.core.knowledge.knowledge_base import service_rules
from triptych.core.settings import Pool

if TYPE_CHECKING:
    from tests.triptych.core.settings.conftest import SettingsFiles


def test_rules_are_dumped_in_the_shape_that_sql_is_written_from(
    files: SettingsFiles,
) -> None:
    allocation = files.load(
        allocation="""\
scope:
  - {name: office, match: {service_name: Office}, in_scope: false}
  - {name: rest, match: {}}
assignments:
  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
  - name: cluster
    match: {sub_account_id: 001, tags: {cluster: gpu}}
    pool: gpu
    lifecycle_stage: serving
    valid_from: 2026-01-01
pools:
  - {name: gpu, driver: fixed, interval: hour, percentages: {a: 33.3, b: 66.70%}}
policies: {tax: proportional}
"""
    ).allocation

    assert allocation.model_dump(mode="json") == {
        "scope": [
            {
                "name": "office",
                "match": [
                    {
                        "column": "service_name",
                        "operator": "equals",
                        "values": ["Office"],
                    }
                ],
                "in_scope": False,
            },
            {"name": "rest", "match": [], "in_scope": True},
        ],
        "ai_scope": "all",
        "undecided": [],
        "assignments": [
            {
                "name": "tag",
                "match": [
                    {"column": "tags.model", "operator": "present", "values": []}
                ],
                "valid_from": None,
                "valid_to": None,
                "lifecycle_stage": "unknown",
                "target_kind": "model",
                "target": "${tags.model}",
            },
            {
                "name": "cluster",
                "match": [
                    {
                        "column": "sub_account_id",
                        "operator": "equals",
                        "values": ["001"],
                    },
                    {"column": "tags.cluster", "operator": "equals", "values": ["gpu"]},
                ],
                "valid_from": "2026-01-01",
                "valid_to": None,
                "lifecycle_stage": "serving",
                "target_kind": "pool",
                "target": "gpu",
            },
        ],
        "pools": [
            {
                "name": "gpu",
                "driver": "fixed",
                "idle": "show",
                "interval": "hour",
                "kind": "shared",
                "percentages": {"a": "33.3", "b": "66.70"},
                "team": None,
                "idle_payer": None,
                "allocates_only": False,
            }
        ],
        "policies": {
            "unused_commitment": "show",
            "tax": "proportional",
            "credit": "show",
        },
        "task_outcomes": [],
        "fold_tag_case": False,
    }


def test_rules_ask_for_keys_in_any_case_only_where_the_file_does(
    files: SettingsFiles,
) -> None:
    rules = 'assignments: [{name: tag, match: {tags: {model: "*"}}, model: a}]'
    exact = rule_sets(files.load(allocation=rules))["assignment_rules"]
    folded = files.load(allocation=f"{rules}\nfold_tag_case: true")
    assert "folds_tag_case" not in exact[0]
    assert rule_sets(folded)["assignment_rules"][0]["folds_tag_case"] is True


@pytest.mark.parametrize("word", ["MODEL-ID", "<model>", "TODO", "CHANGE-ME"])
def test_a_placeholder_is_refused_wherever_a_name_is_meant(
    files: SettingsFiles, word: str
) -> None:
    complaint = f"'{word}' is a placeholder; write the id or name that is meant."
    refused = files.refused(
        allocation=f"assignments:\n- {{name: a, match: {{}}, model: {word}}}\n",
        catalog=f"models:\n- {{id: {word}}}\n",
    )
    assert len(refused) == 2
    assert all(complaint in line for line in refused)
    assert refused[0].startswith("catalog.yml:2:")
    assert refused[1].startswith("allocation.yml:2:")


def test_without_a_file_everything_is_in_scope_and_nothing_assigned(
    files: SettingsFiles,
) -> None:
    allocation = files.load().allocation

    assert (allocation.scope, allocation.assignments, allocation.pools) == ((), (), ())


def test_what_is_known_as_ai_decides_after_the_rules_of_the_workspace(
    files: SettingsFiles,
) -> None:
    own = "scope:\n  - {name: mail, match: {service_name: Mail}, in_scope: false}\n"
    known = rule_sets(files.load(allocation=f"ai_scope: known\n{own}"))["scope_rules"]
    assert known[0]["name"] == "mail"
    assert [rule["name"] for rule in known[1:]] == [r.id for r in service_rules()]
    assert all(rule["is_known"] for rule in known[1:])
    # Radeon cards draw pictures: some of what is known is known not to be AI.
    assert {rule["in_scope"] for rule in known[1:]} == {"True", "False"}
    held = "ai_scope: known\nundecided:\n  - aws-bedrock\n"
    rules = rule_sets(files.load(allocation=held))["scope_rules"]
    [undecided] = [rule for rule in rules if rule["name"] == "aws-bedrock"]
    assert undecided["in_scope"] == "False"
    for written in (own, f"ai_scope: all\n{own}"):
        rules = rule_sets(files.load(allocation=written))["scope_rules"]
        assert [rule["name"] for rule in rules] == ["mail"]


@pytest.mark.parametrize(
    ("allocation", "expected"),
    [
        (
            "pools:\n  - {name: gpu-cluster, driver: gpu_hour}\n",
            "allocation.yml:2: pool 'gpu-cluster' names driver 'gpu_hour'; known"
            " drivers: gpu_hours, cpu_memory_hours, requests, tokens, direct_cost,"
            " even, fixed. Did you mean 'gpu_hours'?",
        ),
        (
            "pools:\n  - name: p\n    driver: fixed\n    percentages: {a: 33, b: 66}\n",
            "allocation.yml:4: pool 'p': percentages sum to 99, not to 100.",
        ),
        (
            "pools:\n  - {name: p, driver: fixed}\n",
            "allocation.yml:2: pool 'p': driver 'fixed' needs percentages",
        ),
        (
            "pools:\n  - {name: p, driver: even, percentages: {a: 100}}\n",
            "allocation.yml:2: pool 'p': percentages belong to driver 'fixed', not to",
        ),
        (
            "pools:\n  - {name: p, driver: gpu_hours, allocates_only: true}\n",
            "allocation.yml:2: pool 'p': allocates_only is for drivers 'requests' and"
            " 'tokens', not for 'gpu_hours'.",
        ),
        (
            "pools:\n  - {name: p, driver: even}\n  - {name: p, driver: even}\n",
            "allocation.yml:3: pool 'p' is declared twice.",
        ),
        (
            "assignments:\n  - {name: a, match: {}, pool: gpu}\n"
            "pools: [{name: gpus, driver: even}]\n",
            "allocation.yml:2: assignment 'a' names pool 'gpu'; known pools: gpus."
            " Did you mean 'gpus'?",
        ),
        (
            "assignments:\n  - {name: a, match: {}}\n",
            "allocation.yml:2: assignment 'a' has no target; give one of model,",
        ),
        (
            "assignments:\n  - name: a\n    match: {}\n    model: m\n    team: t\n",
            "allocation.yml:5: assignment 'a' has model and team; give exactly one of",
        ),
        (
            "assignments:\n  - {name: a, match: {}, pool: '${tags.pool}'}\n",
            "allocation.yml:2: assignment 'a': pool '${tags.pool}' must be the name",
        ),
        (
            "assignments:\n  - {name: a, match: {}, model: '${tags.model'}\n",
            "allocation.yml:2: assignment 'a': target '${tags.model' opens '${'",
        ),
        (
            "assignments:\n"
            "  - name: a\n"
            "    match:\n"
            "      tags: {model: '*'}\n"
            "      servce_name: x\n"
            "    model: m\n",
            "allocation.yml:5: 'match' names column 'servce_name'",
        ),
        (
            "assignments:\n"
            "  - {name: a, match: {}, model: m, valid_to: 2026-07-01}\n"
            "  - {name: a, match: {}, model: m, valid_from: 2026-06-01}\n",
            "allocation.yml:3: assignment 'a' appears twice for the same days.",
        ),
        (
            "assignments:\n"
            "  - {name: a, match: {}, model: m, valid_from: 2026-07-01,"
            " valid_to: 2026-06-01}\n",
            "allocation.yml:2: assignment 'a' is valid to 2026-06-01, which is not",
        ),
        (
            "assignments:\n  - {name: a, match: {}, model: m, lifecycle_stage: live}\n",
            "allocation.yml:2: assignment 'a' names lifecycle stage 'live'; known"
            " lifecycle stages: training, serving,",
        ),
        ("scope: []\n", "allocation.yml:1: scope is an empty list, which says nothing"),
        (
            "scope:\n  - {name: a, match: {}}\n  - {name: a, match: {}}\n",
            "allocation.yml:3: scope rule 'a' appears twice.",
        ),
        (
            "policies: {tax: owner}\n",
            "allocation.yml:1: policy 'tax' is 'owner'; known policies: show,",
        ),
        (
            "policies: {taxes: show}\n",
            "allocation.yml:1: unknown key 'taxes' in 'policies'; known keys:",
        ),
        ("pool: []\n", "allocation.yml:1: unknown key 'pool'; known keys: scope,"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    files: SettingsFiles, allocation: str, expected: str
) -> None:
    lines = files.refused(allocation=allocation)

    assert len(lines) == 1
    assert lines[0].startswith(expected)


def test_a_name_may_recur_when_its_days_do_not(files: SettingsFiles) -> None:
    settings = files.load(
        allocation="assignments:\n"
        "  - {name: a, match: {}, model: m, valid_to: 2026-07-01}\n"
        "  - {name: a, match: {}, model: m, valid_from: 2026-07-01}\n"
    )

    assert len(settings.allocation.assignments) == 2


def test_owners_must_be_in_the_catalogue_where_there_is_one(
    files: SettingsFiles,
) -> None:
    allocation = (
        "assignments:\n"
        "  - {name: a, match: {}, feature: etaa}\n"
        "  - {name: b, match: {sku_id: x}, team: '${tags.team}'}\n"
    )

    assert files.load(allocation=allocation).allocation.assignments[0].target == "etaa"
    assert files.refused(catalog="features: [{id: eta}]\n", allocation=allocation) == [
        "allocation.yml:2: assignment 'a' names feature 'etaa'; known features: eta."
        " Did you mean 'eta'?"
    ]


def test_the_payer_of_idle_is_a_known_cost_centre(files: SettingsFiles) -> None:
    pools = "pools:\n  - {name: gpu, driver: gpu_hours, idle_payer: cc-2}\n"

    assert files.load(allocation=pools).allocation.pools[0].idle_payer == "cc-2"
    assert files.refused(catalog="cost_centers: [{id: cc-1}]\n", allocation=pools) == [
        "allocation.yml:2: pool 'gpu' names cost centre 'cc-2'; known cost centres:"
        " cc-1. Did you mean 'cc-1'?"
    ]


def test_a_pool_that_nobody_assigns_to_is_a_warning(files: SettingsFiles) -> None:
    settings = files.load(allocation="pools:\n  - {name: idle, driver: even}\n")

    assert settings.warnings == (
        "allocation.yml:2: pool 'idle' is never used: no assignment names it.",
    )


@pytest.mark.parametrize(
    ("first", "second", "is_shadowed"),
    [
        ("match: {}", "match: {service_name: EC2}", True),
        ("match: {service_name: EC2}", "match: {}", False),
        ('match: {tags: {team: "*"}}', "match: {tags: {team: ml}}", True),
        ('match: {tags: {team: "*"}}', "match: {tags: {team: {not: ml}}}", False),
        ("match: {service_name: A}", "match: {service_name: A, sku_id: x}", True),
        ("match: {service_name: A, sku_id: x}", "match: {service_name: A}", False),
        ("match: {}, valid_from: 2026-01-01", "match: {service_name: A}", False),
    ],
)
def test_a_rule_behind_a_broader_one_is_a_warning(
    files: SettingsFiles, first: str, second: str, *, is_shadowed: bool
) -> None:
    settings = files.load(
        allocation=f"assignments:\n"
        f"  - {{name: wide, {first}, feature: eta}}\n"
        f"  - {{name: narrow, {second}, feature: eta}}\n"
    )

    expected = (
        "allocation.yml:3: assignment 'narrow' never applies: 'wide' before it matches"
        " all of its charges. Move 'narrow' up, or remove it.",
    )
    assert settings.warnings == (expected if is_shadowed else ())


def test_a_rule_that_fills_in_its_target_leaves_charges_without_it(
    files: SettingsFiles,
) -> None:
    """Charges without the tag go on to the next rule."""
    settings = files.load(
        allocation="assignments:\n"
        '  - {name: tag, match: {}, feature: "${tags.feature}"}\n'
        "  - {name: rest, match: {}, feature: eta}\n"
        "scope:\n"
        "  - {name: all, match: {}}\n"
        "  - {name: office, match: {service_name: Office}, in_scope: false}\n"
    )

    assert settings.warnings == (
        "allocation.yml:6: scope rule 'office' never applies: 'all' before it matches"
        " all of its charges. Move 'office' up, or remove it.",
    )


def test_a_model_that_the_catalogue_does_not_declare_is_a_warning(
    files: SettingsFiles,
) -> None:
    settings = files.load(
        catalog="models: [{id: eta-v2, aliases: [eta_v2]}]\n",
        allocation="assignments:\n"
        "  - {name: a, match: {service_name: A}, model: eta-v3}\n"
        "  - {name: b, match: {service_name: B}, model: eta_v2}\n"
        "pools:\n"
        "  - {name: p, driver: fixed, percentages: {eta-v2: 60, etta: 40}}\n",
    )

    assert [warning.split(";")[0] for warning in settings.warnings] == [
        "allocation.yml:2: assignment 'a' names model 'eta-v3', which catalog.yml does"
        " not declare",
        "allocation.yml:5: pool 'p' is never used: no assignment names it.",
        "allocation.yml:5: pool 'p' names model 'etta', which catalog.yml does not"
        " declare",
    ]


UNIT = Decimal("0.00000001")
CUTS = st.lists(
    st.integers(0, 100 * 10**8).map(lambda units: units * UNIT), min_size=1, max_size=9
)


@given(CUTS)
def test_percentages_that_sum_to_exactly_100_are_accepted(cuts: list[Decimal]) -> None:
    edges = [Decimal(0), *sorted(cuts), Decimal(100)]
    parts = [after - before for before, after in pairwise(edges)]

    pool = Pool.model_validate(
        {
            "name": "p",
            "driver": "fixed",
            "percentages": {f"m{n}": f"{part:f}" for n, part in enumerate(parts)},
        }
    )

    assert list(pool.percentages.values()) == parts


@given(CUTS, st.sampled_from([UNIT, -UNIT]))
def test_percentages_that_miss_100_by_the_last_digit_are_refused(
    cuts: list[Decimal], error: Decimal
) -> None:
    edges = [Decimal(0), *sorted(cuts), Decimal(100)]
    parts = [after - before for before, after in pairwise(edges)]
    largest = parts.index(max(parts))
    parts[largest] += error

    with pytest.raises(ValidationError):
        Pool.model_validate(
            {
                "name": "p",
                "driver": "fixed",
                "percentages": {f"m{n}": f"{part:f}" for n, part in enumerate(parts)},
            }
        )


@pytest.mark.parametrize("value", ["-1", "101", "nan", "inf", "33.333333333", "half"])
def test_a_percentage_is_a_number_from_0_to_100_with_at_most_8_decimals(
    files: SettingsFiles, value: str
) -> None:
    lines = files.refused(
        allocation="pools:\n"
        "  - name: p\n"
        "    driver: fixed\n"
        "    percentages:\n"
        "      a: 50\n"
        f"      b: {value}\n"
    )

    assert len(lines) == 1
    assert lines[0].startswith("allocation.yml:6: pool 'p'")
