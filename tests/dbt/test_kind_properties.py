"""For any bill of a key, each line's money goes to users of its kind, to the digit.

The compiled SQL is compared with a reference in fractions: a line names one of two
models of the vendor and input, cached input or output; users send tokens of either.
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

from tests.dbt.allocation_reference import UNALLOCATED, divided, rounded_down
from tests.dbt.compiled_models import CompiledAllocation

if TYPE_CHECKING:
    from tests.dbt.dbt_commands import DbtCommands

    Parts = dict[tuple[str, str], Decimal]

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


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(bill=st.lists(lines, min_size=1, max_size=6), used=st.lists(uses, max_size=6))
def test_each_lines_money_goes_only_to_users_of_its_kind_and_sums_to_the_bill(
    allocation: CompiledAllocation, bill: list[Line], used: list[Use]
) -> None:
    allocation.run_rows(rows_of(bill, used))
    found = {
        (kind, user): cost
        for kind, user, cost in allocation.query(
            "SELECT charged_kind, participant_id, sum(billed_cost)"
            " FROM build.intermediate.int_pool_costs_allocated GROUP BY ALL"
        )
    }
    assert found == expected(bill, used)
    assert sum(found.values()) == sum(line.amount for line in bill)


def rows_of(bill: list[Line], used: list[Use]) -> dict[str, list[dict[str, object]]]:
    """Return the rows that the models under test read."""
    return {
        "intermediate.int_charges_owned": [
            {
                "billing_month": "2026-03",
                "charge_date": DAY.date(),
                "allocation_interval": "day",
                "interval_started_at": DAY,
                "source": "bill",
                "currency": "USD",
                "component": "shared",
                "is_missing_rate": False,
                "pool_id": "key",
                "charged_kind": line.charged_kind,
                "billed_cost": line.amount,
                "effective_cost": line.amount,
            }
            for line in bill
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
        "control.pools": [
            {
                "pool_id": "key",
                "driver": "tokens",
                "idle_policy": "show",
                "component": "shared",
            }
        ],
    }
