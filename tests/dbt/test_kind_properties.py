"""For any bill of a key, each line's money goes to users of its kind, to the digit.

The compiled SQL is compared with a reference in fractions: a line names one of two
models of the vendor and input, cached input or output; users send tokens of either. Of
a pool of GPUs a line names a type, on demand or spot; users hold hours of types, of
which a meter may say no more than that, and how many there are is known of some.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.allocation_reference import IDLE, UNALLOCATED, divided, rounded_down
from tests.dbt.compiled_models import CompiledAllocation
from tests.layers import examples

if TYPE_CHECKING:
    from tests.dbt.dbt_commands import DbtCommands

    Parts = dict[tuple[str, str], Decimal]

#: Each example runs the compiled SQL.
SLOW = settings(
    max_examples=examples(96),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
DAY = datetime(2026, 3, 1)  # noqa: DTZ001  (UTC throughout)
KINDS = ("input", "cached_input", "output")
#: The bill and a meter may also name no model alike.
VENDOR_MODELS = ("x", "y", "z")
USERS = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill: of one of the vendor's models, for one kind."""

    vendor_model: str
    kind: str
    amount: Decimal

    @property
    def charged_kind(self) -> str:
        """Return the kind as the warehouse packs it."""
        return f"{self.kind}:{self.vendor_model}::"


@dataclass(frozen=True, slots=True)
class Use:
    """What a user sent to a model and got from it."""

    user: str
    vendor_model: str
    tokens: dict[str, int]


lines = st.builds(
    Line,
    st.sampled_from(VENDOR_MODELS[:2]),
    st.sampled_from(KINDS),
    st.integers(-(10**6), 10**12).map(lambda units: Decimal(units).scaleb(-8)),
)
uses = st.builds(
    Use,
    st.sampled_from(USERS),
    st.sampled_from(VENDOR_MODELS),
    st.fixed_dictionaries({kind: st.integers(0, 10**9) for kind in KINDS}),
)


def weights(bill: list[Line], used: list[Use]) -> dict[tuple[str, str], dict[str, int]]:
    """Return model and kind of a line → what each user used of it."""
    charged = {(line.vendor_model, line.kind) for line in bill}
    billed = {model for model, _ in charged}
    # A bill and a meter that share no name are divided by kind alone.
    is_by_model = not billed.isdisjoint(use.vendor_model for use in used)
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for use in used:
        models = {use.vendor_model} & billed if is_by_model else billed
        for kind, count in use.tokens.items():
            of_kind = {(m, kind) for m in models} & charged
            if kind == "cached_input" and not of_kind:
                # Not told apart: it was charged as input.
                of_kind = {(m, "input") for m in models} & charged
            for line in of_kind:
                counts[line][use.user] = counts[line].get(use.user, 0) + count
    return counts


def expected(bill: list[Line], used: list[Use]) -> Parts:
    """Return kind and user → their part, in fractions and apart from the SQL."""
    amounts: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for line in bill:
        amounts[line.vendor_model, line.kind] += Fraction(line.amount)
    counts = weights(bill, used)
    parts: Parts = {}
    for (model, kind), amount in amounts.items():
        of_line = counts[model, kind]
        total = sum(of_line.values())
        shares = {
            user: rounded_down(Fraction(count, total), 14)
            for user, count in of_line.items()
            if count
        }
        split = divided(amount, shares or {UNALLOCATED: Fraction(1)})
        for user, part in split.items():
            exact = Decimal(int(part * 10**10)).scaleb(-10)
            parts[f"{kind}:{model}::", user] = exact
    return parts


@pytest.fixture(scope="module")
def allocation(dbt: DbtCommands) -> CompiledAllocation:
    return CompiledAllocation(dbt)


@SLOW
@given(bill=st.lists(lines, min_size=1, max_size=6), used=st.lists(uses, max_size=6))
def test_each_lines_money_goes_only_to_users_of_its_kind_and_sums_to_the_bill(
    allocation: CompiledAllocation, bill: list[Line], used: list[Use]
) -> None:
    allocation.run_rows(rows_of(bill, used))
    found = costs_of(allocation)
    assert found == expected(bill, used)
    assert sum(found.values()) == sum(line.amount for line in bill)


