"""Every model that computes, against rows whose result was worked out by hand.

The cases stand beside the models, in ``_*__unit_tests.yml``, each with its arithmetic.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from triptych.core.warehouse.frozen_marts import FROZEN_MARTS

if TYPE_CHECKING:
    from tests.dbt.dbt_commands import DbtCommands

#: Models that pass rows or columns on and compute nothing.
COMPUTES_NOTHING = {
    "dim_features",
    "dim_teams",
    "int_accelerator_usage",
    "int_charges_unioned",
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
    "stg_delivery__commits",
    "stg_tables__fx_rates",
}


@pytest.fixture(scope="module")
def unit_test_run(dbt: DbtCommands) -> DbtCommands:
    # All of them, or those of the models that tests.mutants names.
    models = os.environ.get("TRIPTYCH_UNIT_TESTS_OF", "").split()
    selected = [f"{model},test_type:unit" for model in models] or ["test_type:unit"]
    dbt.run("test", "--select", *selected)
    return dbt


def test_every_model_computes_what_was_worked_out_by_hand(
    unit_test_run: DbtCommands,
) -> None:
    results = unit_test_run.results()
    failures = [
        f"{result['unique_id'].split('.', 2)[-1]}: {result['message']}"
        for result in results
        if result["status"] != "pass"
    ]
    assert results
    assert not failures, "\n\n".join(failures)


def test_every_model_that_computes_has_a_unit_test(unit_test_run: DbtCommands) -> None:
    manifest = unit_test_run.manifest()
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    models = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    assert models - tested == COMPUTES_NOTHING


def test_every_unit_test_says_how_its_numbers_came_about(
    unit_test_run: DbtCommands,
) -> None:
    silent = [
        test["name"]
        for test in unit_test_run.manifest()["unit_tests"].values()
        if not test["description"]
    ]
    assert silent == []


@pytest.mark.peer_defect("a fan-out cancels the denominator")
def test_twice_the_deployments_halve_the_cost_of_one(
    unit_test_run: DbtCommands,
) -> None:
    """5, 50 and 500 pull requests had all the same cost of one; the case says more."""
    (status,) = [
        result["status"]
        for result in unit_test_run.results()
        if result["unique_id"].endswith("twice_the_deployments_halve_the_cost_of_one")
    ]
    assert status == "pass"
