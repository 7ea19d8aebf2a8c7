"""Every model that computes, against rows whose result was worked out by hand.

The cases stand beside the models, in ``_*__unit_tests.yml``, each with its arithmetic.
Here they run on the SQL that dbt compiled; in the full layer dbt runs them itself.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.dbt.unit_cases import UnitBench, UnitCase, unit_cases
from triptych.core.warehouse.frozen_marts import FROZEN_MARTS

if TYPE_CHECKING:
    from tests.dbt.dbt_commands import DbtCommands
HALVED = "twice_the_deployments_halve_the_cost_of_one"
#: Models that pass rows or columns on and compute nothing.
COMPUTES_NOTHING = {
    "dim_features",
    "dim_teams",
    "int_accelerator_usage",
    "int_charges_delivered",
    "int_compute_usage",
    "int_machine_charges",
    "int_model_usage",
    "int_node_usage",
    "mart_attribution_checks",
    "mart_attribution_contributions",
    "mart_attribution_counterfactuals",
    "mart_attribution_estimates",
    "mart_attribution_sensitivity",
    "mart_attribution_studies",
    "mart_loads",
    "mart_period_comments",
    "mart_period_events",
    "mart_roi_overlaps",
    "mart_roi_sensitivity",
    "mart_run",
    "mart_study_ledger",
    "mart_value_validations",
    *(
        f"stg_closed_months__{mart.name.partition('_')[2]}"
        for mart in FROZEN_MARTS
        # All are one macro, which is tested with this one.
        if mart.name != "mart_cost_waterfall"
    ),
    "stg_tables__fx_rates",
}


@pytest.fixture(scope="module")
def bench(dbt: DbtCommands) -> UnitBench:
    return UnitBench(dbt)


def chosen() -> list[UnitCase]:
    """Return all cases, or those of the models that tests.mutants names."""
    models = os.environ.get("TRIPTYCH_UNIT_TESTS_OF", "").split()
    return [case for case in unit_cases() if case.model in models or not models]


def test_every_model_computes_what_was_worked_out_by_hand(bench: UnitBench) -> None:
    cases = [case for case in chosen() if not case.is_incremental]
    differences = {case.name: bench.difference(case) for case in cases}
    failures = [f"{name}: {text}" for name, text in differences.items() if text]
    assert cases
    assert not failures, "\n\n".join(failures)


@pytest.mark.full
def test_dbt_says_the_same_of_every_model(dbt: DbtCommands) -> None:
    dbt.run("test", "--select", "test_type:unit")
    results = dbt.results()
    failures = [
        f"{result['unique_id'].split('.', 2)[-1]}: {result['message']}"
        for result in results
        if result["status"] != "pass"
    ]
    assert len(results) == len(unit_cases())
    assert not failures, "\n\n".join(failures)


def test_a_case_that_does_not_hold_is_noticed(bench: UnitBench) -> None:
    [case] = [case for case in unit_cases() if case.name == HALVED]
    assert bench.difference(case) == ""
    assert isinstance(case.expected, tuple)
    for wrong in (
        replace(case, expected=case.expected[1:]),
        replace(case, expected=(*case.expected, case.expected[0])),
        replace(case, given=()),
        replace(case, expected=(*case.expected[:-1], {**case.expected[-1], "x": 1})),
    ):
        assert bench.difference(wrong)


def test_a_case_without_the_rules_that_its_model_asks_for_is_noticed(
    bench: UnitBench,
) -> None:
    """A workspace has them in its settings; a unit test of dbt has none."""
    case = next(c for c in unit_cases() if "sites" in c.overrides.get("vars", {}))
    assert bench.difference(case) == ""
    assert "sites" in bench.difference(replace(case, overrides={}))


def test_every_model_that_computes_has_a_unit_test(bench: UnitBench) -> None:
    tested = {case.model for case in unit_cases()}
    assert bench.models - tested == COMPUTES_NOTHING


def test_every_unit_test_says_how_its_numbers_came_about() -> None:
    assert [case.name for case in unit_cases() if not case.description] == []


@pytest.mark.peer_defect("a fan-out cancels the denominator")
def test_twice_the_deployments_halve_the_cost_of_one(bench: UnitBench) -> None:
    """5, 50 and 500 pull requests had all the same cost of one; the case says more."""
    [case] = [case for case in unit_cases() if case.name == HALVED]
    assert bench.difference(case) == ""
