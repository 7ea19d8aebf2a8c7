"""A bridge between two bills of which each model changes in one way, planted by hand.

March became April. What the bill says of each model, and so what its bars are:

- chat: 100 hours at 4.00 in both months, for 1,000 and then 2,000 requests
- rank: 20 million tokens at 10.00 and 30 million at 8.00; the rate is -2 x 30 = -60
- vision: 50 hours at 4.00 in both; April refunds 30.00 for March and corrects 7.00 more
- ads: 100 hours at 4.00, in March under a commitment at 3.00 of which 60.00 stay unused
- mail: 10 million tokens at 10.00 of one SKU, then of another at 2.00
- bot: 50.00 and 60.00 without any quantity
- scan: 1,000 pages in both at a cost that the bill rounds; it has no unit price
- deal: 100 hours at 4.00 in both; April's contract takes 10 % off, in a line apart
- plan: both months have 10 % off what is on demand, 400 and then 200; the other 50
  hours of April are under a commitment at 3.00. No rate moved, and 330 less 360 is -30
- a team: three seats of 20.00, then four
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.chosen_marts import ingest_and_build

if TYPE_CHECKING:
    from tests.chosen_marts import ChosenMarts

COLUMNS = (
    *("ResourceId", "ChargePeriodStart", "ChargeCategory", "ChargeClass"),
    *("BilledCost", "EffectiveCost", "ContractedCost", "ContractedUnitPrice"),
    *("PricingQuantity", "PricingUnit", "SkuId", "PricingCategory"),
    *("CommitmentDiscountId", "CommitmentDiscountStatus"),
)
#: One line each: BillingPeriodStart, then COLUMNS.
LINES = """\
2026-03-01,chat,2026-03-05,Usage,,400,400,400,4,100,Hours,gpu,Standard,,
2026-04-01,chat,2026-04-05,Usage,,400,400,400,4,100,Hours,gpu,Standard,,
2026-03-01,rank,2026-03-05,Usage,,200,200,200,10,20,1M tokens,input,Standard,,
2026-04-01,rank,2026-04-05,Usage,,240,240,240,8,30,1M tokens,input,Standard,,
2026-03-01,vision,2026-03-05,Usage,,200,200,200,4,50,Hours,gpu,Standard,,
2026-04-01,vision,2026-04-05,Usage,,200,200,200,4,50,Hours,gpu,Standard,,
2026-04-01,vision,2026-03-10,Usage,Correction,-30,-30,-30,4,-7.5,Hours,gpu,Standard,,
2026-04-01,vision,2026-04-10,Usage,Correction,-7,-7,-7,4,-1.75,Hours,gpu,Standard,,
2026-03-01,ads,2026-03-05,Usage,,0,300,400,4,100,Hours,gpu,Committed,plan,Used
2026-03-01,ads,2026-03-01,Purchase,,360,0,360,1,360,Hours,plan,Standard,plan,
2026-03-01,ads,2026-03-05,Usage,,0,60,0,,,,plan,Committed,plan,Unused
2026-04-01,ads,2026-04-05,Usage,,400,400,400,4,100,Hours,gpu,Standard,,
2026-03-01,mail,2026-03-05,Usage,,100,100,100,10,10,1M tokens,large,Standard,,
2026-04-01,mail,2026-04-05,Usage,,20,20,20,2,10,1M tokens,small,Standard,,
2026-03-01,bot,2026-03-05,Usage,,50,50,50,,,,,,,
2026-04-01,bot,2026-04-05,Usage,,60,60,60,,,,,,,
2026-03-01,scan,2026-03-05,Usage,,3.333333,3.333333,3.333333,,1000,Pages,scan,,,
2026-04-01,scan,2026-04-05,Usage,,3.333334,3.333334,3.333334,,1000,Pages,scan,,,
2026-03-01,deal,2026-03-05,Usage,,400,400,400,4,100,Hours,gpu,Standard,,
2026-04-01,deal,2026-04-05,Usage,,400,400,400,4,100,Hours,gpu,Standard,,
2026-04-01,deal,2026-04-05,Usage,,-40,-40,,,,,gpu,,,
2026-03-01,plan,2026-03-05,Usage,,400,400,400,4,100,Hours,gpu,Standard,,
2026-03-01,plan,2026-03-05,Usage,,-40,-40,,,,,gpu,,,
2026-04-01,plan,2026-04-05,Usage,,200,200,200,4,50,Hours,gpu,Standard,,
2026-04-01,plan,2026-04-05,Usage,,-20,-20,,,,,gpu,,,
2026-04-01,plan,2026-04-05,Usage,,150,150,200,4,50,Hours,gpu,Committed,offer,Used
2026-03-01,seats,2026-03-05,Usage,,60,60,60,20,3,Seats,seat,Standard,,
2026-04-01,seats,2026-04-05,Usage,,80,80,80,20,4,Seats,seat,Standard,,
"""
MODELS = ("chat", "rank", "vision", "ads", "mail", "bot", "scan", "deal", "plan")
TRIPTYCH = """\
organisation: Example GmbH
currency: USD
sources:
  - {name: bill, type: focus_files, path: bill.csv}
  - {name: meter, type: tables, stream: model_usage, path: usage.csv}
