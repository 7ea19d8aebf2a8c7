"""A savings plan for all machines, bought by a company of which one machine serves AI.

The plan costs 100.00 in March. Of that, eta used 60.00 and the website 30.00;
10.00 stayed unused. The service that the plan is bought as is outside AI scope. Billed
or amortised, eta has 60.00, and 40.00 are outside AI scope. A second plan for 50.00 has
no use on the bill and stays outside. In the same month a third one for 80.00 is bought
within AI scope, and the website alone used it: none of it is unallocated AI cost.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.chosen_marts import ingest_and_build

if TYPE_CHECKING:
    from pathlib import Path

TRIPTYCH = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: bill, type: focus_files, path: bill.csv}
"""
ALLOCATION = """\
scope:
  - {name: ai, match: {resource_id: {in: [eta, reserved]}}}
assignments:
  - {name: eta, match: {resource_id: eta}, model: eta}
"""
HEAD = (
    "ResourceId,ChargeCategory,BilledCost,EffectiveCost,CommitmentDiscountId,"
    "CommitmentDiscountStatus,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,"
    "BillingCurrency,ProviderName,ServiceName"
)
LINES = """\
plan,Purchase,100,0,sp-1,
eta,Usage,0,60,sp-1,Used
web,Usage,0,30,sp-1,Used
plan,Usage,0,10,sp-1,Unused
plan,Purchase,50,0,sp-2,
reserved,Purchase,80,0,ri-3,
web,Usage,0,80,ri-3,Used
"""
MORE = "2026-03-01,2026-03-05,2026-03-06,USD,Vendor,Compute"


def test_ai_has_its_part_of_a_plan_that_is_bought_outside_ai_scope(
    tmp_path: Path,
) -> None:
    bill = [HEAD, *(f"{line},{MORE}" for line in LINES.splitlines()), ""]
    files = {"triptych.yml": TRIPTYCH, "allocation.yml": ALLOCATION}
    for name, text in {**files, "bill.csv": "\n".join(bill)}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    built = ingest_and_build(tmp_path, "cost.mart_cost_waterfall")
    rows = built.query(
        "SELECT step, billed_cost, effective_cost FROM cost.mart_cost_waterfall"
        " WHERE billed_cost <> 0 OR effective_cost <> 0"
    ).to_pylist()
    costs = {row["step"]: (row["billed_cost"], row["effective_cost"]) for row in rows}
    assert costs == {
        "ledger": (Decimal(230), Decimal(180)),
        "direct": (Decimal(60), Decimal(60)),
        # 30 + 10 of the first plan, all of the second on the bill, 80 of the third.
        "out_of_scope": (Decimal(170), Decimal(120)),
    }
