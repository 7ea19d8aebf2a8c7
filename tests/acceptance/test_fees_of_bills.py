"""Fees of a month on a bill, divided by what the month served.

September has thirty days; chat and mail cost 10.00 on each and serve 1,000 requests on
each of the last twenty, so the meter knows 200.00 of their daily cost:

- chat pays a fee of 300.00 that the bill dates on the first day alone and calls
  recurring: 200 + 300 x 20 / 30 = 400.00 for 20,000 requests, 20.00 for a thousand
- mail pays the same fee for the whole month: 20.00
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.chosen_marts import ingest_and_build

if TYPE_CHECKING:
    from tests.chosen_marts import ChosenMarts

HEAD = (
    "BillingPeriodStart,ResourceId,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "ChargeFrequency,BilledCost,EffectiveCost,BillingCurrency,ProviderName,ServiceName"
)
TRIPTYCH = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: bill, type: focus_files, path: bill.csv}
  - {name: meter, type: tables, stream: model_usage, path: usage.csv}
"""
ALLOCATION = """\
scope: [{name: all, match: {}}]
assignments:
  - {name: chat, match: {resource_id: chat}, model: chat}
  - {name: mail, match: {resource_id: mail}, model: mail}
"""


def _day(day: int) -> str:
    return "2026-10-01" if day == 31 else f"2026-09-{day:02}"


def _charge(resource: str, days: tuple[int, int], cost: int, *, is_fee: bool) -> str:
    """Return a line of the bill from the first of two days to before the second."""
    kind = "Purchase,Recurring" if is_fee else "Usage,Usage-Based"
    first, last = (_day(day) for day in days)
    return (
        f"2026-09-01,{resource},{first},{last},{kind},{cost},{cost},USD,Vendor,Compute"
    )


def _bill() -> str:
    usage = [
        _charge(model, (day, day + 1), 10, is_fee=False)
        for model in ("chat", "mail")
        for day in range(1, 31)
    ]
    fees = [
        _charge("chat", (1, 2), 300, is_fee=True),
        _charge("mail", (1, 31), 300, is_fee=True),
    ]
    return "\n".join([HEAD, *usage, *fees, ""])


def _meter() -> str:
    rows = [
        f"{_day(day)},{_day(day + 1)},{model},1000"
        for model in ("chat", "mail")
        for day in range(11, 31)
    ]
    return "\n".join(["period_start,period_end,model,request_count", *rows, ""])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root = tmp_path_factory.mktemp("fees")
    files = {
        "triptych.yml": TRIPTYCH,
        "allocation.yml": ALLOCATION,
        "usage.csv": _meter(),
        "bill.csv": _bill(),
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return ingest_and_build(root, "cost.mart_model_unit_costs")


def test_a_fee_dated_on_one_day_is_of_the_whole_month(built: ChosenMarts) -> None:
    rows = built.query("SELECT * FROM cost.mart_model_unit_costs").to_pylist()
    assert {row["model_id"]: row["fully_loaded_cost"] for row in rows} == {
        "chat": Decimal(600),
        "mail": Decimal(600),
    }
    prices = {row["model_id"]: row["cost_per_thousand_requests"] for row in rows}
    assert (prices["chat"], prices["mail"]) == (20.0, 20.0)
