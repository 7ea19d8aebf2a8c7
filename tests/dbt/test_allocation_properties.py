"""For any charges, weights and policies the allocation conserves money, exactly.

The compiled SQL of the models is compared with a reference in fractions that was
written apart from it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.allocation_case import Case, cases
from tests.dbt.allocation_reference import Allocation, Amounts, Place
from tests.dbt.compiled_models import CompiledAllocation
from tests.layers import examples

if TYPE_CHECKING:
    from tests.dbt.dbt_commands import DbtCommands

#: Enough to meet each driver with each policy, few enough for a quick test.
quickly = settings(
    max_examples=examples(40),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def allocation(dbt: DbtCommands) -> CompiledAllocation:
    return CompiledAllocation(dbt)


def sums_by_place(allocation: CompiledAllocation) -> dict[Place, Amounts]:
    rows = allocation.query(
        "SELECT source, billing_month, charge_date::timestamp, currency, component,"
        " pool_id, model_id, team_id, sum(billed_cost), sum(effective_cost)"
        " FROM build.intermediate.int_costs_by_component GROUP BY ALL"
    )
    return {row[:8]: row[8:] for row in rows}


def sums_by_month(
    allocation: CompiledAllocation, table: str
) -> list[tuple[object, ...]]:
    return allocation.query(
        "SELECT source, billing_month, currency, sum(billed_cost), sum(effective_cost)"
        f" FROM build.intermediate.{table} GROUP BY ALL ORDER BY ALL"
    )


def everything(allocation: CompiledAllocation) -> list[list[tuple[object, ...]]]:
    return [
        allocation.query(f"SELECT * FROM build.intermediate.{table} ORDER BY ALL")
        for table in (
            "int_pool_shares",
            "int_pool_costs_allocated",
            "int_idle_costs_distributed",
            "int_costs_by_component",
        )
    ]


@quickly
@given(case=cases())
def test_every_amount_ends_where_a_reference_in_fractions_says(
    allocation: CompiledAllocation, case: Case
) -> None:
    allocation.run(case)
    assert sums_by_place(allocation) == Allocation(case).components()


@quickly
@given(case=cases())
def test_components_sum_to_the_ledger_per_source_month_currency_and_basis(
    allocation: CompiledAllocation, case: Case
) -> None:
    allocation.run(case)
    ledger = sums_by_month(allocation, "int_charges_owned")
    assert sums_by_month(allocation, "int_costs_by_component") == ledger


@quickly
@given(case=cases())
def test_whatever_a_pool_leaves_unallocated_has_its_reason_to_the_last_digit(
    allocation: CompiledAllocation, case: Case
) -> None:
    allocation.run(case)
    sums = (
        "SELECT source, billing_month, currency, pool_id, sum(billed_cost),"
        " sum(effective_cost) FROM build.intermediate.{} GROUP BY ALL ORDER BY ALL"
    )
    ended = "(SELECT * FROM build.intermediate.int_costs_by_component"
    ended += " WHERE component = 'unallocated' AND pool_id IS NOT NULL)"
    left = allocation.query(sums.replace("build.intermediate.{}", ended))
    assert allocation.query(sums.format("int_pool_costs_unallocated")) == left
    silent = allocation.query(
        "SELECT * FROM build.intermediate.int_pool_costs_unallocated"
        " WHERE reason IS NULL OR (driver IS NULL) <> (reason = 'undeclared_pool')"
    )
    assert silent == []


@quickly
@given(case=cases())
def test_parts_of_a_charge_date_sum_to_it_and_shares_lie_between_0_and_1(
    allocation: CompiledAllocation, case: Case
) -> None:
    allocation.run(case)
    sums = (
        "SELECT pool_id, charged_kind, component, metered_interval, charge_date,"
        " source, lifecycle_stage, currency, sum(billed_cost), sum(effective_cost)"
        " FROM build.intermediate.{} GROUP BY ALL ORDER BY ALL"
    )
    divided = allocation.query(sums.format("int_pool_costs_allocated"))
    assert divided == allocation.query(sums.format("int_pool_costs_with_meter"))
    differing = allocation.query(
        "SELECT pool_id FROM build.intermediate.int_pool_shares"
        " GROUP BY pool_id, charged_kind, allocation_interval, interval_started_at"
        " HAVING min(share) < 0 OR sum(share) > 1"
        " OR sum(share) < 1 - count(*) * 0.00000000000001"
    )
    assert differing == []
    requested_idle = allocation.query(
        "SELECT * FROM build.intermediate.int_pool_shares"
        " WHERE requested_idle_share NOT BETWEEN 0 AND share"
        " OR share_of_used NOT BETWEEN 0 AND 1"
    )
    assert requested_idle == []


@quickly
@given(case=cases(), seed=st.integers(0, 2**32))
def test_the_order_of_rows_decides_nothing(
    allocation: CompiledAllocation, case: Case, seed: int
) -> None:
    allocation.run(case)
    before = everything(allocation)
    allocation.run(case.shuffled(random.Random(seed)))
    assert everything(allocation) == before


@quickly
@given(case=cases())
def test_meters_that_read_twice_as_much_divide_alike(
    allocation: CompiledAllocation, case: Case
) -> None:
    allocation.run(case)
    before = everything(allocation)
    allocation.run(case.with_meters_doubled())
    assert everything(allocation) == before
