"""The company of ``closing_case`` with SKUs and a budget, where one SKU has no price.

March by hand, as delivered: eta 10.00 (``api``), vision 20.00 (``api``), GPU 120.00
(``a100``) and 60.00 (``h100``), mail 7.00, storage 3.00: 220.00; 213.00 are of AI.
With ``a100`` unpriced 100.00 and 93.00 are known, and nobody knows what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.cases import closing_case
from tests.e2e.cases.closing_case import ClosingCase

if TYPE_CHECKING:
    from pathlib import Path

MONTH = "2026-03"
#: The SKU that loses its price, and what each place says of it.
SKU = "a100-hours"
LACKS = f"bills lacks cost of {SKU} (1 row refused: BilledCost_missing)"
_HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,SkuId,Tags,InvoiceId,"
    "InvoiceIssuerName\n"
)
_SETTINGS = (
    closing_case.SETTINGS.replace("synthetic: true\n", "")
    + "  - {name: plan, type: tables, stream: budgets, path: budgets.csv}\n"
)
_BUDGETS = "month,scope_type,scope_id,amount,currency\n2026-03,all,all,150.00,EUR\n"
_INVOICES = (
    "InvoiceId,InvoiceIssuerName,billing_month,currency,amount,status\n"
    "E-3,Vendor,2026-03,EUR,220.00,issued\n"
)


def _charge(cost: str, service: str, sku: str, *, model: str = "", day: int = 5) -> str:
    tags = f'"{{""model"": ""{model}""}}"' if model else "{}"
    period = f"2026-03-01,2026-03-{day:02},2026-03-{day + 1:02}"
    return f"{cost},{cost},EUR,{period},Usage,{service},{sku},{tags},E-3,Vendor\n"


def unpriced_company(root: Path) -> ClosingCase:
    """Write and run it; the bill states no cost for the SKU."""
    case = ClosingCase(root)
    root.mkdir(exist_ok=True)
    case.write("triptych.yml", _SETTINGS)
    case.write("allocation.yml", closing_case.RULES)
    case.write("catalog.yml", closing_case.CATALOG)
    case.write("usage.csv", closing_case.USAGE)
    case.write("rates.csv", closing_case.RATES)
    case.write("invoices.csv", _INVOICES)
    case.write("budgets.csv", _BUDGETS)
    (root / "bills").mkdir()
    charges = (
        _charge("10.00", "API", "api", model="eta"),
        _charge("20.00", "API", "api", model="vision"),
        _charge("", "GPU", SKU),
        _charge("60.00", "GPU", "h100-hours"),
        _charge("7.00", "Mail", "mail"),
        _charge("3.00", "Storage", "disk", day=31 - 1),
    )
    (root / "bills" / "2026-03.csv").write_text(_HEADER + "".join(charges), "utf-8")
    april = _charge("5.00", "API", "api", model="eta").replace("2026-03", "2026-04")
    april = april.replace("E-3", "E-4")
    (root / "bills" / "2026-04.csv").write_text(_HEADER + april, "utf-8")
    case.run()
    return case