def costs_of(allocation: CompiledAllocation) -> Parts:
    """Return line and user → what the SQL gave them."""
    return {
        (kind, user): cost
        for kind, user, cost in allocation.query(
            "SELECT charged_kind, participant_id, sum(billed_cost)"
            " FROM build.intermediate.int_pool_costs_allocated GROUP BY ALL"
        )
    }


def charge_of(pool: str, kind: str, amount: Decimal) -> dict[str, object]:
    """Return a day's charge of a pool."""
    return {
        "billing_month": "2026-03",
        "charge_date": DAY.date(),
        "allocation_interval": "day",
        "interval_started_at": DAY,
        "source": "bill",
        "currency": "USD",
        "component": "shared",
        "is_missing_rate": False,
        "pool_id": pool,
        "charged_kind": kind,
        "billed_cost": amount,
        "effective_cost": amount,
    }


def pool_of(name: str, driver: str) -> dict[str, object]:
    """Return a pool that shows what is idle."""
    return {
        "pool_id": name,
        "driver": driver,
        "idle_policy": "show",
        "component": "shared",
    }


def rows_of(bill: list[Line], used: list[Use]) -> dict[str, list[dict[str, object]]]:
    """Return the rows that the models under test read."""
    return {
        "intermediate.int_charges_owned": [
            charge_of("key", line.charged_kind, line.amount) for line in bill
        ],
        "intermediate.int_model_usage": [
            {
                "model_id": use.user,
                "pool_id": "key",
                "provider_model": use.vendor_model,
                "service_tier": "standard",
                "input_tokens": use.tokens["input"] + use.tokens["cached_input"],
                "cached_input_tokens": use.tokens["cached_input"],
                "output_tokens": use.tokens["output"],
                "period_start": DAY,
            }
            for use in used
        ],
        "control.pools": [pool_of("key", "tokens")],
    }


#: What a meter calls a type, of a whole GPU or of a slice of one → the type.
ACCELERATORS = {
    "NVIDIA H100 80GB HBM3": "h100",
    "NVIDIA H100 80GB HBM3 MIG 3g.40gb": "h100",
    "Tesla T4": "t4",
    "NVIDIA A100-SXM4-80GB": "a100",
}
#: What a meter says of the price → the tier of a line; it may say nothing.
OPTIONS = {"on-demand": "", "spot": "spot", None: "?"}
Nodes = tuple[str, str]


@dataclass(frozen=True, slots=True)
class NodeLine:
    """A line of the bill: hours of one type, on demand or spot."""

    type: str
    tier: str
    amount: Decimal

    @property
    def charged_kind(self) -> str:
        """Return the kind as the warehouse packs it."""
        return f"accelerator:{self.type}::{self.tier}"


@dataclass(frozen=True, slots=True)
class Held:
    """GPU hours that a user held; those that were there where there is no user."""

    user: str | None
    name: str
    option: str | None
    hours: Decimal

    @property
    def nodes(self) -> Nodes:
        """Return type and tier, ``?`` where the meter does not say."""
        return ACCELERATORS[self.name], OPTIONS[self.option]


node_lines = st.builds(
    NodeLine,
    st.sampled_from(("h100", "t4")),
    st.sampled_from(("", "spot")),
    st.integers(-(10**6), 10**12).map(lambda units: Decimal(units).scaleb(-8)),
)
held_hours = st.builds(
    Held,
    st.sampled_from((*USERS, None)),
    st.sampled_from(tuple(ACCELERATORS)),
    st.sampled_from(tuple(OPTIONS)),
    # Sevenths, as slices have them, in the eight decimals of a weight.
    st.integers(0, 7 * 96).map(lambda parts: round(Decimal(parts) / 7, 8)),
)


def nearest_lines(meter: Nodes, bill: set[Nodes], *, is_by_type: bool) -> set[Nodes]:
    """Return the lines that hours belong to: spot hours to spot if there is a line."""
    distances = {
        (type_, tier): 0 if meter[1] in {tier, "?"} else 1
        for type_, tier in bill
        if (type_ == meter[0] or not is_by_type)
        and (meter[1] in {tier, "?"} or not tier)
    }
    least = min(distances.values(), default=0)
    return {line for line, distance in distances.items() if distance == least}