"""
METER = """\
period_start,period_end,model,request_count
2026-03-05,2026-03-06,chat,1000
2026-04-05,2026-04-06,chat,2000
"""
ALLOCATION = (
    "scope: [{name: all, match: {}}]\nassignments:\n"
    + "".join(
        f"  - {{name: {name}, match: {{resource_id: {name}}}, model: {name}}}\n"
        for name in MODELS
    )
    + "  - {name: seats, match: {resource_id: seats}, team: research}\n"
)
BARS = (
    *("rate", "volume", "efficiency", "purchase_mix", "mix", "new", "retired"),
    *("correction", "unused_commitment", "fx", "other", "not_invoiced"),
)
#: Line → its bars that are not zero, on the effective basis.
EFFECTIVE: dict[str, dict[str, str]] = {
    "chat": {"volume": "400", "efficiency": "-400"},
    "rank": {"rate": "-60", "volume": "100"},
    "vision": {"correction": "-37"},
    "ads": {"purchase_mix": "100"},
    "mail": {"mix": "-80"},
    "bot": {"other": "10"},
    "scan": {"volume": "0.000001"},
    "deal": {"rate": "-40"},
    "plan": {"purchase_mix": "-30"},
    "direct": {"volume": "20"},
    "unused_commitment": {"unused_commitment": "-60"},
}
#: Of the commitment, what is billed is its fee; what it covers is billed nothing.
BILLED = EFFECTIVE | {"ads": {"purchase_mix": "40"}, "unused_commitment": {}}


def bill(lines: str = LINES) -> str:
    """Return lines as a FOCUS file; each charge is of one day."""
    head = f"BillingPeriodStart,{','.join(COLUMNS)}"
    rows = [
        f"{line},{line.split(',')[2]}T23:59:59Z,USD,Vendor,Compute"
        for line in lines.splitlines()
    ]
    more = "ChargePeriodEnd,BillingCurrency,ProviderName,ServiceName"
    return "\n".join([f"{head},{more}", *rows, ""])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> ChosenMarts:
    root = tmp_path_factory.mktemp("bridge")
    files = {
        "triptych.yml": TRIPTYCH,
        "allocation.yml": ALLOCATION,
        "usage.csv": METER,
        "bill.csv": bill(),
    }
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return ingest_and_build(root, "cost.mart_cost_bridge")


def lines_of(built: ChosenMarts, basis: str) -> dict[str, dict[str, Any]]:
    """Return model, or line where no model has it → its row."""
    rows = built.query(
        "SELECT * FROM cost.mart_cost_bridge WHERE basis = $basis", {"basis": basis}
    ).to_pylist()
    assert {row["prior_billing_month"] for row in rows} == {"2026-03"}
    return {row["model_id"] or row["cost_line"]: row for row in rows}


@pytest.mark.parametrize(
    ("basis", "wanted"), [("effective", EFFECTIVE), ("billed", BILLED)]
)
def test_each_change_on_a_bill_is_the_bar_of_its_name_and_no_other(
    built: ChosenMarts, basis: str, wanted: dict[str, dict[str, str]]
) -> None:
    found = {
        name: {bar: row[f"{bar}_amount"] for bar in BARS if row[f"{bar}_amount"]}
        for name, row in lines_of(built, basis).items()
    }
    assert found == {
        name: {bar: Decimal(amount) for bar, amount in bars.items()}
        for name, bars in wanted.items()
    }


def test_a_cost_without_a_unit_price_has_an_unknown_rate_and_a_reason(
    built: ChosenMarts,
) -> None:
    lines = lines_of(built, "effective")
    unknown = {
        name: row["unknown_rate_cost"]
        for name, row in lines.items()
        if row["unknown_rate_cost"]
    }
    assert unknown == {"bot": Decimal(60)}
    reasons = {name: row["reason"] for name, row in lines.items() if row["reason"]}
    assert reasons == {
        "bot": "neither the bill nor a meter has its quantity in both months"
    }
