"""The bills that judge the knowledge base are as they were before it."""

from __future__ import annotations

import pytest

from tests.triptych.discovery.held_out_bills import (
    HeldOutBill,
    digest,
    held_out_bills,
)

BILLS = held_out_bills()
FROZEN = "5003befc071c9d8462e5ad3c76424d050797f9f2a9a3b57565050bf4a5037776"
SERVICES = 30


def test_the_bills_are_those_that_were_made_before_the_knowledge_base() -> None:
    assert digest() == FROZEN


@pytest.mark.parametrize("bill", BILLS, ids=[bill.name for bill in BILLS])
def test_two_thirds_of_at_least_30_services_are_not_ai(bill: HeldOutBill) -> None:
    services = {line.meter.service for line in bill.lines}
    with_ai = {line.meter.service for line in bill.lines if line.meter.is_ai}
    assert len(services) >= SERVICES
    assert len(with_ai) * 3 <= len(services) + 3
    assert sum(not line.meter.is_ai for line in bill.lines) * 3 >= len(bill.lines)