def hours_of_lines(
    bill: list[NodeLine], held: list[Held]
) -> dict[Nodes, dict[str | None, Fraction]]:
    """Return line → hours of each user, and under None those that were there."""
    charged = {(line.type, line.tier) for line in bill}
    types = {line.type for line in bill}
    is_by_type = any(one.nodes[0] in types for one in held)
    hours: dict[Nodes, dict[str | None, Fraction]] = defaultdict(dict)
    for one in held:
        for line in nearest_lines(one.nodes, charged, is_by_type=is_by_type):
            before = hours[line].get(one.user, Fraction())
            hours[line][one.user] = before + Fraction(one.hours)
    return hours


def shares_of(hours: dict[str | None, Fraction]) -> dict[str, Fraction]:
    """Return the part of each user, and of idle time if it is known what there was."""
    there = hours.get(None, Fraction())
    used = {user: count for user, count in hours.items() if user and count}
    whole = max(there, sum(used.values(), Fraction()))
    if not whole:
        return {UNALLOCATED: Fraction(1)}
    shares = {user: rounded_down(count / whole, 14) for user, count in used.items()}
    idle = there - sum(used.values(), Fraction())
    return shares | ({IDLE: rounded_down(idle / there, 14)} if idle > 0 else {})


def expected_of_nodes(bill: list[NodeLine], held: list[Held]) -> Parts:
    """Return line and user → their part, in fractions and apart from the SQL."""
    amounts: dict[Nodes, Fraction] = defaultdict(Fraction)
    for line in bill:
        amounts[line.type, line.tier] += Fraction(line.amount)
    hours = hours_of_lines(bill, held)
    return {
        (f"accelerator:{type_}::{tier}", user): Decimal(int(part * 10**10)).scaleb(-10)
        for (type_, tier), amount in amounts.items()
        for user, part in divided(amount, shares_of(hours[type_, tier])).items()
    }


@SLOW
@given(
    bill=st.lists(node_lines, min_size=1, max_size=5),
    held=st.lists(held_hours, max_size=8),
)
def test_hours_of_a_type_pay_for_that_type_and_idle_is_unknown_without_a_capacity(
    allocation: CompiledAllocation, bill: list[NodeLine], held: list[Held]
) -> None:
    allocation.run_rows(rows_of_nodes(bill, held))
    found = costs_of(allocation)
    planted = expected_of_nodes(bill, held)
    assert found == planted
    assert sum(found.values()) == sum(line.amount for line in bill)
    hours = hours_of_lines(bill, held)
    # Money that models share of lines of which nobody says how much there was.
    in_doubt = {
        (kind, user): cost
        for (kind, user), cost in planted.items()
        if user not in {IDLE, UNALLOCATED}
        and not hours[kind.split(":")[1], kind.split(":")[3]].get(None)
    }
    is_known = any(per.get(None) for per in hours.values())
    state = "known" if is_known else "not_applicable"
    if in_doubt:
        state = "at_least" if is_known else "unknown"
    idle = sum(cost for (_, user), cost in planted.items() if user == IDLE)
    assert allocation.query(
        "SELECT infrastructure_idle_billed_cost, capacity_unknown_billed_cost,"
        " idle_state FROM build.intermediate.int_daily_pool_costs_live"
    ) == [(None if state == "unknown" else idle, sum(in_doubt.values()), state)]


def rows_of_nodes(
    bill: list[NodeLine], held: list[Held]
) -> dict[str, list[dict[str, object]]]:
    """Return the rows that the models under test read."""
    readings: list[dict[str, object]] = [
        {
            "source": "meter",
            "pool_id": "gpu",
            "model_id": one.user,
            "accelerator_type": one.name,
            "purchase_option": one.option,
            "capacity_gpu_hours": None if one.user else one.hours,
            "requested_gpu_hours": one.hours if one.user else None,
            "period_start": DAY,
        }
        for one in held
    ]
    return {
        "intermediate.int_charges_owned": [
            charge_of("gpu", line.charged_kind, line.amount) for line in bill
        ],
        "intermediate.int_accelerator_usage": readings,
        "control.pools": [pool_of("gpu", "gpu_hours")],
    }
